//! x
#![deny(missing_docs)]

mod batch_norm;
mod checkpoint;
mod config;
mod error;
mod gradients;
mod int8;
#[cfg(feature = "mpi")]
mod mpi;
mod news;
mod scaling;
mod shard;
mod slow_step;
mod start;

#[cfg(feature = "mpi")]
pub use self::mpi::{Mpi, abort, run};
pub use batch_norm::average_batch_norm;
pub use checkpoint::Checkpoints;
pub use config::{SlowStepConfig, Wire};
pub use error::Error;
pub use gradients::average_gradients;
pub use int8::{Int8Feedback, Int8InFlight};
pub use news::{News, Shared};
pub use scaling::Job;
pub use shard::{seed_of_rank, shard};
pub use slow_step::{SlowStep, Synced};
pub use start::{begin_together, check_replicas};
