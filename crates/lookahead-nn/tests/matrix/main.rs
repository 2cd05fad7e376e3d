//! Matrix products through their public interface.

mod bits;
mod errors;
mod infinite;
mod product;
mod properties;
mod reference;
mod row_sums;
#[path = "../support/sums.rs"]
mod sums;
