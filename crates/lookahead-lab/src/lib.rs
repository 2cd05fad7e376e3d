//! Experiments with the Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.

#![deny(missing_docs)]

pub mod config;
pub mod data;
mod error;
pub mod metrics;
pub mod random;
pub mod report;

pub use error::Error;
