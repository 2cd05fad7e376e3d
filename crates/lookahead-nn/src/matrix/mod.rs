//! Matrix products of `f32`, rows stored one after another.
//!
//! The right factor of `C = A B` is packed once, as a [`Factor`], and multiplied from the left as often as wanted: the
//! weights of a layer by each batch, the recurrent weights of a network by each step. Packing reads and writes B
//! once, little beside a product of some hundred rows.
//!
//! ```
//! use lookahead_nn::matrix::{Factor, Start};
//!
//! # fn main() -> Result<(), lookahead_nn::matrix::MatrixError> {
//! let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 3 x 2
//! let b = [1.0, 0.0, -1.0, 0.0, 1.0, 2.0]; // 2 x 3
//! let mut c = [0.0; 9];
//! Factor::new(&b, [2, 3])?.multiply(&a, Start::Zero, &mut c)?;
//! assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 7.0]);
//!
//! // A^T C, as the gradient of B needs it, added to what is there.
//! let mut d = [1.0; 6];
//! Factor::new(&c, [3, 3])?.multiply_transposed(&a, Start::There, &mut d)?;
//! assert_eq!(d, [36.0, 45.0, 54.0, 45.0, 57.0, 69.0]);
//! # Ok(())
//! # }
//! ```

mod error;
mod factor;
mod multiply;
mod pack;
mod row_sums;

pub use error::MatrixError;
pub use factor::{Factor, Start};
pub use row_sums::row_sums;
