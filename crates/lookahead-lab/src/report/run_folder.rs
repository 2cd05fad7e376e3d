//! What a run leaves on disk, and the reader of it: `config.toml`, `environment.json`, `metrics.jsonl`, `result.json`.
//!
//! A run may be going on, or killed, at any moment: what its last checkpoint names counts, whatever comes after it does
//! not. Anything that is damaged, missing or malformed is an error with its file.

use std::{collections::BTreeMap, io, ops::RangeInclusive, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::left_out::{LeftOut, is_zero};
use super::run_record::RunRecord;
use super::{ReportError, TraceRow, trace};
use crate::files::{FileError, Manifest, read_regular, read_sealed, read_sealed_if_there};

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

/// All that is known of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run id: the folder's name, and what the folder says of itself.
    pub id: String,
    /// The text of `config.toml`; `None` before the run started.
    pub config: Option<String>,
    /// `environment.json`: revision, device, threads, versions, command.
    pub environment: BTreeMap<String, Value>,
    /// The evaluations so far, steps ascending.
    pub rows: Vec<MetricsRow>,
    /// `trace.jsonl`: the weights after each of some updates; empty where none are traced.
    pub trace: Vec<TraceRow>,
    /// `result.json`, once there is one.
    pub result: Option<RunResult>,
    /// The files of its folder that count, with their checksums; none before it has begun.
    pub files: Manifest,
}

impl Run {
    /// Reads the run folder `runs/ID`; files that are not there yet are left empty.
    ///
    /// # Errors
    /// A file cannot be read, is damaged or malformed, holds a number out of range, or is missing though the run wrote it.
    pub fn read(folder: &Path) -> Result<Self, ReportError> {
        match Self::read_to_continue(folder)? {
            (_, true) => Err(FileError::LostResult { folder: folder.to_owned() }.into()),
            (run, false) => Ok(run),
        }
    }

    /// [`read`](Self::read), with whether the result was lost, which going on makes again.
    pub(crate) fn read_to_continue(folder: &Path) -> Result<(Self, bool), ReportError> {
        let environment = folder.join("environment.json");
        let Some(RunRecord { run, result, is_lost, files }) = RunRecord::read(folder)? else {
            let id = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
            let config = read_optional(&folder.join("config.toml"))?.map(text);
            let environment = read_sealed_if_there(&environment)?.unwrap_or_default();
            return Ok((
                Self { id, config, environment, rows: vec![], trace: vec![], result: None, files: Manifest::default() },
                false,
            ));
        };
        let config = files.read(folder, "config.toml")?.map(text);
        let rows = read_metrics(&folder.join(METRICS), &files.read(folder, METRICS)?.unwrap_or_default())?;
        let trace = trace::read_rows(&folder.join(TRACE), &files.read(folder, TRACE)?.unwrap_or_default())?;
        Ok((Self { id: run, config, environment: read_sealed(&environment)?, rows, trace, result, files }, is_lost))
    }

    /// A run that has not begun.
    pub(super) fn not_begun(id: String) -> Self {
        let (environment, files) = (BTreeMap::new(), Manifest::default());
        Self { id, config: None, environment, rows: Vec::new(), trace: Vec::new(), result: None, files }
    }

    /// The epochs it is to train: those of its configuration, or as many as it has.
    pub fn planned_epochs(&self) -> Option<u32> {
        let planned = self.configured(|config| u32::try_from(whole(config.get("epochs")?)?).ok());
        planned.or_else(|| self.rows.last().map(|row| row.epoch))
    }

    /// The name of the model that its configuration trains.
    pub(super) fn model(&self) -> Option<String> {
        self.configured(|config| Some(config.get("model")?.get_ref().get("name")?.get_ref().as_str()?.to_owned()))
    }

    /// The seed its configuration names.
    pub(super) fn seed(&self) -> Option<u64> {
        self.configured(|config| whole(config.get("seed")?))
    }

    /// What `read` makes of its configuration, as far as that can be read.
    fn configured<T>(&self, read: impl FnOnce(&DeTable<'_>) -> Option<T>) -> Option<T> {
        read(DeTable::parse(self.config.as_ref()?).ok()?.get_ref())
    }

    /// The result of a run that came to its end.
    pub fn finished(&self) -> Option<&RunResult> {
        self.result.as_ref().filter(|result| result.status == "done")
    }
}

/// A whole number of a configuration: up to 2^64, more than TOML's own numbers.
fn whole(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let number = value.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

const METRICS: &str = "metrics.jsonl";
const TRACE: &str = "trace.jsonl";

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads the lines of `metrics.jsonl`.
///
/// A run that was resumed from an earlier checkpoint repeats some evaluations; the later ones count.
fn read_metrics(path: &Path, bytes: &[u8]) -> Result<Vec<MetricsRow>, ReportError> {
    let mut rows: Vec<MetricsRow> = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row: MetricsRow = serde_json::from_slice(line).map_err(|error| malformed(path, index + 1, &error))?;
        row.check(path, index + 1)?;
        while rows.last().is_some_and(|last| last.step >= row.step) {
            rows.pop();
        }
        rows.push(row);
    }
    Ok(rows)
}

impl MetricsRow {
    fn check(&self, path: &Path, line: usize) -> Result<(), ReportError> {
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

impl RunResult {
    pub(super) fn check(&self, path: &Path) -> Result<(), ReportError> {
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

/// Where a number stands.
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) line: usize,
}

impl Place<'_> {
    pub(super) fn within(
        &self,
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        accepted: &'static str,
    ) -> Result<(), ReportError> {
        if range.contains(&value) {
            return Ok(());
        }
        Err(ReportError::OutOfRange { path: self.path.to_owned(), line: self.line, field, value, accepted })
    }
}

pub(super) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, ReportError> {
    match read_regular(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReportError::Read { path: path.to_owned(), source }),
    }
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, ReportError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(path, error.line().max(1), &error))
}

/// Turns a JSON error into ours, with the line in the file instead of the line in the parsed piece.
pub(super) fn malformed(path: &Path, line: usize, error: &serde_json::Error) -> ReportError {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ReportError::Malformed { path: path.to_owned(), line, column: error.column().max(1), reason }
}
