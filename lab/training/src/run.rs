//! One run in its folder: `config.toml`, `environment.json`, `metrics.jsonl`, `checkpoint/`, `result.json`.

mod inspection;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Error;
use crate::config::RunConfig;
use crate::environment::{environment, peak_memory};
use crate::task::{ForTask, Task, with_task};
use crate::train::{Observer, Outcome, Trainer};
use lookahead_data::Data;
use lookahead_runs::Current;
use lookahead_runs::Stop;
use lookahead_runs::files::{FileError, create_folder, open_own, remove_abandoned, write_atomically, write_sealed};
use lookahead_runs::{Run, RunResult, write_result};

pub use self::inspection::{Inspection, inspect};

/// The folder of a run below an output folder: named by the configuration's content, so that it is shared by every
/// artifact that needs this run.
#[must_use]
pub fn folder(out: &Path, config: &RunConfig) -> PathBuf {
    out.join("runs").join(config.id())
}

/// Does a run: a finished one is only read, a stopped one continues from its checkpoint, to the same bits.
///
/// # Errors
/// [`Error`]; the folder then holds what it held, or the run's last complete checkpoint.
pub fn run(
    config: &RunConfig,
    data: &Data,
    folder: &Path,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<RunResult, Error> {
    create_folder(folder)?;
    let _lock = lock(folder)?;
    claim(config, folder)?;
    let expected = config.id();
    if let Ok(Some(Current { run: found, .. })) = Current::read(folder)
        && found != expected
    {
        return Err(Error::OtherConfig { path: folder.join("checkpoint"), expected, found });
    }
    let (before, _) = Run::read_to_continue(folder)?;
    if !before.files.is_empty() && before.id != expected {
        return Err(Error::OtherConfig { path: folder.to_owned(), expected, found: before.id });
    }
    if let Some(result) = before.finished() {
        if result.data != data.sha256() {
            return Err(Error::OtherData { path: folder.to_owned() });
        }
        return Ok(result.clone());
    }
    let environment = before.environment;
    with_task(config, data, ThisRun { config, folder, environment, observer, stop })?
}

/// A run that is not finished yet.
struct ThisRun<'a> {
    config: &'a RunConfig,
    folder: &'a Path,
    environment: BTreeMap<String, Value>,
    observer: &'a mut dyn Observer,
    stop: &'a Stop,
}

impl ForTask for ThisRun<'_> {
    type Output = Result<RunResult, Error>;

    fn with<T: Task>(self, task: &T) -> Result<RunResult, Error> {
        let trainer = Trainer::new(self.config, task, self.folder, self.stop)?;
        write_environment(self.config, self.folder, self.environment)?;
        let outcome = trainer.run(self.observer)?;
        let Outcome { epochs, steps, seconds, scores, kept_epochs, average_began, refused, skipped, left_out } =
            outcome;
        let result = RunResult {
            status: "done".to_owned(),
            epochs,
            steps,
            scores,
            kept_epochs,
            average_began,
            seconds,
            non_finite: refused,
            data: task.data_sha256(),
            data_description: task.data_description(),
            skipped,
            left_out,
            peak_memory: peak_memory(),
        };
        finish(self.config, self.folder, task, &result)?;
        Ok(result)
    }
}

/// Writes the result with the sums of all other files, then the note that there is one.
fn finish(config: &RunConfig, folder: &Path, task: &impl Task, result: &RunResult) -> Result<(), Error> {
    let lost = || FileError::LostCurrent { folder: folder.to_owned(), found: "metrics.jsonl".to_owned() };
    let current = Current::read(folder)?.ok_or_else(lost)?;
    let mut files = current.all_files();
    files.add(folder, &["environment.json"])?;
    files.add(folder, &task.files())?;
    write_result(folder, &config.id(), result, &files)?;
    Ok(Current { finished: true, ..current }.write(folder)?)
}

/// Keeps other processes out of a run's or an artifact's folder for as long as the file is held, and removes what killed
/// ones were writing there.
///
/// # Errors
/// [`Error::Busy`] if another process holds it; [`Error::Io`], also where `.lock` is no regular file of the folder.
pub fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(".lock");
    let file = open_own(&path, File::options().read(true).write(true)).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => {
            remove_abandoned(folder);
            ["checkpoint", "kept", "path"].iter().for_each(|name| remove_abandoned(&folder.join(name)));
            Ok(file)
        }
        Err(fs::TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(Error::io(&path)(error)),
    }
}

/// Says with what the run is done; a continued run keeps the first entry and adds what differs now.
fn write_environment(config: &RunConfig, folder: &Path, mut before: BTreeMap<String, Value>) -> Result<(), Error> {
    for (key, now) in environment(config.device) {
        let first = before.entry(key.clone()).or_insert_with(|| now.clone());
        if *first != now {
            before.insert(format!("{key}, continued"), now);
        }
    }
    Ok(write_sealed(&folder.join("environment.json"), &before)?)
}

/// Writes the complete configuration, or sees that the folder is of the same one, on whatever device it was begun.
fn claim(config: &RunConfig, folder: &Path) -> Result<(), Error> {
    let path = folder.join("config.toml");
    if !path.exists() {
        return Ok(write_atomically(&path, config.without_folder().to_toml().as_bytes())?);
    }
    let found = RunConfig::load(&path)?;
    if found.without_places() == config.without_places() {
        return Ok(());
    }
    Err(Error::OtherConfig { path, expected: config.id(), found: found.id() })
}
