//! What several workers did together: means over the finished runs of a group.

use lookahead_runs::{RunResult, WorkersResult};
use serde::{Deserialize, Serialize};

/// The workers of a group's runs; numbers are means over its finished runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkersSummary {
    /// How many there are in a run.
    pub count: u32,
    /// What they shared.
    pub algorithm: String,
    /// Bytes that the first worker sent.
    pub bytes_sent: f64,
    /// Seconds of its exchanges, without waiting for slower workers.
    pub communicating: f64,
    /// Seconds that it waited for slower ones.
    pub waiting: f64,
    /// Both as a share of the run's wall time.
    pub share: f64,
    /// The length of the workers' mean way, over syncs; `None` without a slow step.
    pub delta: Option<f64>,
    /// The cosine between the workers' ways, over syncs; `None` without a slow step, and of one worker.
    pub cosine: Option<f64>,
}

impl WorkersSummary {
    /// `None` where no run has workers.
    pub(crate) fn of(finished: &[&RunResult]) -> Option<Self> {
        let runs: Vec<(&WorkersResult, f64)> =
            finished.iter().filter_map(|run| Some((run.workers.as_ref()?, run.seconds))).collect();
        let (first, _) = runs.first()?;
        let mean = |value: &dyn Fn(&WorkersResult) -> Option<f64>| {
            let values: Vec<f64> = runs.iter().filter_map(|(workers, _)| value(workers)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let seconds = runs.iter().map(|(_, seconds)| seconds).sum::<f64>() / runs.len() as f64;
        let of = |value: fn(&WorkersResult) -> f64| mean(&|workers| Some(value(workers))).unwrap_or(0.0);
        let (communicating, waiting) = (of(|workers| workers.communicating), of(|workers| workers.waiting));
        Some(Self {
            count: first.count,
            algorithm: first.algorithm.clone(),
            bytes_sent: of(|workers| workers.bytes_sent as f64),
            communicating,
            waiting,
            share: if seconds > 0.0 { (communicating + waiting) / seconds } else { 0.0 },
            delta: mean(&|workers| workers.delta),
            cosine: mean(&|workers| workers.cosine),
        })
    }
}
