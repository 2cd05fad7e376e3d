//! `metrics.jsonl`: the evaluations of a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::FileError;
use crate::left_out::is_zero;
use crate::place::Place;

/// One evaluation: a line of `metrics.jsonl`. A loss that is not finite is written as `null`; the key may not be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Epochs finished.
    pub epoch: u32,
    /// Gradient steps done.
    pub step: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Training loss over the whole training set, on the slow weights where there are any (App. C.1).
    #[serde(deserialize_with = "Option::deserialize")]
    pub train_loss: Option<f64>,
    /// Validation loss, on the slow weights where there are any.
    #[serde(deserialize_with = "Option::deserialize")]
    pub valid_loss: Option<f64>,
    /// Share of validation examples that are right, 0 to 1; of tasks with classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// Share of validation examples whose class is among the five most likely; only where there are more classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_top5: Option<f64>,
    /// Validation examples that all this is without, because they cannot be read or are too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub valid_skipped: u64,
    /// The same of the fast weights, where the configuration asks for it and they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<FastScores>,
    /// Slow step size of the last sync, in (0, 1]; `None` without Lookahead.
    #[serde(deserialize_with = "Option::deserialize")]
    pub alpha: Option<f64>,
    /// Wall time of the run so far, in seconds, earlier sessions of a resumed run included.
    pub seconds: f64,
}

/// How good the fast weights are, beside the slow ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastScores {
    /// Validation loss; `None` if not finite.
    #[serde(deserialize_with = "Option::deserialize")]
    pub valid_loss: Option<f64>,
    /// Share of validation examples that are right, 0 to 1; of tasks with classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
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
        if let Some(accuracy) = self.valid_accuracy {
            place.within("valid_accuracy", accuracy, 0.0..=1.0, "0 to 1")?;
        }
        place.within("seconds", self.seconds, 0.0..=f64::MAX, "0 or more")?;
        place.within("learning_rate", self.learning_rate, 0.0..=f64::MAX, "0 or more")?;
        match self.alpha {
            // The smallest number above 0.
            Some(alpha) => place.within("alpha", alpha, f64::from_bits(1)..=1.0, "above 0 and at most 1, or null"),
            None => Ok(()),
        }
    }
}
