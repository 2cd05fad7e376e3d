//! Reports from run folders alone: `summary.json`, `report.html`, `curves.svg`, `curves.csv`, tables for the terminal,
//! and an index over all artifacts of a folder.
//!
//! A report can be made at any moment: of runs that go on, were killed, or finished long ago on another machine.

#![deny(missing_docs)]

mod advice;
pub mod analysis;
mod axis;
mod choice;
mod claim;
mod comparison;
mod curves;
mod curves_csv;
mod drawing;
mod end_labels;
mod error;
mod frame;
mod grid;
pub mod heat_map;
mod index;
mod judge;
mod learning_rates;
mod legend;
mod lost;
mod page;
mod plane;
mod reach;
mod record;
mod scores;
mod study;
mod subject;
mod summary;
mod table;
mod tensorboard;
mod trace;
mod verdict;
mod workers;
pub mod xy;

pub use advice::{AdviceReport, FamilyTable};
pub use choice::{Choice, Pair};
pub use claim::{ClaimComparison, ClaimSummary};
pub use comparison::{Comparison, MeasureJudgement};
pub use error::ReportError;
pub use grid::{GridPoint, PointSummary};
pub use index::write_index;
pub use judge::Judgement;
pub use reach::Reach;
pub use record::judge_record;
pub use study::{Panel, Study, UnreadableRun};
pub use subject::Subject;
pub use summary::{BesidePaper, GroupSummary, Summary};
pub use tensorboard::{remove_tensorboard, write_tensorboard};
pub use verdict::{NotJudged, Outcome, Outlook, Verdict};
pub use workers::WorkersSummary;

use std::path::{Path, PathBuf};

use self::drawing::Drawing;
use lookahead_runs::files::write_atomically;
use lookahead_runs::format::{self, as_given, significant, significant_in_full};
use lookahead_runs::{
    Artifact, Expectation, Figure, FileError, Group, LeftOut, Measure, MetricsRow, Paper, PaperClaim, PaperValue,
    Quantity, Run, RunResult, Scores, TraceKind, TraceRow,
};

/// Reports an artifact: reads `out_dir/FOLDER/artifact.json` and the runs it lists in `out_dir/runs/`, and writes
/// `summary.json`, `report.html`, `curves.svg` and `curves.csv` beside `artifact.json`. Each file is replaced whole or not at
/// all; drawings of an earlier report that this one does not have are removed.
///
/// # Errors
/// The artifact cannot be read, or a file cannot be written. [`ReportError::LostRuns`] where the report that is there counts runs
/// whose folders are gone: it stays as it is. [`ReportError::UnreadableRuns`] after a report of the other runs,
/// in which these have not begun.
pub fn write(out_dir: &Path, folder: &str) -> Result<Summary, ReportError> {
    let study = Study::read(out_dir, folder)?;
    lost::check(&study)?;
    let summary = write_pages(&study)?;
    let path = study.folder.join("summary.json");
    let json = serde_json::to_string_pretty(&summary).map_err(|error| FileError::write(&path)(error.into()))?;
    write_file(&path, &(json + "\n"))?;
    match summary.unreadable.is_empty() {
        true => Ok(summary),
        false => Err(ReportError::UnreadableRuns { summary: Box::new(summary) }),
    }
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
    if !study.is_single_run() {
        let drawn: Vec<&str> = drawing.iter().flat_map(Drawing::files).collect();
        lookahead_runs::remove_older(&study.folder, study.artifact.figure, &drawn)?;
    }
    Ok(summary)
}

fn write_file(path: &Path, text: &str) -> Result<(), ReportError> {
    Ok(write_atomically(path, text.as_bytes())?)
}
