//! What can be wrong with the files of runs and artifacts: which file, which line, and what is accepted there.

use std::io;
use std::path::{Path, PathBuf};

use crate::printable::printable_path;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}", printable_path(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file cannot be written; an earlier one, if any, is as it was.
    #[error("cannot write {}", printable_path(.path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Something else lies where a folder should be.
    #[error("{} is there, but is no folder; move it away", printable_path(.path))]
    NotAFolder {
        /// What lies there.
        path: PathBuf,
    },
    /// The file does not end in a checksum.
    #[error(
        "{}: it does not end in a checksum: it is cut off, or an earlier build wrote it; remove its folder and run again \
         (the same configuration gives the same run)",
        printable_path(.path)
    )]
    Unsealed {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("{}: its SHA-256 is not the one that was written: the file is damaged", printable_path(.path))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A run was begun, but the file that says where it stands is gone.
    #[error(
        "{}: checkpoint/current.json is missing, but {found} shows that the run was begun; put the file back, or delete \
         the run folder to do the run again from its start",
        printable_path(.folder)
    )]
    LostCurrent {
        /// The run folder.
        folder: PathBuf,
        /// What shows it.
        found: String,
    },
    /// A finished run without its result.
    #[error(
        "{}: result.json is missing, but the run was finished; the command that did the run makes it again from the \
         checkpoint",
        printable_path(.folder)
    )]
    LostResult {
        /// The run folder.
        folder: PathBuf,
    },
    /// A report without the file that says what it consists of.
    #[error("{}: artifact.json is missing, which says whose report this is; put it back, or delete the folder", printable_path(.folder))]
    LostArtifact {
        /// The folder of the report.
        folder: PathBuf,
    },
    /// A run folder under the name of another run.
    #[error("{}: this is the folder of run {run}; a run is known by its folder's name", printable_path(.folder))]
    OtherRun {
        /// The folder.
        folder: PathBuf,
        /// The run that it holds.
        run: String,
    },
    /// A name that leads out of the folder that its file should lie in.
    #[error("{}: {name:?} is no path inside this folder", printable_path(.folder))]
    Outside {
        /// The folder.
        folder: PathBuf,
        /// The name.
        name: String,
    },
    /// The file is as it was written, but not what belongs there.
    #[error("{}:{line}:{column}: {reason}", printable_path(.path))]
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
    #[error("{}:{line}: {field} = {value} is out of range, accepted: {accepted}", printable_path(.path))]
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
        printable_path(.path),
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
    #[error("{}: two groups have the label \"{label}\", accepted: each label once", printable_path(.path))]
    RepeatedLabel {
        /// The artifact file.
        path: PathBuf,
        /// The label.
        label: String,
    },
    /// An artifact without a group.
    #[error("{}: there is no group in it, accepted: one or more", printable_path(.path))]
    NoGroups {
        /// The artifact file.
        path: PathBuf,
    },
    /// A label or a panel with a letter that no page can show.
    #[error("{}: group {label:?}: {letter:?} is a control character, accepted: letters that a page can show", printable_path(.path))]
    Letter {
        /// The artifact file.
        path: PathBuf,
        /// The group.
        label: String,
        /// The letter in its label or panel.
        letter: char,
    },
    /// A value or a claim of the paper is not as it must be, or names what the artifact does not have.
    #[error("{}: {entry}: `{key}` is {found}, accepted: {accepted}", printable_path(.path))]
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
}

impl FileError {
    /// Whether its text says what is to be done.
    #[must_use]
    pub fn says_what_to_do(&self) -> bool {
        matches!(
            self,
            Self::NotAFolder { .. } | Self::Unsealed { .. } | Self::LostCurrent { .. } | Self::LostResult { .. }
        )
    }

    /// Names the file that cannot be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Read { path: path.to_owned(), source }
    }

    /// Names the file or folder that cannot be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Write { path: path.to_owned(), source }
    }

    /// Names the line of a file, from 1, that is not the JSON which belongs there.
    #[must_use]
    pub fn malformed(path: &Path, line: usize, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // Its own line is that in the piece of the file that was parsed.
        let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
        Self::Malformed { path: path.to_owned(), line, column: error.column().max(1), reason }
    }
}
