//! Convolution, batch norm, pooling and matrix products for training neural networks on a CPU: `f32`, over plain slices.
//!
//! A [`Conv2d`] is a checked shape. It computes the outputs of a layer, and from the gradient of the outputs those of the
//! inputs, the weights and the bias:
//!
//! ```
//! use lookahead_nn::{Conv2d, ConvShape};
//!
//! # fn main() -> Result<(), lookahead_nn::Error> {
//! // Two images of 8x8 with 3 channels, 16 filters of 3x3, every second pixel.
//! let conv = Conv2d::new(&ConvShape::new([2, 8, 8, 3], 16, [3, 3]).with_padding(1).with_stride([2, 2]))?;
//! assert_eq!(conv.output_shape(), [2, 4, 4, 16]);
//!
//! let (x, w, bias) = (vec![0.5; conv.input_len()], vec![0.1; conv.weight_len()], vec![1.0; 16]);
//! let mut y = vec![0.0; conv.output_len()];
//! conv.forward(&x, &w, Some(&bias), &mut y)?;
//! assert!((y[16 * 5] - (1.0 + 27.0 * 0.05)).abs() < 1e-5);
//!
//! let dy = vec![1.0; y.len()];
//! let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; 16]);
//! conv.backward_data(&dy, &w, &mut dx)?;
//! conv.backward_weight(&x, &dy, &mut dw)?;
//! conv.backward_bias(&dy, &mut db)?;
//! assert_eq!(db[0], 2.0 * 4.0 * 4.0);
//! # Ok(())
//! # }
//! ```
//!
//! Batch norm is in [`norm`], pooling in [`pool`], and products of matrices are in [`matrix`].
//!
//! # Equations
//! With stride s, dilation d, padding p (above and on the left) and the weights of one group,
//!
//! - `y[n, i, j, k] = bias[k] + sum over r, q, c of x[n, s i + d r - p, s j + d q - p, c] w[r, q, c, k]`,
//! - `dx[n, i, j, c] = sum over r, q, k of dy[n, (i + p - d r) / s, (j + p - d q) / s, k] w[r, q, c, k]` where s divides,
//! - `dw[r, q, c, k] = sum over n, i, j of x[n, s i + d r - p, s j + d q - p, c] dy[n, i, j, k]`,
//! - `dbias[k] = sum over n, i, j of dy[n, i, j, k]`.
//!
//! What lies outside of an image is zero.
//!
//! # Layouts
//! Images are `[batch, height, width, channels]`, weights `[kernel height, kernel width, input channels / groups, output
//! channels]`, both with the last axis contiguous. [`Conv2d::weight_from_oihw`] and [`Conv2d::weight_to_oihw`] convert from and
//! to the order `[output channels, input channels / groups, kernel height, kernel width]` that frameworks keep. The outputs of
//! group g are the g-th part of the output channels.
//!
//! # Bits, accuracy, memory
//! The same numbers give the same bits with any number of threads, and again. CPUs with other vector instructions may round
//! differently; so may another [`Algorithm`]. A NaN or an infinity reaches all that see it; with
//! [`Algorithm::Auto`] also what shares a tile of 4x4 pixels with it, with [`Algorithm::Winograd4x4`] of 6x6. Winograd's
//! algorithm adds numbers of a tile before it multiplies them: inputs above some 1e37 (1e36 with tiles of 6x6) can overflow
//! where [`Algorithm::Direct`] does not.
//!
//! The root of the mean square of the error is below 1e-6 (1.5e-6 with [`Algorithm::Winograd4x4`]) of that of the sums, as
//! far as their terms do not cancel.
//!
//! Each thread keeps up to four buffers for its next call. The largest that a call needs hold the weights once more, the
//! channels of each group filled up to a vector (16/9 of them where Winograd's algorithm is used, 4 times as many for its
//! tiles of 4x4 outputs), for the gradient of the weights up to 15 more times, and pixels of some images; for a product 120
//! rows of at most 1200 numbers of the left factor. A [`matrix::Factor`] holds its numbers, rows filled up to a vector,
//! possibly in a buffer that a larger one has left. A convolution also lists which pixels see which taps: 16 bytes for a
//! pixel and tap where no two neighbours see the same ones, so a kernel as large as the image, dilated or with as
//! much padding, costs more for the list than for the sums. Images of a single row are computed by one thread.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aligned;
mod conv;
mod error;
mod instruction_set;
mod kernel;
pub mod matrix;
pub mod norm;
pub mod pool;
mod vectorized;

pub use conv::{Algorithm, Conv2d, ConvShape, Padding};
pub use error::Error;
#[doc(hidden)]
pub use instruction_set::InstructionSet;

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
