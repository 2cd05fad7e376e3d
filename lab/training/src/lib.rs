//! Training with the Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): configurations, tasks, the loop that trains them,
//! checkpoints that survive kills, and sweeps over groups, grids and seeds.

#![deny(missing_docs)]

mod allocator;
pub mod checkpoint;
pub mod config;
pub mod device;
mod environment;
mod error;
pub mod optimizer;
pub mod plane;
pub mod run;
pub mod schedule;
pub mod sweep;
pub mod task;
pub mod train;
pub mod workers;

pub use allocator::keep_freed_memory;
pub use environment::{environment, set_revision};
pub use error::Error;
