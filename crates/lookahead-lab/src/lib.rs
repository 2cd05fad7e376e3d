//! Experiments with the Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.

#![deny(missing_docs)]

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod decode;
pub mod device;
mod environment;
mod error;
mod files;
mod json_log;
pub mod metrics;
pub mod model;
pub mod optimizer;
pub mod paper;
pub mod plane;
pub mod random;
pub mod report;
pub mod run;
pub mod schedule;
pub mod sweep;
pub mod task;
pub mod train;

pub use environment::environment;
pub use error::Error;
pub use files::write_atomically;
