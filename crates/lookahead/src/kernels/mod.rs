//! The arithmetic, on slices: one file per operation. No state, no policy.
//! A rule is the arithmetic of one element ([`sgd`], [`adam`]), an operation without a rule a plain loop over slices of
//! one length ([`pull_back`], [`interpolate`]), which panics where the lengths differ. A [`Pass`] runs them over all
//! tensors at once: compiled for the CPU at hand, on all threads, and the step in one go with the sync that follows it.
//! [`adafactor`] works on a whole tensor at a time, because its step depends on sums over it.

pub mod adafactor;
pub mod adam;
pub mod bf16;
mod instruction_set;
pub mod look_ahead;
pub mod momentum;
mod pass;
mod pieces;
pub mod primal;
mod pull_back;
mod reduce;
pub mod sgd;
mod step;
mod task;
mod threads;

pub use instruction_set::InstructionSet;
pub use pass::Pass;
pub use pieces::Pieces;
pub use pull_back::{interpolate, interpolate_scalar, pull_back};
pub use reduce::{AlphaSums, AlphaTerms, SlowValues, accumulate_squares};
pub use step::{Moments, reference};
pub use task::{Slow, Task, TensorSync};
