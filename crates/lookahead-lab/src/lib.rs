//! Experiments with the Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.

#![deny(missing_docs)]

pub mod checkpoint;
pub mod config;
pub mod data;
mod environment;
mod error;
pub mod evaluate;
mod files;
pub mod metrics;
mod metrics_log;
pub mod model;
pub mod optimizer;
pub mod paper;
pub mod plane;
pub mod random;
pub mod report;
pub mod run;
pub mod schedule;
pub mod train;

pub use environment::environment;
pub use error::Error;
pub use files::write_atomically;
