//! `lookahead report` on records: summaries whose runs are gone are judged again.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookahead_lab::artifacts::{ARTIFACTS, Kind, sweep};
use lookahead_report as report;
use lookahead_runs::printable::printable_path;
use lookahead_training::Error;

use super::name_of;
use crate::commands::{Output, complain};

/// The recorded summaries of a folder without artifacts, and of the folders in it.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = summaries(folder)?;
    for inner in entries(folder)?.iter().filter(|path| path.is_dir()) {
        files.extend(summaries(inner)?);
    }
    Ok(files)
}

/// Judges each again, and says what came out. What is wrong with the others is told at once, and again by the exit code.
pub fn judge(files: &[PathBuf], output: &mut Output) -> anyhow::Result<()> {
    let mut wrong = 0;
    for file in files {
        let name = file.parent().map(name_of).unwrap_or_default();
        let paper = match ARTIFACTS.iter().find(|entry| entry.name == name).map(|entry| entry.kind) {
            Some(Kind::Training { config, paper }) => Some(sweep(&name, config, paper)?.paper),
            _ => None,
        };
        match report::judge_record(file, paper.as_ref().map(|paper| (name.as_str(), paper))) {
            Ok(summary) => {
                let text = format!("{}\nrecord: {}\n", summary.table(), printable_path(file));
                output.add(text, serde_json::to_value(&summary)?)?;
            }
            Err(error) => {
                complain(&format!("error: {:#}", anyhow::Error::from(error)));
                wrong += 1;
            }
        }
    }
    match wrong {
        0 => Ok(()),
        _ => bail!("{wrong} of {} records cannot be judged; the reasons are above", files.len()),
    }
}

fn summaries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_summary = |path: &PathBuf| name_of(path).starts_with("summary") && name_of(path).ends_with(".json");
    Ok(entries(folder)?.into_iter().filter(is_summary).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(io)?.map(|entry| Ok(entry.map_err(io)?.path()));
    let mut paths = entries.collect::<Result<Vec<_>, Error>>()?;
    paths.sort();
    Ok(paths)
}
