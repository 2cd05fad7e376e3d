//! A run's state on disk: weights as safetensors, the optimizer's record, the position; complete or not there.
//!
//! `checkpoint/step-N/` holds the files of one moment; `checkpoint/current.json`, replaced in one rename, names the
//! folder that counts, and the size and SHA-256 of each file of that moment ([`Current`]).

mod tensors;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use burn::tensor::TensorData;
use lookahead_burn::{LossScale, Record, ReduceOnPlateau};
use serde::{Deserialize, Serialize};

use crate::Error;
use lookahead_runs::MetricsRow;
use lookahead_runs::files::{FileSum, Manifest, sync_folder};

pub(crate) use self::tensors::{safetensors, tensors};
use lookahead_runs::{Current, run_folder_of};

const MODEL: &str = "model.safetensors";
const SLOW: &str = "slow.safetensors";
const OPTIMIZER: &str = "optimizer.record";
const MEMORY: &str = "memory.safetensors";
const POSITION: &str = "position.json";

/// Everything that the rest of a run depends on.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the run stands.
    pub position: Position,
    /// The weights being stepped (the fast ones) and the buffers of batch norm, by module path.
    pub model: BTreeMap<String, TensorData>,
    /// The weights to evaluate, where they are others: the slow ones or an average.
    pub slow: Option<BTreeMap<String, TensorData>>,
    /// The optimizer's whole state.
    pub optimizer: Record,
    /// What the last step leaves to the next one, such as the state of a recurrent network; often nothing.
    pub memory: BTreeMap<String, TensorData>,
    /// The files of the run folder that belong to this moment: logs as far as they go, kept weights.
    pub files: Manifest,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The run's id, so that a checkpoint does not go into another run.
    pub run: String,
    /// The SHA-256 of the data, so that a run does not go on with other data.
    pub data: String,
    /// Epochs finished.
    pub epoch: u32,
    /// Batches done in the epoch under way.
    pub batch: u32,
    /// Gradient steps done.
    pub step: u64,
    /// Wall time so far, in seconds.
    pub seconds: f64,
    /// Of that, for how long the steps waited for their batches, and how long they took without that.
    #[serde(default)]
    pub data_wait: DataWait,
    /// Examples left out so far because they could not be read.
    pub skipped: u64,
    /// Batches so far of which nothing could be read; they count as steps.
    #[serde(default)]
    pub empty_batches: u64,
    /// The last evaluation.
    #[serde(deserialize_with = "Option::deserialize")]
    pub last_row: Option<MetricsRow>,
    /// The memory of a plateau schedule.
    #[serde(deserialize_with = "Option::deserialize")]
    pub plateau: Option<ReduceOnPlateau>,
    /// What losses are scaled with, in f16 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// The evaluated weights that are kept for the end, by the epochs of their evaluations.
    pub kept: Vec<Kept>,
}

/// For how long a run's steps have waited for their batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataWait {
    /// For reading, augmenting and copying as far as it was not done ahead, in seconds.
    pub waiting: f64,
    /// In steps, in seconds; of a device only what the host waits for it.
    pub stepping: f64,
}

impl DataWait {
    /// The share of both that was waiting, from 0 to 1; `None` without a step.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        let all = self.waiting + self.stepping;
        (all > 0.0).then(|| self.waiting / all)
    }
}

/// Evaluated weights in the folder `kept` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The epoch after which they were evaluated.
    pub epoch: u32,
    /// Their loss on the validation set.
    pub valid_loss: f64,
    /// What their file holds.
    pub file: FileSum,
}

impl Position {
    /// Where a run starts.
    #[must_use]
    pub fn start(run: String, data: String) -> Self {
        Self {
            run,
            data,
            epoch: 0,
            batch: 0,
            step: 0,
            seconds: 0.0,
            data_wait: DataWait::default(),
            skipped: 0,
            empty_batches: 0,
            last_row: None,
            plateau: None,
            loss_scale: None,
            kept: vec![],
        }
    }
}

impl Checkpoint {
    /// The first of its weights, or of what a step leaves to the next, that holds a number which is not finite, in words.
    #[must_use]
    pub fn first_not_finite(&self) -> Option<String> {
        let kinds = [("parameter", Some(&self.model)), ("evaluated parameter", self.slow.as_ref())];
        let kinds = kinds.into_iter().chain([("memory between steps", Some(&self.memory))]);
        let all = kinds.flat_map(|(kind, tensors)| tensors.into_iter().flatten().map(move |named| (kind, named)));
        all.into_iter()
            .find(|(_, (_, data))| !data.iter::<f64>().all(f64::is_finite))
            .map(|(kind, (name, _))| format!("{kind} {name:?}"))
    }

    /// Writes the checkpoint into `run_folder/checkpoint`. Whatever goes wrong, the one before stays.
    ///
    /// # Errors
    /// [`Error::Io`], for instance when the disk is full; [`Error::File`].
    pub fn write(&self, run_folder: &Path) -> Result<(), Error> {
        let root = run_folder.join("checkpoint");
        let before = Current::read_as_it_is(run_folder).ok().flatten().and_then(|current| current.folder);
        let name = format!("step-{:08}-{:04}", self.position.step, self.position.epoch);
        // The folder that counts stays as it is until another one does.
        let name = if before.as_ref() == Some(&name) { name + "-again" } else { name };
        let written = self.write_files(&root, &name).and_then(|checkpoint| {
            let (run, folder, files) = (self.position.run.clone(), Some(name.clone()), self.files.clone());
            Ok(Current { run, finished: false, folder, checkpoint, files }.write(run_folder)?)
        });
        match written {
            Ok(()) => remove_others(&root, &name),
            // What could not be completed goes, unless it is, or might be, the folder that counts.
            Err(_) => match Current::read_as_it_is(run_folder) {
                Ok(current) if current.as_ref().is_none_or(|current| current.folder.as_ref() != Some(&name)) => {
                    let _ = fs::remove_dir_all(root.join(&name));
                }
                _ => {}
            },
        }
        written
    }

    /// Reads the checkpoint of a run folder (or of a folder `checkpoint`); `None` for a run at its start.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`] or [`Error::File`] naming the file, [`Error::Optimizer`].
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let run_folder = run_folder_of(folder);
        loop {
            let Some(current) = Current::read(&run_folder)? else { return Ok(None) };
            let Some(name) = &current.folder else { return Ok(None) };
            match Self::read_files(&run_folder, name, &current) {
                // A run in progress may have replaced the checkpoint, and removed the old one, in between.
                Err(_) if Current::read(&run_folder)?.as_ref() != Some(&current) => {}
                read => return read.map(Some),
            }
        }
    }

    fn read_files(run_folder: &Path, name: &str, current: &Current) -> Result<Self, Error> {
        let folder = run_folder.join("checkpoint").join(name);
        let files = current.all_files();
        let get = |file: &str| Ok(files.read(run_folder, &format!("checkpoint/{name}/{file}"))?);
        Self::from_files(&folder, get, current.files.clone())
    }

    /// A checkpoint from its own files, by their names; `folder` is where errors place them.
    pub(crate) fn from_files(
        folder: &Path,
        optional: impl Fn(&str) -> Result<Option<Vec<u8>>, Error>,
        files: Manifest,
    ) -> Result<Self, Error> {
        let file = |name: &str| -> Result<Vec<u8>, Error> {
            let unnamed = || damaged(&folder.join(name), "current.json does not name it");
            optional(name)?.ok_or_else(unnamed)
        };
        let weights = |name: &str, bytes: &[u8]| tensors(&folder.join(name), bytes);
        let position = serde_json::from_slice(&file(POSITION)?);
        Ok(Self {
            position: position.map_err(|error| damaged(&folder.join(POSITION), error))?,
            model: weights(MODEL, &file(MODEL)?)?,
            slow: optional(SLOW)?.map(|bytes| weights(SLOW, &bytes)).transpose()?,
            optimizer: Record::from_bytes(&file(OPTIMIZER)?)?,
            memory: optional(MEMORY)?.map(|bytes| weights(MEMORY, &bytes)).transpose()?.unwrap_or_default(),
            files,
        })
    }

    /// Its own files, with their names; `folder` is where errors place them.
    pub(crate) fn to_files(&self, folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
        let position = serde_json::to_vec_pretty(&self.position).map_err(|error| Error::io(folder)(error.into()))?;
        let mut files = vec![
            (MODEL, safetensors(folder, &self.model)?),
            (OPTIMIZER, self.optimizer.to_bytes()?),
            (POSITION, position),
        ];
        if let Some(slow) = &self.slow {
            files.push((SLOW, safetensors(folder, slow)?));
        }
        if !self.memory.is_empty() {
            files.push((MEMORY, safetensors(folder, &self.memory)?));
        }
        Ok(files)
    }

    /// Writes the files of the moment into a folder of their own.
    fn write_files(&self, root: &Path, name: &str) -> Result<Manifest, Error> {
        let folder = root.join(name);
        let files = self.to_files(&folder)?;
        if folder.exists() {
            // Left by a process that was killed before it counted.
            fs::remove_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let mut sums = Manifest::default();
        for (name, bytes) in files {
            let path = folder.join(name);
            let write = || -> std::io::Result<()> {
                let mut file = fs::File::create_new(&path)?;
                file.write_all(&bytes)?;
                file.sync_all()
            };
            write().map_err(Error::io(&path))?;
            sums.extend([(name.to_owned(), FileSum::of(&bytes))]);
        }
        sync_folder(&folder).and_then(|()| sync_folder(root)).map_err(Error::io(&folder))?;
        Ok(sums)
    }
}

/// Removes every folder of a moment but `kept`. What cannot be removed costs space, not truth.
fn remove_others(root: &Path, kept: &str) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("step-") && name.to_string_lossy() != kept {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn damaged(path: &Path, reason: impl ToString) -> Error {
    Error::DamagedCheckpoint { path: path.to_owned(), reason: reason.to_string() }
}
