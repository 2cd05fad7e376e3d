//! `result.json`: the end of a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::{FileError, LeftOut};

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
    /// Last training loss; `None` if not finite.
    #[serde(deserialize_with = "Option::deserialize")]
    pub train_loss: Option<f64>,
    /// Validation loss at the end, on the slow weights where there are any; `None` if not finite.
    #[serde(deserialize_with = "Option::deserialize")]
    pub valid_loss: Option<f64>,
    /// Share of validation examples that are right at the end, 0 to 1; of tasks with classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// Share of validation examples whose class is among the five most likely; only where there are more classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_top5: Option<f64>,
    /// BLEU on the validation set, 0 to 100; of translations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_bleu: Option<f64>,
    /// Loss over the test set, where there is one; `None` too if not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    /// BLEU on the test set, 0 to 100; of translations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_bleu: Option<f64>,
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
    /// The most memory the process held, in bytes; runs that share a process share it. `None` where the system does not
    /// tell.
    #[serde(deserialize_with = "Option::deserialize")]
    pub peak_memory: Option<u64>,
}

impl RunResult {
    pub(crate) fn check(&self, path: &Path) -> Result<(), FileError> {
        let place = Place { path, line: 1 };
        for (field, share) in [("valid_accuracy", self.valid_accuracy), ("valid_top5", self.valid_top5)] {
            if let Some(share) = share {
                place.within(field, share, 0.0..=1.0, "0 to 1")?;
            }
        }
        for (field, bleu) in [("valid_bleu", self.valid_bleu), ("test_bleu", self.test_bleu)] {
            if let Some(bleu) = bleu {
                place.within(field, bleu, 0.0..=100.0, "0 to 100")?;
            }
        }
        place.within("seconds", self.seconds, 0.0..=f64::MAX, "0 or more")
    }
}
