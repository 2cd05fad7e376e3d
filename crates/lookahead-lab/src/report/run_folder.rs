//! What a run leaves on disk, and the reader of it: `config.toml`, `environment.json`, `metrics.jsonl`, `result.json`.
//!
//! A run may be going on, or killed, at any moment: a missing `result.json` and a cut-off last line of the metrics are
//! ordinary states; anything else that is malformed is an error with its file and line.

use std::{collections::BTreeMap, fs, io, ops::RangeInclusive, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Paper, ReportError};

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
    /// The same of the fast weights, where the configuration asks for it and they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<FastScores>,
    /// Slow step size of the last sync, in (0, 1]; `None` without Lookahead.
    pub alpha: Option<f64>,
    /// Wall time of the run so far, in seconds, earlier sessions of a resumed run included.
    pub seconds: f64,
}

/// How good the fast weights are, beside the slow ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Wall time of the whole run, in seconds.
    pub seconds: f64,
    /// Elements that a sync left alone because their new value was not finite.
    #[serde(default)]
    pub non_finite: u64,
    /// The SHA-256 of the data it was trained and evaluated on.
    #[serde(default)]
    pub data: String,
    /// What that data is, in words.
    #[serde(default)]
    pub data_description: String,
    /// Examples left out of batches because their files could not be decoded.
    #[serde(default)]
    pub skipped: u64,
    /// The most memory the process held, in bytes; runs that share a process share it. `None` where the system does not
    /// tell.
    #[serde(default)]
    pub peak_memory: Option<u64>,
}

/// Which runs an artifact of the paper consists of: `artifact.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The artifact's name, such as `quickstart`.
    pub artifact: String,
    /// The scale it ran at: `smoke`, `small` or `paper`.
    pub scale: String,
    /// A heading for people.
    pub title: String,
    /// The exact command.
    pub command: String,
    /// The data, with attribution, and what it stands in for.
    pub data: String,
    /// Deviations from the paper, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the runs are drawn as.
    #[serde(default)]
    pub figure: Figure,
    /// What the paper says of it.
    #[serde(default)]
    pub paper: Paper,
    /// The optimizers that are compared.
    pub groups: Vec<Group>,
}

/// What the runs of an artifact are drawn as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Curves over epochs.
    #[default]
    Curves,
    /// The accuracy after each of some updates, from `trace.jsonl` of the runs (Fig. 10).
    Trace,
    /// The plane through fast weights, from `plane.json` beside `artifact.json` (Fig. 1).
    Plane,
}

/// The runs of one optimizer, one per seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The optimizer, such as `Lookahead(SGD)`.
    pub label: String,
    /// Label of the group it is compared with; both list their runs in the same order of seeds.
    pub baseline: Option<String>,
    /// How its hyperparameters were chosen: the tuning effort.
    pub tuning: String,
    /// Which of several plots and tables it belongs to, such as `CIFAR-10`; empty where there is one only.
    #[serde(default)]
    pub panel: String,
    /// Run ids, in the order of seeds; empty where there are candidates.
    #[serde(default)]
    pub runs: Vec<String>,
    /// The points of a grid. The best one, by the mean final validation accuracy over its seeds, or the loss where there
    /// are no accuracies, stands for the group.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
}

/// One point of a group's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where in the grid, such as `learning_rate = 0.1, weight_decay = 0.001`.
    pub label: String,
    /// Run ids, in the order of seeds.
    pub runs: Vec<String>,
}

/// All that is known of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run id: the folder's name.
    pub id: String,
    /// The text of `config.toml`; `None` before the run started.
    pub config: Option<String>,
    /// `environment.json`: revision, device, threads, versions, command.
    pub environment: BTreeMap<String, Value>,
    /// The evaluations so far, steps ascending.
    pub rows: Vec<MetricsRow>,
    /// `result.json`, once there is one.
    pub result: Option<RunResult>,
}

impl Run {
    /// Reads the run folder `runs/ID`; files that are not there yet are left empty.
    ///
    /// # Errors
    /// A file cannot be read, is malformed, or holds a number out of range.
    pub fn read(folder: &Path) -> Result<Self, ReportError> {
        let id = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let config = read_optional(&folder.join("config.toml"))?;
        let result_path = folder.join("result.json");
        let result: Option<RunResult> = parse_optional(&result_path)?;
        if let Some(result) = &result {
            result.check(&result_path)?;
        }
        Ok(Self {
            id,
            config: config.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            environment: parse_optional(&folder.join("environment.json"))?.unwrap_or_default(),
            rows: read_metrics(&folder.join("metrics.jsonl"))?,
            result,
        })
    }

    /// The epochs it is to train: those of its configuration, or as many as it has.
    pub fn planned_epochs(&self) -> Option<u32> {
        let planned = self.table().and_then(|table| u32::try_from(table.get("epochs")?.as_integer()?).ok());
        planned.or_else(|| self.rows.last().map(|row| row.epoch))
    }

    /// The name of the model that its configuration trains.
    pub(super) fn model(&self) -> Option<String> {
        Some(self.table()?.get("model")?.get("name")?.as_str()?.to_owned())
    }

    /// Its configuration, as far as it can be read.
    pub(super) fn table(&self) -> Option<toml::Table> {
        self.config.as_ref()?.parse().ok()
    }

    /// The result of a run that came to its end.
    pub fn finished(&self) -> Option<&RunResult> {
        self.result.as_ref().filter(|result| result.status == "done")
    }
}

impl Artifact {
    /// Reads `artifact.json`.
    ///
    /// # Errors
    /// The file cannot be read or is malformed, a label comes twice in a panel, a baseline is no other group of its panel,
    /// or the paper's part names a panel or a group that is not there.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let bytes = fs::read(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
        let artifact: Self = parse(path, &bytes)?;
        for (index, group) in artifact.groups.iter().enumerate() {
            let panel = || artifact.groups.iter().filter(|other| other.panel == group.panel);
            let is_same = |earlier: &Group| earlier.label == group.label && earlier.panel == group.panel;
            if artifact.groups[..index].iter().any(is_same) {
                return Err(ReportError::RepeatedLabel { path: path.to_owned(), label: group.label.clone() });
            }
            let Some(baseline) = &group.baseline else { continue };
            if *baseline == group.label || panel().all(|other| other.label != *baseline) {
                return Err(ReportError::UnknownBaseline {
                    path: path.to_owned(),
                    label: group.label.clone(),
                    baseline: baseline.clone(),
                    labels: panel().map(|group| group.label.clone()).collect(),
                });
            }
        }
        artifact.paper.check_names(path, &artifact.groups)?;
        Ok(artifact)
    }
}

/// Reads `metrics.jsonl`: whole lines, and a last line without its newline only if it is complete.
///
/// A run that was resumed from an earlier checkpoint repeats some evaluations; the later ones count.
fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, ReportError> {
    let bytes = read_optional(path)?.unwrap_or_default();
    let mut rows: Vec<MetricsRow> = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row: MetricsRow = match serde_json::from_slice(line) {
            Ok(row) => row,
            Err(_) if line.last() != Some(&b'\n') => break,
            Err(error) => return Err(malformed(path, index + 1, &error)),
        };
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
            Some(alpha) => place.within("alpha", alpha, f64::MIN_POSITIVE..=1.0, "above 0 and at most 1, or null"),
            None => Ok(()),
        }
    }
}

impl RunResult {
    fn check(&self, path: &Path) -> Result<(), ReportError> {
        let place = Place { path, line: 1 };
        if let Some(accuracy) = self.valid_accuracy {
            place.within("valid_accuracy", accuracy, 0.0..=1.0, "0 to 1")?;
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
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReportError::Read { path: path.to_owned(), source }),
    }
}

pub(super) fn parse_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ReportError> {
    read_optional(path)?.map(|bytes| parse(path, &bytes)).transpose()
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, ReportError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(path, error.line().max(1), &error))
}

/// Turns a JSON error into ours, with the line in the file instead of the line in the parsed piece.
pub(super) fn malformed(path: &Path, line: usize, error: &serde_json::Error) -> ReportError {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ReportError::Malformed { path: path.to_owned(), line, column: error.column().max(1), reason }
}
