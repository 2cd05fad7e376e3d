//! `metrics.jsonl`: the evaluations of a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::left_out::is_zero;
use crate::place::Place;
use crate::{FileError, Scores, scores};

/// One evaluation: a line of `metrics.jsonl`. A loss that is not finite is `null`; its key may not be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Epochs finished.
    pub epoch: u32,
    /// Gradient steps done.
    pub step: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// What was measured, on the slow weights where there are any; the training loss over the whole training set (App. C.1).
    #[serde(flatten, deserialize_with = "scores::of_weights")]
    pub scores: Scores,
    /// Validation examples that all this is without, because they cannot be read or are too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub valid_skipped: u64,
    /// The same of the fast weights, where the configuration asks for it and they are others.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scores::of_fast_weights")]
    pub fast: Option<Scores>,
    /// Slow step size of the last sync, in (0, 1]; `None` without Lookahead.
    #[serde(deserialize_with = "Option::deserialize")]
    pub alpha: Option<f64>,
    /// Wall time of the run so far, in seconds, earlier sessions of a resumed run included.
    pub seconds: f64,
}

/// Reads the lines of `metrics.jsonl`.
///
/// A run that was resumed from an earlier checkpoint repeats some evaluations; the later ones count.
pub(crate) fn read_rows(path: &Path, bytes: &[u8]) -> Result<Vec<MetricsRow>, FileError> {
    let mut rows: Vec<MetricsRow> = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row: MetricsRow =
            serde_json::from_slice(line).map_err(|error| FileError::malformed(path, index + 1, &error))?;
        row.check(path, index + 1)?;
        while rows.last().is_some_and(|last| last.step >= row.step) {
            rows.pop();
        }
        rows.push(row);
    }
    Ok(rows)
}

impl MetricsRow {
    fn check(&self, path: &Path, line: usize) -> Result<(), FileError> {
        let place = Place { path, line };
        [Some(&self.scores), self.fast.as_ref()].into_iter().flatten().try_for_each(|scores| scores.check(&place))?;
        place.within("seconds", self.seconds, 0.0..=f64::MAX, "0 or more")?;
        place.within("learning_rate", self.learning_rate, 0.0..=f64::MAX, "0 or more")?;
        match self.alpha {
            // The smallest number above 0.
            Some(alpha) => place.within("alpha", alpha, f64::from_bits(1)..=1.0, "above 0 and at most 1, or null"),
            None => Ok(()),
        }
    }
}
