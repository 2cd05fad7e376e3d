//! An artifact together with its runs, read from files alone: what every report is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Artifact, Figure, Group, Paper, ReportError, Run};

/// The runs of an artifact, read from `DIR/ARTIFACT/artifact.json` and `DIR/runs/ID/`.
#[derive(Clone, Debug)]
pub struct Study {
    /// Where the reports go.
    pub folder: PathBuf,
    /// What was compared.
    pub artifact: Artifact,
    /// The runs of each group, in the artifact's order.
    pub runs: Vec<Vec<Run>>,
}

impl Study {
    /// Reads an artifact and its runs below `out_dir`.
    ///
    /// # Errors
    /// A file cannot be read or is malformed; a missing run counts as not started.
    pub fn read(out_dir: &Path, artifact_name: &str) -> Result<Self, ReportError> {
        let folder = out_dir.join(artifact_name);
        let artifact = Artifact::read(&folder.join("artifact.json"))?;
        let read_group = |group: &Group| -> Result<Vec<Run>, ReportError> {
            group.runs.iter().map(|id| Run::read(&out_dir.join("runs").join(id))).collect()
        };
        let runs = artifact.groups.iter().map(read_group).collect::<Result<_, _>>()?;
        Ok(Self { folder, artifact, runs })
    }

    /// Reads a single run folder, as an artifact of one group.
    ///
    /// # Errors
    /// The folder is no run folder, or a file in it cannot be read or is malformed.
    pub fn of_run(run_dir: &Path) -> Result<Self, ReportError> {
        let run = Run::read(run_dir)?;
        if run.config.is_none() && run.rows.is_empty() {
            return Err(ReportError::NotARunFolder { path: run_dir.to_owned() });
        }
        let artifact = Artifact {
            artifact: "train".to_owned(),
            scale: String::new(),
            title: format!("Training run {}", run.id),
            command: run.environment.get("command").map(plain).unwrap_or_default(),
            data: String::new(),
            notes: Vec::new(),
            figure: Figure::default(),
            paper: Paper::default(),
            groups: vec![Group {
                label: "this run".to_owned(),
                baseline: None,
                tuning: String::new(),
                runs: vec![run.id.clone()],
                panel: String::new(),
                candidates: Vec::new(),
            }],
        };
        Ok(Self { folder: run_dir.to_owned(), artifact, runs: vec![vec![run]] })
    }

    /// The groups, each with its runs.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &[Run])> {
        self.artifact.groups.iter().zip(self.runs.iter().map(Vec::as_slice))
    }

    /// The environments of all runs merged; where runs differ, all their values, sorted.
    pub fn environment(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut merged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, value) in self.runs.iter().flatten().flat_map(|run| &run.environment) {
            merged.entry(key.clone()).or_default().insert(plain(value));
        }
        merged
    }
}

/// A JSON value as people write it: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
