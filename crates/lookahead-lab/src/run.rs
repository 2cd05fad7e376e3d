//! One run in its folder: `config.toml`, `environment.json`, `metrics.jsonl`, `checkpoint/`, `result.json`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use crate::Error;
use crate::config::RunConfig;
use crate::data::Data;
use crate::environment::{environment, peak_memory};
use crate::files::{create_folder, write_atomically};
use crate::report::{Run, RunResult};
use crate::task::{ForTask, Task, with_task};
use crate::train::{Observer, Outcome, Trainer, finite};

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
    stop: &AtomicBool,
) -> Result<RunResult, Error> {
    create_folder(folder)?;
    let _lock = lock(folder)?;
    claim(config, folder)?;
    let before = Run::read(folder)?;
    if let Some(result) = before.finished() {
        if result.data != data.sha256() {
            return Err(Error::OtherData { path: folder.to_owned() });
        }
        return Ok(result.clone());
    }
    let environment = before.environment;
    let result = with_task(config, data, ThisRun { config, folder, environment, observer, stop })??;
    let json = serde_json::to_vec_pretty(&result).map_err(|error| Error::io(folder)(error.into()))?;
    write_atomically(&folder.join("result.json"), &json)?;
    Ok(result)
}

/// A run that is not finished yet.
struct ThisRun<'a> {
    config: &'a RunConfig,
    folder: &'a Path,
    environment: BTreeMap<String, Value>,
    observer: &'a mut dyn Observer,
    stop: &'a AtomicBool,
}

impl ForTask for ThisRun<'_> {
    type Output = Result<RunResult, Error>;

    fn with<T: Task>(self, task: &T) -> Result<RunResult, Error> {
        let trainer = Trainer::new(self.config, task, self.folder)?;
        write_environment(self.config, self.folder, self.environment)?;
        let Outcome { epochs, steps, seconds, train, valid, test, kept_epochs, refused, skipped } =
            trainer.run(self.observer, self.stop)?;
        Ok(RunResult {
            status: "done".to_owned(),
            epochs,
            steps,
            train_loss: finite(train.loss),
            valid_loss: finite(valid.loss),
            valid_accuracy: valid.accuracy,
            valid_top5: valid.top5,
            valid_bleu: valid.bleu,
            test_loss: test.and_then(|test| finite(test.loss)),
            test_bleu: test.and_then(|test| test.bleu),
            kept_epochs,
            seconds,
            non_finite: refused,
            data: task.data_sha256(),
            data_description: task.data_description(),
            skipped,
            peak_memory: peak_memory(),
        })
    }
}

/// Keeps other processes out of the folder for as long as the file is held.
///
/// # Errors
/// [`Error::Busy`] if another process holds it.
pub fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
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
    let json = serde_json::to_vec_pretty(&before).map_err(|error| Error::io(folder)(error.into()))?;
    write_atomically(&folder.join("environment.json"), &json)
}

/// Writes the complete configuration, or sees that the folder is of the same one.
fn claim(config: &RunConfig, folder: &Path) -> Result<(), Error> {
    let path = folder.join("config.toml");
    if !path.exists() {
        return write_atomically(&path, config.without_places().to_toml().as_bytes());
    }
    let found = RunConfig::load(&path)?;
    if found.without_places() == config.without_places() {
        return Ok(());
    }
    Err(Error::OtherConfig { path, expected: config.id(), found: found.id() })
}
