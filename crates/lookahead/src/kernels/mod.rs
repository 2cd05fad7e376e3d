//! The arithmetic, on slices: one file per operation. No state, no policy.
//!
//! All slices of one call have the same length, and each function panics where they do not.

pub mod adam;
mod pull_back;
mod reduce;
pub mod sgd;

pub use pull_back::{interpolate, interpolate_scalar, pull_back};
pub use reduce::{AlphaSums, accumulate_squares};
