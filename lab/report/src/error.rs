//! What can go wrong while reading run folders and writing reports.

use std::path::PathBuf;

use super::Summary;
use lookahead_runs::files::FileError;
use lookahead_runs::printable::printable_path;

/// An error of the report: which file, which line, and what is accepted there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file of a run or an artifact is missing or damaged, or one of the report cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Runs that cannot be read: the report was written without them.
    #[error("{}", .summary.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    UnreadableRuns {
        /// The report of the other runs.
        summary: Box<Summary>,
    },
    /// The present report counts finished runs whose folders are gone: nothing was written over it.
    #[error(
        "{}: the report counts runs whose folders are gone: {}; it stays as it was. Put them back, or run the artifact \
         again: they are then done anew",
        printable_path(.folder),
        in_short(.runs)
    )]
    LostRuns {
        /// The folder of the report.
        folder: PathBuf,
        /// The folders of the runs.
        runs: Vec<PathBuf>,
    },
    /// A folder that should hold a run holds neither a config nor metrics.
    #[error("{} is not a run folder: it has neither config.toml nor metrics.jsonl", printable_path(.path))]
    NotARunFolder {
        /// The folder.
        path: PathBuf,
    },
}

/// The first of many paths, and how many others there are.
fn in_short(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| printable_path(path)).collect();
    let others = paths.len().saturating_sub(SHOWN);
    shown.join(", ") + &(if others > 0 { format!(" and {others} others") } else { String::new() })
}
