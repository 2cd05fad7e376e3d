//! Reports from run folders alone: `summary.json`, `report.html`, `curves.svg`, `curves.csv`, tables for the terminal,
//! and an index over all artifacts of a folder.
//!
//! A report can be made at any moment: of runs that go on, were killed, or finished long ago on another machine.

mod advice;
pub mod analysis;
mod axis;
mod claim;
mod comparison;
mod curves;
mod curves_csv;
mod drawing;
mod error;
mod format;
mod grid;
pub mod heat_map;
mod index;
mod legend;
mod measure;
mod page;
mod paper;
mod plane;
mod run_folder;
mod study;
mod subject;
mod summary;
mod table;
mod tensorboard;
mod trace;
pub mod xy;

pub use advice::AdviceReport;
pub use claim::{ClaimComparison, ClaimSummary, NotJudged};
pub use comparison::{Comparison, Verdict};
pub use error::ReportError;
pub use format::{significant, significant_in_full};
pub use grid::GridPoint;
pub use index::write_index;
pub use measure::Measure;
pub use paper::{Expectation, Paper, PaperClaim, PaperValue};
pub use run_folder::{Artifact, Candidate, FastScores, Figure, Group, MetricsRow, Run, RunResult};
pub use study::{Panel, Study};
pub use subject::Subject;
pub use summary::{BesidePaper, GroupSummary, PointSummary, Summary};
pub use tensorboard::write_tensorboard;
pub use trace::{TraceKind, TraceRow};

use std::path::{Path, PathBuf};

use self::drawing::Drawing;
use crate::files::replace;

/// Reports an artifact: reads `out_dir/ARTIFACT/artifact.json` and the runs it lists in `out_dir/runs/`, and writes
/// `summary.json`, `report.html`, `curves.svg` and `curves.csv` beside `artifact.json`. Each file is replaced whole or not at all.
///
/// # Errors
/// A file cannot be read or written, is malformed, or holds a number out of range.
pub fn write(out_dir: &Path, artifact_name: &str) -> Result<Summary, ReportError> {
    let study = Study::read(out_dir, artifact_name)?;
    let summary = write_pages(&study)?;
    let path = study.folder.join("summary.json");
    let json = serde_json::to_string_pretty(&summary)
        .map_err(|source| ReportError::Write { path: path.clone(), source: source.into() })?;
    write_file(&path, &(json + "\n"))?;
    Ok(summary)
}

/// Reports a single run: writes `report.html`, `curves.svg` and `curves.csv` into its folder, and returns the path of the page.
///
/// # Errors
/// The folder is no run folder, or a file in it cannot be read or written, is malformed, or holds a number out of range.
pub fn write_for_run(run_dir: &Path) -> Result<PathBuf, ReportError> {
    let study = Study::of_run(run_dir)?;
    write_pages(&study)?;
    Ok(study.folder.join("report.html"))
}

fn write_pages(study: &Study) -> Result<Summary, ReportError> {
    let summary = Summary::of(study);
    let panels = curves::panels(study);
    let drawing = Drawing::of(study)?;
    if let Some(drawing) = &drawing {
        drawing.write(&study.folder)?;
    }
    write_file(&study.folder.join("curves.csv"), &curves_csv::text(study))?;
    write_file(&study.folder.join("curves.svg"), &curves::standalone(&summary.title, &panels))?;
    write_file(&study.folder.join("report.html"), &page::page(study, &summary, &panels, drawing.as_ref())?)?;
    Ok(summary)
}

fn write_file(path: &Path, text: &str) -> Result<(), ReportError> {
    replace(path, text.as_bytes()).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
