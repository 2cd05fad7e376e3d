//! What can go wrong while reading run folders and writing reports.

use std::{io, path::PathBuf};

use super::Summary;
use crate::files::FileError;

/// An error of the report: which file, which line, and what is accepted there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file of a run or an artifact is missing or damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file could not be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A report file could not be written; the earlier one, if any, is as it was.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else than the JSON or TOML that belongs there.
    #[error("{}:{line}:{column}: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the reader found, and what it expected.
        reason: String,
    },
    /// A number lies outside its range.
    #[error("{}:{line}: {field} = {value} is out of range, accepted: {accepted}", .path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key of the number.
        field: &'static str,
        /// The number found.
        value: f64,
        /// The accepted range.
        accepted: &'static str,
    },
    /// A group names a baseline that is not another group of the artifact.
    #[error(
        "{}: group \"{label}\" has the baseline \"{baseline}\", accepted: another of the labels {}",
        .path.display(),
        .labels.join(", ")
    )]
    UnknownBaseline {
        /// The artifact file.
        path: PathBuf,
        /// The group.
        label: String,
        /// The baseline it names.
        baseline: String,
        /// The labels of the other groups of its panel.
        labels: Vec<String>,
    },
    /// Two groups of an artifact have the same label.
    #[error("{}: two groups have the label \"{label}\", accepted: each label once", .path.display())]
    RepeatedLabel {
        /// The artifact file.
        path: PathBuf,
        /// The label.
        label: String,
    },
    /// An artifact without a group.
    #[error("{}: there is no group in it, accepted: one or more", .path.display())]
    NoGroups {
        /// The artifact file.
        path: PathBuf,
    },
    /// A label or a panel with a letter that no page can show.
    #[error("{}: group {label:?}: {letter:?} is a control character, accepted: letters that a page can show", .path.display())]
    Letter {
        /// The artifact file.
        path: PathBuf,
        /// The group.
        label: String,
        /// The letter in its label or panel.
        letter: char,
    },
    /// A value or a claim of the paper is not as it must be, or names what the artifact does not have.
    #[error("{}: {entry}: `{key}` is {found}, accepted: {accepted}", .path.display())]
    PaperEntry {
        /// The file it was read from.
        path: PathBuf,
        /// Which value or claim.
        entry: String,
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What is accepted.
        accepted: String,
    },
    /// Runs that cannot be read: the report was written without them.
    #[error("{}", .summary.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    UnreadableRuns {
        /// The report of the other runs.
        summary: Box<Summary>,
    },
    /// A folder that should hold a run holds neither a config nor metrics.
    #[error("{} is not a run folder: it has neither config.toml nor metrics.jsonl", .path.display())]
    NotARunFolder {
        /// The folder.
        path: PathBuf,
    },
}
