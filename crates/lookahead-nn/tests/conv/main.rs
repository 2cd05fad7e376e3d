//! Convolution through its public interface.

mod accuracy;
mod bits;
mod errors;
mod golden;
mod layout;
mod passes;
mod properties;
mod reference;
#[path = "../support/sums.rs"]
mod sums;
