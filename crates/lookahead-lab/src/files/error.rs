//! Why a file that the lab wrote cannot be used.

use std::io;
use std::path::PathBuf;

/// What is wrong with a file that the lab wrote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file cannot be written; an earlier one, if any, is as it was.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file does not end in a checksum.
    #[error(
        "{}: it does not end in a checksum: it is cut off, or an earlier build wrote it; delete its folder and run again \
         (the same configuration gives the same run)",
        .path.display()
    )]
    Unsealed {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("{}: its SHA-256 is not the one that was written: the file is damaged", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A run was begun, but the file that says where it stands is gone.
    #[error(
        "{}: checkpoint/current.json is missing, but {found} shows that the run was begun; put the file back, or delete \
         the run folder to do the run again from its start",
        .folder.display()
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
        .folder.display()
    )]
    LostResult {
        /// The run folder.
        folder: PathBuf,
    },
    /// A run folder under the name of another run.
    #[error("{}: this is the folder of run {run}; a run is known by its folder's name", .folder.display())]
    OtherRun {
        /// The folder.
        folder: PathBuf,
        /// The run that it holds.
        run: String,
    },
    /// A name that leads out of the folder that its file should lie in.
    #[error("{}: {name:?} is no path inside this folder", .folder.display())]
    Outside {
        /// The folder.
        folder: PathBuf,
        /// The name.
        name: String,
    },
    /// The file is as it was written, but not what belongs there.
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
}
