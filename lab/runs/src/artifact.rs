//! Which runs a report consists of: `artifact.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{read_sealed, write_sealed};
use crate::{FileError, Paper};

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
    /// The file of the user's that describes it; `None` for an artifact of the program's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
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

/// A file that describes a sweep: what owns the folder of its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file, from the root.
    pub file: String,
    /// The SHA-256 of its text, in hexadecimal digits.
    pub sha256: String,
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

impl Artifact {
    /// Writes `artifact.json`, with its checksum.
    ///
    /// # Errors
    /// [`FileError::Write`]; the file is then as it was.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        write_sealed(path, self)
    }

    /// Reads `artifact.json`.
    ///
    /// # Errors
    /// The file cannot be read, has changed or is malformed, there is no group, a label comes twice in a panel or cannot be shown, a
    /// baseline is no other group of its panel, or the paper's part names a panel or a group that is not there.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let artifact: Self = read_sealed(path)?;
        artifact.check_groups(path)?;
        artifact.paper.check_names(path, &artifact.groups)?;
        Ok(artifact)
    }
}
