//! Experiments with the Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.

#![deny(missing_docs)]

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod decode;
pub mod device;
mod environment;
mod error;
pub mod files;
mod json_log;
mod labels;
pub mod metrics;
pub mod model;
pub mod optimizer;
pub mod paper;
pub mod plane;
mod printable;
pub mod random;
pub mod reading;
pub mod report;
pub mod run;
pub mod schedule;
mod stop;
pub mod sweep;
pub mod task;
mod text;
pub mod train;

pub use environment::environment;
pub use error::Error;
pub use files::write_atomically;
pub use printable::printable;
pub use stop::{Stop, Unsaved};
