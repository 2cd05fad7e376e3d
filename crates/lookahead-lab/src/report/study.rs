//! An artifact together with its runs, read from files alone: what every report is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Artifact, Figure, GridPoint, Group, Paper, ReportError, Run, Subject, grid};

/// The runs of an artifact, read from `DIR/ARTIFACT/artifact.json` and `DIR/runs/ID/`.
#[derive(Clone, Debug)]
pub struct Study {
    /// Where the reports go.
    pub folder: PathBuf,
    /// What was compared.
    pub artifact: Artifact,
    /// The runs of each group, in the artifact's order; of a grid, those of the point that stands for the group.
    pub runs: Vec<Vec<Run>>,
    /// All points of each group's grid; empty for a group without one.
    pub grids: Vec<Vec<GridPoint>>,
}

/// The groups of one panel.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// Its place among the panels.
    pub index: usize,
    /// Its name; empty where the artifact has a single one.
    pub name: &'a str,
    /// Its groups, each with its runs.
    pub groups: Vec<(&'a Group, &'a [Run])>,
}

impl Study {
    /// Reads an artifact and its runs below `out_dir`.
    ///
    /// # Errors
    /// A file cannot be read or is malformed; a missing run counts as not started.
    pub fn read(out_dir: &Path, artifact_name: &str) -> Result<Self, ReportError> {
        let folder = out_dir.join(artifact_name);
        let artifact = Artifact::read(&folder.join("artifact.json"))?;
        let read = |ids: &[String]| -> Result<Vec<Run>, ReportError> {
            ids.iter().map(|id| Run::read(&out_dir.join("runs").join(id))).collect()
        };
        let (mut runs, mut grids) = (Vec::new(), Vec::new());
        for group in &artifact.groups {
            let points = group.candidates.iter().map(|candidate| {
                Ok(GridPoint { label: candidate.label.clone(), runs: read(&candidate.runs)?, is_chosen: false })
            });
            let mut points = points.collect::<Result<Vec<_>, ReportError>>()?;
            runs.push(match grid::choose(&mut points) {
                Some(chosen) => chosen.runs.clone(),
                None => read(&group.runs)?,
            });
            grids.push(points);
        }
        Ok(Self { folder, artifact, runs, grids })
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
        Ok(Self { folder: run_dir.to_owned(), artifact, runs: vec![vec![run]], grids: vec![Vec::new()] })
    }

    /// The groups, each with its runs.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &[Run])> {
        self.artifact.groups.iter().zip(self.runs.iter().map(Vec::as_slice))
    }

    /// The panels, in the order in which they first come.
    pub fn panels(&self) -> Vec<Panel<'_>> {
        let mut panels: Vec<Panel<'_>> = Vec::new();
        for (group, runs) in self.groups() {
            match panels.iter_mut().find(|panel| panel.name == group.panel) {
                Some(panel) => panel.groups.push((group, runs)),
                None => panels.push(Panel { index: panels.len(), name: &group.panel, groups: vec![(group, runs)] }),
            }
        }
        panels
    }

    /// What its runs learn.
    pub fn subject(&self) -> Subject {
        Subject::of(self.all_runs())
    }

    /// Every run, those of all grid points included.
    pub fn all_runs(&self) -> impl Iterator<Item = &Run> {
        let of_groups = self.runs.iter().zip(&self.grids).filter(|(_, grid)| grid.is_empty());
        of_groups.flat_map(|(runs, _)| runs).chain(self.grids.iter().flatten().flat_map(|point| &point.runs))
    }

    /// The epochs that the longest run is to train, as far as is known.
    pub fn epochs(&self) -> Option<u32> {
        self.all_runs().filter_map(Run::planned_epochs).max()
    }

    /// The environments of all runs merged; where runs differ, all their values, sorted.
    pub fn environment(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut merged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, value) in self.all_runs().flat_map(|run| &run.environment) {
            merged.entry(key.clone()).or_default().insert(plain(value));
        }
        merged
    }
}

/// A JSON value as people write it: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
