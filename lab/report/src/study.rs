//! An artifact together with its runs, read from files alone: what every report is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use lookahead_runs::printable::printable_path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Artifact, Figure, GridPoint, Group, Paper, ReportError, Run, Subject, grid, page};
use lookahead_runs::files::FileError;

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
    /// The runs that cannot be read, by their ids; in the lists above they have not begun.
    pub unreadable: BTreeMap<String, UnreadableRun>,
}

/// A run whose folder holds a damaged file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRun {
    /// Its folder.
    pub folder: PathBuf,
    /// What is wrong with which file, and what is to be done.
    pub reason: String,
}

impl std::fmt::Display for UnreadableRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the run is left out", self.reason)
    }
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
    /// The artifact cannot be read; a run that is missing, or cannot be read, counts as not started.
    pub fn read(out_dir: &Path, folder: &str) -> Result<Self, ReportError> {
        let folder = out_dir.join(folder);
        let artifact = Artifact::read(&folder.join("artifact.json"))?;
        let mut unreadable = BTreeMap::new();
        let mut read = |ids: &[String]| -> Vec<Run> {
            let read = |id: &String| {
                let folder = out_dir.join("runs").join(id);
                read_run(&folder).unwrap_or_else(|error| {
                    let mut reason = in_full(&error);
                    if !matches!(&error, ReportError::File(file) if file.says_what_to_do()) {
                        reason += &format!("; remove {} and run the artifact again", printable_path(&folder));
                    }
                    unreadable.insert(id.clone(), UnreadableRun { folder, reason });
                    Run::not_begun(id.clone())
                })
            };
            ids.iter().map(read).collect()
        };
        let (mut runs, mut grids) = (Vec::new(), Vec::new());
        for group in &artifact.groups {
            let points = group.candidates.iter().map(|candidate| GridPoint {
                label: candidate.label.clone(),
                runs: read(&candidate.runs),
                is_chosen: false,
            });
            let mut points: Vec<GridPoint> = points.collect();
            runs.push(match grid::choose(&mut points) {
                Some(chosen) => chosen.runs.clone(),
                None => read(&group.runs),
            });
            grids.push(points);
        }
        Ok(Self { folder, artifact, runs, grids, unreadable })
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
            source: None,
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
        let (folder, unreadable) = (run_dir.to_owned(), BTreeMap::new());
        Ok(Self { folder, artifact, runs: vec![vec![run]], grids: vec![Vec::new()], unreadable })
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

    /// Every run once, those of all grid points included.
    pub fn all_runs(&self) -> impl Iterator<Item = &Run> {
        let of_groups = self.runs.iter().zip(&self.grids).filter(|(_, grid)| grid.is_empty());
        let runs =
            of_groups.flat_map(|(runs, _)| runs).chain(self.grids.iter().flatten().flat_map(|point| &point.runs));
        let mut seen = BTreeSet::new();
        runs.filter(move |run| seen.insert(&run.id))
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

/// Reads a run with all that a report shows of it.
fn read_run(folder: &Path) -> Result<Run, ReportError> {
    if folder.exists() && !folder.is_dir() {
        return Err(FileError::NotAFolder { path: folder.to_owned() }.into());
    }
    let run = Run::read(folder)?;
    if folder.file_name().is_none_or(|id| *id != *run.id) {
        return Err(FileError::OtherRun { folder: folder.to_owned(), run: run.id }.into());
    }
    page::check_samples(&run, folder)?;
    Ok(run)
}

/// An error with its causes.
fn in_full(error: &ReportError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A JSON value as people write it: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
