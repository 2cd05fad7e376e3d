//! What is asked of an artifact.

use std::num::NonZeroU32;

use lookahead_runs::Scale;

use crate::config::DeviceConfig;

/// What is asked of an artifact on the command line.
#[derive(Debug, Clone)]
pub struct Request {
    /// How large.
    pub scale: Scale,
    /// How many seeds, if not the configured number. An analysis takes none.
    pub seeds: Option<NonZeroU32>,
    /// Overrides of the configuration, `KEY=VALUE`.
    pub overrides: Vec<String>,
    /// Where to look for the data, if not at its usual place. An analysis needs none.
    pub data: Option<String>,
    /// Where to compute, if not where the configuration says. An analysis uses the processor.
    pub device: Option<DeviceConfig>,
    /// The command, as the report shows it.
    pub command: String,
}
