//! The one error type of this crate.

use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::data::DataError;
use crate::files::FileError;
use crate::metrics::bleu::BleuError;
use crate::plane::PlaneError;
use crate::report::ReportError;

/// Why the lab could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A data set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Translations cannot be scored.
    #[error(transparent)]
    Bleu(#[from] BleuError),
    /// An analysis refused its parameters.
    #[error(transparent)]
    Theory(#[from] lookahead_theory::Error),
    /// A file that the lab wrote is missing or damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A report cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// There is no plane through a path of weights, or no surface over it.
    #[error(transparent)]
    Plane(#[from] PlaneError),
    /// An optimizer's hyperparameters or its record were refused.
    #[error(transparent)]
    Optimizer(#[from] lookahead_burn::Error),
    /// A file or folder cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A checkpoint is damaged.
    #[error("{}: the checkpoint is damaged: {reason}", path.display())]
    DamagedCheckpoint {
        /// The file.
        path: PathBuf,
        /// What showed it.
        reason: String,
    },
    /// A folder that is not there.
    #[error("{}: there is no such folder", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder that holds no checkpoint.
    #[error("{}: there is no checkpoint here (give a run folder, or the folder `checkpoint` in one)", path.display())]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// A run folder, or a checkpoint in it, that belongs to another configuration.
    #[error("{}: this belongs to run {found}, not to run {expected} of the given configuration", path.display())]
    OtherConfig {
        /// The file.
        path: PathBuf,
        /// The run of the configuration.
        expected: String,
        /// The run it belongs to.
        found: String,
    },
    /// A run that was begun, or finished, on other data.
    #[error("{}: this run is of other data than what the configuration now leads to; use another output folder", path.display())]
    OtherData {
        /// The run folder.
        path: PathBuf,
    },
    /// Data that a model is not for.
    #[error("the data is of another kind than the model is for")]
    OtherKindOfData,
    /// A text without a word to predict once it is cut into columns.
    #[error("the {part} part of the text has {tokens} tokens, too few for {columns} columns: each needs two")]
    TextTooShort {
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// Its tokens.
        tokens: usize,
        /// The columns, in training the batch size.
        columns: usize,
    },
    /// A run whose folder holds a damaged file.
    #[error("{source}; remove {} and give the same command again: the run is then done anew", folder.display())]
    UnreadableRun {
        /// The run folder.
        folder: PathBuf,
        /// What is wrong with which file.
        source: Box<ReportError>,
    },
    /// A run folder that another process is working in.
    #[error("{}: another process is working in this folder", path.display())]
    Busy {
        /// The run folder.
        path: PathBuf,
    },
    /// A tensor that the model needs and the checkpoint does not hold.
    #[error("the checkpoint does not hold tensor {name:?}, which the model needs")]
    MissingTensor {
        /// Its module path.
        name: String,
    },
    /// A tensor of the checkpoint that the model does not have.
    #[error("the checkpoint holds tensor {name:?}, which the model does not have")]
    UnknownTensor {
        /// Its module path.
        name: String,
    },
    /// A tensor of another shape.
    #[error("the checkpoint holds tensor {name:?} of shape {found:?}, the model has {expected:?}")]
    TensorShape {
        /// Its module path.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        found: Vec<usize>,
    },
    /// Training came to a value that is not finite, and the configuration says to stop there.
    #[error(
        "{}: step {step}: {what} is not finite; the last checkpoint is as it was (stop_on_non_finite = false goes on)",
        folder.display()
    )]
    NonFinite {
        /// The run folder.
        folder: PathBuf,
        /// The gradient step, from 1.
        step: u64,
        /// What is not finite.
        what: &'static str,
    },
    /// A part of the data of which nothing is left to take a mean of.
    #[error(
        "nothing of the {part} part is left to compute with: {skipped} examples are damaged or too long (`lookahead data verify` names damaged files)"
    )]
    NothingLeft {
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// The examples that were left out.
        skipped: u64,
    },
    /// Sentences for which a model would need more memory than a tensor is given.
    #[error("{what} has {length} subwords, more than this model has room for: {most} (see {key})")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its subwords.
        length: usize,
        /// The most that there may be.
        most: usize,
        /// The key that bounds it.
        key: &'static str,
    },
    /// A device that this build or this machine does not have.
    #[error("no device {name:?}: {reason}; `lookahead devices` lists what there is")]
    NoDevice {
        /// The kind of device.
        name: &'static str,
        /// Why there is none.
        reason: String,
    },
    /// A scale that a sweep does not describe.
    #[error("{sweep}: there is no [scale.{scale}]; it has {}", known.join(", "))]
    NoScale {
        /// The sweep.
        sweep: String,
        /// The scale.
        scale: &'static str,
        /// The scales it has.
        known: Vec<&'static str>,
    },
    /// A name that `run` does not know.
    #[error("{name:?} is neither an artifact ({}) nor a file that ends in .toml", known.join(", "))]
    UnknownArtifact {
        /// The name.
        name: String,
        /// The artifacts.
        known: Vec<&'static str>,
    },
    /// Work was asked to stop, and what it had is saved.
    #[error("interrupted")]
    Interrupted,
    /// A run met a fault in the program itself.
    #[error("{run}: a fault in the program, please report it: {message}; the last checkpoint is as it was")]
    Panic {
        /// The run, by its label.
        run: String,
        /// What the fault said.
        message: String,
    },
}

impl From<lookahead::Error> for Error {
    fn from(error: lookahead::Error) -> Self {
        Self::Optimizer(error.into())
    }
}

impl Error {
    /// Names the file or folder that an operation failed on.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
