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
use crate::workers::{Share, on_threads, tell};
use lookahead::collective::Collective;
use lookahead_data::Data;
use lookahead_runs::Current;
use lookahead_runs::Stop;
use lookahead_runs::files::{FileError, create_folder, open_own, remove_abandoned, write_atomically, write_sealed};
use lookahead_runs::{MetricsRow, Run, RunResult, write_result};

pub use self::inspection::{Inspection, inspect};

/// The folder of a run below an output folder: named by the configuration's content, so that it is shared by every
/// artifact that needs this run.
#[must_use]
pub fn folder(out: &Path, config: &RunConfig) -> PathBuf {
    out.join("runs").join(config.id())
}

/// Does a run: a finished one is only read, a stopped one continues from its checkpoint, to the same bits. Several workers
/// ([`RunConfig::workers`]) are threads of this process.
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
    let Some(workers) = config.workers else {
        return match begin(config, data, folder)? {
            Begun::Finished(result) => Ok(*result),
            Begun::Open(environment, _lock) => {
                let run = ThisRun { config, folder, environment, observer, stop, workers: None };
                with_task(config, data, Share::ALL, run)?
            }
        };
    };
    let first = |first: &mut dyn Collective| run_as_worker(config, data, folder, observer, stop, first);
    let other = |other: &mut dyn Collective| run_as_worker(config, data, folder, &mut Nobody, stop, other).map(drop);
    on_threads(workers.count.get() as usize, first, other)
}

/// [`run`] as one of the workers of a run: all of them call it. The first alone keeps the folder and is observed; all have its
/// result.
///
/// # Errors
/// [`Error::OtherWorkers`] for another number than the configuration's; as [`run`].
pub fn run_as_worker(
    config: &RunConfig,
    data: &Data,
    folder: &Path,
    observer: &mut dyn Observer,
    stop: &Stop,
    workers: &mut dyn Collective,
) -> Result<RunResult, Error> {
    let (expected, found) = (config.workers.map_or(1, |workers| workers.count.get() as usize), workers.size());
    if expected != found {
        return Err(Error::OtherWorkers { expected, found });
    }
    // The process may not end while others wait for this one.
    let _unsaved = stop.unsaved();
    let share = Share::of(config, workers.rank());
    let mut begun = (share.rank == 0).then(|| begin(config, data, folder));
    let finished = begun.as_mut().map(|begun| match begun {
        Ok(Begun::Finished(result)) => Ok(Some(RunResult::clone(result))),
        Ok(Begun::Open(..)) => Ok(None),
        Err(error) => Err(std::mem::replace(error, Error::Interrupted)),
    });
    if let Some(result) = tell(workers, finished)? {
        return Ok(result);
    }
    let (environment, _lock) = match begun {
        Some(Ok(Begun::Open(environment, lock))) => (environment, Some(lock)),
        _ => (BTreeMap::new(), None),
    };
    let observer: &mut dyn Observer = if share.rank == 0 { observer } else { &mut Nobody };
    with_task(config, data, share, ThisRun { config, folder, environment, observer, stop, workers: Some(workers) })?
}

/// Follows nothing.
struct Nobody;

impl Observer for Nobody {
    fn stepped(&mut self, _step: u64) {}
    fn evaluated(&mut self, _row: &MetricsRow) {}
}

/// A run's folder, as it was found.
enum Begun {
    Finished(Box<RunResult>),
    /// What its environment was before, and the lock that keeps others out.
    Open(BTreeMap<String, Value>, File),
}

/// Opens a run's folder.
fn begin(config: &RunConfig, data: &Data, folder: &Path) -> Result<Begun, Error> {
    create_folder(folder)?;
    let lock = lock(folder)?;
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
        return Ok(Begun::Finished(Box::new(result.clone())));
    }
    Ok(Begun::Open(before.environment, lock))
}

/// A run that is not finished yet.
struct ThisRun<'a, 'w> {
    config: &'a RunConfig,
    folder: &'a Path,
    environment: BTreeMap<String, Value>,
    observer: &'a mut dyn Observer,
    stop: &'a Stop,
    workers: Option<&'w mut dyn Collective>,
}

impl ForTask for ThisRun<'_, '_> {
    type Output = Result<RunResult, Error>;

    fn with<T: Task>(mut self, task: &T) -> Result<RunResult, Error> {
        let workers = self.workers.as_mut().map(|workers| &mut **workers as &mut dyn Collective);
        let is_lead = workers.as_ref().is_none_or(|workers| workers.rank() == 0);
        let mut trainer = Trainer::new(self.config, task, self.folder, self.stop, workers)?;
        if is_lead {
            write_environment(self.config, self.folder, self.environment)?;
        }
        trainer.train(self.observer)?;
        // From here on the first of several workers is alone, and the others wait for what it comes to.
        let own = match trainer.finish(self.observer) {
            Ok(outcome) => outcome.map(|outcome| finish(self.config, self.folder, task, outcome)),
            Err(error) => Some(Err(error)),
        };
        match self.workers {
            Some(workers) => tell(workers, own),
            None => own.unwrap_or(Err(Error::Interrupted)),
        }
    }
}

/// Writes the result with the sums of all other files, then the note that there is one.
fn finish(config: &RunConfig, folder: &Path, task: &impl Task, outcome: Outcome) -> Result<RunResult, Error> {
    let Outcome {
        epochs,
        steps,
        seconds,
        scores,
        kept_epochs,
        average_began,
        refused,
        skipped,
        left_out,
        workers,
        data_wait,
    } = outcome;
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
        workers,
        data_wait,
        peak_memory: peak_memory(),
    };
    let lost = || FileError::LostCurrent { folder: folder.to_owned(), found: "metrics.jsonl".to_owned() };
    let current = Current::read(folder)?.ok_or_else(lost)?;
    let mut files = current.all_files();
    files.add(folder, &["environment.json"])?;
    files.add(folder, &task.files())?;
    write_result(folder, &config.id(), &result, &files)?;
    Current { finished: true, ..current }.write(folder)?;
    Ok(result)
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

/// Says with what the run is done; a continued run keeps the first entry and lists what was another one since.
fn write_environment(config: &RunConfig, folder: &Path, mut before: BTreeMap<String, Value>) -> Result<(), Error> {
    for (key, now) in environment(config.device) {
        let first = before.entry(key.clone()).or_insert_with(|| now.clone());
        if *first == now {
            continue;
        }
        let key = format!("{key}, continued");
        let mut since = match before.remove(&key) {
            Some(Value::Array(since)) => since,
            // as earlier builds wrote the last of them
            one => one.into_iter().collect(),
        };
        if !since.contains(&now) {
            since.push(now);
        }
        before.insert(key, since.into());
    }
    Ok(write_sealed(&folder.join("environment.json"), &before)?)
}

/// Writes the complete configuration, or sees that the folder is of the same one, on whatever device it was begun.
fn claim(config: &RunConfig, folder: &Path) -> Result<(), Error> {
    let path = folder.join("config.toml");
    if !path.exists() {
        return Ok(write_atomically(&path, config.without_folder().to_toml().as_bytes())?);
    }
    let found = RunConfig::load(&path).map_err(|error| match error {
        // Of the run's own file: the configuration that was given is sound.
        Error::Config(_) => Error::UnreadableRun { folder: folder.to_owned(), cause: Box::new(error) },
        _ => error,
    })?;
    if found.without_places() == config.without_places() {
        return Ok(());
    }
    Err(Error::OtherConfig { path, expected: config.id(), found: found.id() })
}
