//! What an artifact is drawn as besides curves: the accuracy after every update (Fig. 10), or the plane through fast
//! weights (Fig. 1). A part of the page, a picture that stands alone, and the data.

mod spots;

pub(super) use spots::{Spot, drawing, key, machinery};

use std::path::Path;

use maud::Markup;

use super::plane::PlaneFigure;
use super::trace::Traces;
use super::{Figure, ReportError, Run, Study, write_file};

/// A figure of its own kind.
pub(super) struct Drawing {
    /// Its part of the page.
    pub(super) section: Markup,
    /// Its files: names and texts.
    files: Vec<(&'static str, String)>,
}

impl Drawing {
    /// The figure that the artifact asks for, or that a single run has a trace for; `None` before there are data.
    ///
    /// # Errors
    /// A file cannot be read, is malformed, or holds a number out of range.
    pub(super) fn of(study: &Study) -> Result<Option<Self>, ReportError> {
        let title = &study.artifact.title;
        Ok(match study.artifact.figure {
            Figure::Plane => PlaneFigure::read(study)?.map(|figure| Self {
                section: figure.section(),
                files: vec![("figure.svg", figure.standalone(title))],
            }),
            Figure::Trace => Traces::of(study).map(|traces| Self {
                section: traces.section(),
                files: vec![("figure.svg", traces.standalone(title)), ("trace.csv", traces.csv())],
            }),
            Figure::Curves if study.is_single_run() => {
                Traces::of(study).map(|traces| Self { section: traces.section(), files: Vec::new() })
            }
            Figure::Curves => None,
        })
    }

    /// The names of its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|(name, _)| *name)
    }

    /// Writes its files into the folder of the report.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ReportError> {
        self.files.iter().try_for_each(|(name, text)| write_file(&folder.join(name), text))
    }
}

impl Study {
    /// Whether it is a run by itself, reported in its own folder.
    pub(super) fn is_single_run(&self) -> bool {
        matches!(self.runs.as_slice(), [runs] if matches!(runs.as_slice(), [run] if self.folder.ends_with(&run.id)))
    }

    /// The folder of one of its runs.
    pub(super) fn run_folder(&self, run: &Run) -> std::path::PathBuf {
        if self.is_single_run() {
            return self.folder.clone();
        }
        self.folder.parent().unwrap_or(Path::new(".")).join("runs").join(&run.id)
    }
}

/// Hundredths of a pixel are enough.
pub(super) fn round(pixel: f64) -> f64 {
    (pixel * 100.0).round() / 100.0
}
