//! `result.json`: the end of a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::{FileError, LeftOut, Scores, scores};

/// The end of a run: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// `done`; a run with any other status counts as unfinished.
    pub status: String,
    /// Epochs finished.
    pub epochs: u32,
    /// Gradient steps done.
    pub steps: u64,
    /// What was measured at the end, on the slow weights where there are any; the training loss is the last one.
    #[serde(flatten, deserialize_with = "scores::of_weights")]
    pub scores: Scores,
    /// Of which epochs the evaluated weights are, where they are not those at the end: the best one, or several averaged.
    /// All losses and scores here are of these weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_epochs: Vec<u32>,
    /// Whether the averages of the optimizer have begun, so that the evaluated weights are an average; `None` without any,
    /// and of runs from before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_began: Option<bool>,
    /// Wall time of the whole run, in seconds.
    pub seconds: f64,
    /// Elements that a sync left alone because their new value was not finite.
    pub non_finite: u64,
    /// The SHA-256 of the data it was trained and evaluated on.
    pub data: String,
    /// What that data is, in words.
    pub data_description: String,
    /// Examples left out of batches because their files could not be decoded.
    pub skipped: u64,
    /// What its numbers are without.
    #[serde(flatten)]
    pub left_out: LeftOut,
    /// What the workers of the run did together; `None` of a run of one process alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersResult>,
    /// The share of the time of its steps that they waited for their batches, from 0 to 1; `None` where it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_wait: Option<f64>,
    /// The most memory the process held, in bytes; runs that share a process share it. `None` where the system does not
    /// tell.
    #[serde(deserialize_with = "Option::deserialize")]
    pub peak_memory: Option<u64>,
}

/// What several workers did together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkersResult {
    /// How many there were.
    pub count: u32,
    /// What they shared: `slow_step`, `delayed_slow_step` or `gradients`.
    pub algorithm: String,
    /// Bytes that the first worker sent to others.
    pub bytes_sent: u64,
    /// Seconds that the first worker's exchanges took, without waiting for slower workers.
    pub communicating: f64,
    /// Seconds that the first worker waited for slower ones.
    pub waiting: f64,
    /// The mean over syncs of the length of the workers' mean way; `None` without a slow step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// The mean over syncs of the cosine between the workers' ways; `None` without a slow step, or of one worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f64>,
}

impl WorkersResult {
    fn check(&self, place: &Place<'_>) -> Result<(), FileError> {
        place.within("communicating", self.communicating, 0.0..=f64::MAX, "0 or more")?;
        place.within("waiting", self.waiting, 0.0..=f64::MAX, "0 or more")
    }
}

impl RunResult {
    pub(crate) fn check(&self, path: &Path) -> Result<(), FileError> {
        let place = Place { path, line: 1 };
        self.scores.check(&place)?;
        self.workers.iter().try_for_each(|workers| workers.check(&place))?;
        place.within("data_wait", self.data_wait.unwrap_or(0.0), 0.0..=1.0, "0 to 1")?;
        place.within("seconds", self.seconds, 0.0..=f64::MAX, "0 or more")
    }
}
