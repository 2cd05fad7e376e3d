//! Matrix products of `f32`, rows stored one after another.
//!
//! The right factor of `C = A B` is packed once, as a [`Factor`], and multiplied from the left as often as wanted: the
//! weights of a layer by each batch, the recurrent weights of a network by each step. Packing reads and writes B
//! once, little beside a product of some hundred rows.

mod error;
mod factor;
mod multiply;
mod pack;
mod row_sums;

pub use error::MatrixError;
pub use factor::{Factor, Start};
pub use row_sums::row_sums;
