//! A run's state on disk: weights as safetensors, the optimizer's record, the position; complete or not there.
//!
//! `checkpoint/step-N/` holds the files of one moment; `checkpoint/current.json`, replaced in one rename, names the
//! folder that counts and the SHA-256 of each file in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use lookahead_burn::{Record, ReduceOnPlateau};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::files::{sync_folder, write_atomically};
use crate::report::MetricsRow;

const CURRENT: &str = "current.json";
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
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The length of `metrics.jsonl` in bytes.
    pub metrics_bytes: u64,
    /// The length of `trace.jsonl` in bytes, where there is one.
    pub trace_bytes: u64,
    /// Examples left out so far because they could not be read.
    pub skipped: u64,
    /// The last evaluation.
    pub last_row: Option<MetricsRow>,
    /// The memory of a plateau schedule.
    pub plateau: Option<ReduceOnPlateau>,
    /// The evaluated weights that are kept for the end, by the epochs of their evaluations.
    #[serde(default)]
    pub kept: Vec<Kept>,
}

/// Evaluated weights in the folder `kept` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The epoch after which they were evaluated.
    pub epoch: u32,
    /// Their loss on the validation set.
    pub valid_loss: f64,
    /// The SHA-256 of their file.
    pub sha256: String,
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
            metrics_bytes: 0,
            trace_bytes: 0,
            skipped: 0,
            last_row: None,
            plateau: None,
            kept: vec![],
        }
    }
}

/// `current.json`
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Current {
    folder: String,
    sha256: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Writes the checkpoint into `run_dir/checkpoint`. Whatever goes wrong, the one before stays.
    ///
    /// # Errors
    /// [`Error::Io`], for instance when the disk is full.
    pub fn write(&self, run_dir: &Path) -> Result<(), Error> {
        let root = run_dir.join("checkpoint");
        let name = format!("step-{:08}-{:04}", self.position.step, self.position.epoch);
        let folder = root.join(&name);
        let written = self.write_files(&folder).and_then(|sha256| {
            sync_folder(&root).map_err(Error::io(&root))?;
            let current =
                serde_json::to_vec(&Current { folder: name.clone(), sha256 }).map_err(serialization(&root))?;
            write_atomically(&root.join(CURRENT), &current)
        });
        match written {
            Ok(()) => remove_others(&root, &name),
            // What could not be completed goes, unless it is, or might be, the folder that counts.
            Err(_) => match Current::read(&root) {
                Ok(current) if current.as_ref().is_none_or(|current| current.folder != name) => {
                    let _ = fs::remove_dir_all(&folder);
                }
                _ => {}
            },
        }
        written
    }

    /// Reads the checkpoint of a run folder (or of a folder `checkpoint`), if there is one.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`] naming the file, [`Error::Optimizer`], [`Error::Io`].
    pub fn read(run_dir: &Path) -> Result<Option<Self>, Error> {
        let inside = run_dir.join("checkpoint");
        let root = if inside.is_dir() { inside } else { run_dir.to_owned() };
        loop {
            let Some(current) = Current::read(&root)? else { return Ok(None) };
            match Self::read_files(&root, &current) {
                // A run in progress may have replaced the checkpoint, and removed the old one, in between.
                Err(_) if Current::read(&root)?.as_ref() != Some(&current) => {}
                read => return read.map(Some),
            }
        }
    }

    fn read_files(root: &Path, current: &Current) -> Result<Self, Error> {
        let file = |name: &str| current.file(root, name);
        let position_file = root.join(&current.folder).join(POSITION);
        let optional = |name: &str| {
            let is_there = current.sha256.contains_key(name);
            is_there.then(|| file(name).and_then(|(path, bytes)| tensors(&path, &bytes))).transpose()
        };
        let (model_path, model) = file(MODEL)?;
        Ok(Self {
            position: serde_json::from_slice(&file(POSITION)?.1).map_err(|error| damaged(&position_file, error))?,
            model: tensors(&model_path, &model)?,
            slow: optional(SLOW)?,
            optimizer: Record::from_bytes(&file(OPTIMIZER)?.1)?,
            memory: optional(MEMORY)?.unwrap_or_default(),
        })
    }

    fn write_files(&self, folder: &Path) -> Result<BTreeMap<String, String>, Error> {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let position = serde_json::to_vec_pretty(&self.position).map_err(serialization(folder))?;
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
        let mut sums = BTreeMap::new();
        for (name, bytes) in files {
            let path = folder.join(name);
            let write = || -> std::io::Result<()> {
                let mut file = fs::File::create(&path)?;
                file.write_all(&bytes)?;
                file.sync_all()
            };
            write().map_err(Error::io(&path))?;
            sums.insert(name.to_owned(), sha256(&bytes));
        }
        sync_folder(folder).map_err(Error::io(folder))?;
        Ok(sums)
    }
}

impl Current {
    fn read(root: &Path) -> Result<Option<Self>, Error> {
        let path = root.join(CURRENT);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(&path, error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path)(error)),
        }
    }

    /// A file of the checkpoint, checked.
    fn file(&self, root: &Path, name: &str) -> Result<(PathBuf, Vec<u8>), Error> {
        // A name with a separator would lead out of the checkpoint.
        let is_plain = Path::new(&self.folder).components().count() == 1 && !self.folder.starts_with('.');
        let path = root.join(&self.folder).join(name);
        let expected = self.sha256.get(name).filter(|_| is_plain);
        let expected = expected.ok_or_else(|| damaged(&root.join(CURRENT), format!("it does not name {name}")))?;
        let bytes = fs::read(&path).map_err(|error| damaged(&path, error))?;
        if sha256(&bytes) == *expected {
            Ok((path, bytes))
        } else {
            Err(damaged(&path, "its SHA-256 is not the one that was written"))
        }
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

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(path: &Path, reason: impl ToString) -> Error {
    Error::DamagedCheckpoint { path: path.to_owned(), reason: reason.to_string() }
}

/// Serializing what we hold in memory fails only as writing does.
fn serialization<E: Into<std::io::Error>>(path: &Path) -> impl FnOnce(E) -> Error + '_ {
    move |error| Error::io(path)(error.into())
}

/// Named tensors as the bytes of a safetensors file; `folder` is where errors place it.
pub(crate) fn safetensors(folder: &Path, tensors: &BTreeMap<String, TensorData>) -> Result<Vec<u8>, Error> {
    let other = |error: safetensors::SafeTensorError| Error::io(folder)(std::io::Error::other(error));
    let mut views = Vec::new();
    for (name, data) in tensors {
        let dtype = match data.dtype() {
            DType::F64 => safetensors::Dtype::F64,
            _ => safetensors::Dtype::F32,
        };
        views.push((name, TensorView::new(dtype, data.shape().to_vec(), data.bytes()).map_err(other)?));
    }
    safetensors::serialize(views, None).map_err(other)
}

/// The named tensors of a safetensors file.
pub(crate) fn read_tensors(path: &Path) -> Result<BTreeMap<String, TensorData>, Error> {
    tensors(path, &fs::read(path).map_err(Error::io(path))?)
}

fn tensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(path, error))?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let dtype = match view.dtype() {
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::F64 => DType::F64,
            other => return Err(damaged(path, format!("tensor {name:?} has type {other:?}, not F32 or F64"))),
        };
        let data = TensorData::try_from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
        Ok((name, data.map_err(|error| damaged(path, error))?))
    };
    file.tensors().into_iter().map(tensor).collect()
}
