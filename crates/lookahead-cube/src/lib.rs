//! Steps of Lookahead optimizers on the tensors of Burn's CubeCL backend (CUDA, Vulkan, wgpu), in place: one
//! kernel for a parameter, which reads and writes its weights, moments, slow weights and momentum once.
//!
//! `lookahead-burn` uses it under its features `cuda`, `vulkan` and `wgpu`; nobody else need know of it. A step is
//!
//! 1. the rule, SGD or Adam, as the core's kernels define it;
//! 2. in every k-th step the sync: Eq. 1 of the paper, or an outer step with momentum. An element whose result is not
//!    finite keeps its slow weight and is counted on the device.
//!
//! Weights may be in half precision, and their gradients; all else is f32. Beside it are the sum of squares of a gradient, which
//! clipping needs, and the factors of dropout.
//!
//! The arithmetic is that of the core, but for what a driver may do otherwise: contract a multiplication and an addition, and,
//! by the rules of WGSL, round a quotient or a root by some units in the last place, take subnormal numbers for 0, and take
//! either neighbour where a number is rounded to half precision.
//!
//! # Features
//! `cuda`, `vulkan`, `wgpu`: the runtimes, as Burn calls them; without any there are no kernels. `fusion`: needed where Burn has its own
//! feature `fusion`.

#![deny(missing_docs)]

mod dropout;
#[cfg(feature = "kernels")]
mod opens;
#[cfg(feature = "kernels")]
mod squares;
#[cfg(feature = "kernels")]
mod step;

pub use dropout::{ChaCha8, dropout_factors};
#[cfg(feature = "kernels")]
pub use opens::{opens, opens_pair, opens_up_to_single};
#[cfg(feature = "kernels")]
pub use squares::scaled_squares;
#[cfg(feature = "kernels")]
pub use step::{OuterUpdate, Rule, Synced, step};
