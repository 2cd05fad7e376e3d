//! Runs of small networks on made data.

use std::path::Path;

use lookahead_data::Data;
use lookahead_runs::{MetricsRow, RunResult, Stop};
use lookahead_training::Error;
use lookahead_training::config::RunConfig;
use lookahead_training::run::{folder, run};
use lookahead_training::train::Observer;

pub fn config(text: &str) -> RunConfig {
    RunConfig::parse(text, "run.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// Asks a run to stop behind a step.
pub struct StopBehind<'a>(pub u64, pub &'a Stop);

impl Observer for StopBehind<'_> {
    fn stepped(&mut self, step: u64) {
        if step == self.0 {
            self.1.ask();
        }
    }

    fn evaluated(&mut self, _row: &MetricsRow) {}
}

/// The run in its folder, to its end or to a step.
pub fn train(config: &RunConfig, out: &Path, until: Option<u64>) -> Result<RunResult, Error> {
    let (data, stop) = (Data::load(&config.data)?, Stop::new());
    run(config, &data, &folder(out, config), &mut StopBehind(until.unwrap_or(u64::MAX), &stop), &stop)
}
