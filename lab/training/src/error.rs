//! The one error type of this crate.

use std::path::{Path, PathBuf};

use crate::plane::PlaneError;
use lookahead_data::DataError;
use lookahead_models::TensorError;
use lookahead_models::bleu::BleuError;
use lookahead_models::decode::DecodeError;
use lookahead_runs::format::counted;
use lookahead_runs::printable::printable_path;
use lookahead_runs::{FileError, Interrupted};
use lookahead_settings::{ConfigError, nearest};

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
    /// Tensors of a checkpoint are not those of the model.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// There is no plane through a path of weights, or no surface over it.
    #[error(transparent)]
    Plane(#[from] PlaneError),
    /// An optimizer's hyperparameters or its record were refused, or a device failed.
    #[error(transparent)]
    Optimizer(#[from] lookahead_burn::Error),
    /// Several workers could not begin, or go on, together.
    #[error(transparent)]
    Workers(#[from] lookahead_mpi::Error),
    /// Rank 0 could not go on, and with it no other.
    #[error("rank 0 could not go on: {message}")]
    OfRank0 {
        /// What it said.
        message: String,
    },
    /// Another number of workers than a run is of.
    #[error("this run is of {} (workers.count), but {found} {} here", counted(*expected as u64, "worker"), if *found == 1 { "is" } else { "are" })]
    OtherWorkers {
        /// Those of its configuration.
        expected: usize,
        /// Those that there are.
        found: usize,
    },
    /// Fewer training examples, or batches of pairs, than workers.
    #[error("{examples} {what} are too few for {workers} workers: each needs one")]
    TooFewForWorkers {
        /// What is shared.
        what: &'static str,
        /// How many there are.
        examples: usize,
        /// The workers.
        workers: usize,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot read or write {}", printable_path(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A checkpoint is damaged.
    #[error("{}: the checkpoint is damaged: {reason}", printable_path(path))]
    DamagedCheckpoint {
        /// The file.
        path: PathBuf,
        /// What showed it.
        reason: String,
    },
    /// A folder that is not there.
    #[error("{}: there is no such folder", printable_path(path))]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder that holds no checkpoint.
    #[error(
        "{}: there is no checkpoint here (give a run folder, or the folder `checkpoint` in one)",
        printable_path(path)
    )]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// A run folder, or a checkpoint in it, that belongs to another configuration.
    #[error("{}: this belongs to run {found}, not to run {expected} of the given configuration", printable_path(path))]
    OtherConfig {
        /// The file.
        path: PathBuf,
        /// The run of the configuration.
        expected: String,
        /// The run it belongs to.
        found: String,
    },
    /// A run that was begun, or finished, on other data.
    #[error(
        "{}: this run is of other data than what the configuration now leads to; use another output folder",
        printable_path(path)
    )]
    OtherData {
        /// The run folder.
        path: PathBuf,
    },
    /// Data that a model is not for.
    #[error("the data is of another kind than the model is for")]
    OtherKindOfData,
    /// A text without a word to predict once it is cut into columns.
    #[error(
        "the {part} part of the text is too short: {}, and each of {} needs two (batch_size; data.train_limit, \
         data.valid_limit)",
        counted(*tokens as u64, "token"),
        counted(*columns as u64, "column")
    )]
    TextTooShort {
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// Its tokens.
        tokens: usize,
        /// The columns, in training the batch size.
        columns: usize,
    },
    /// A run whose folder holds a damaged file.
    #[error(
        "{}; remove {} and give the same command again: the run is then done anew",
        in_full(cause),
        printable_path(folder)
    )]
    UnreadableRun {
        /// The run folder.
        folder: PathBuf,
        /// What is wrong with which file; it is told with its own causes.
        cause: Box<Error>,
    },
    /// A run folder that another process is working in.
    #[error("{}: another process is working in this folder", printable_path(path))]
    Busy {
        /// The run folder.
        path: PathBuf,
    },
    /// Training came to a value that is not finite, and the configuration says to stop there. No checkpoint holds such a value.
    #[error(
        "{}: step {step}: {what} is not finite; the last checkpoint is as it was (stop_on_non_finite = false goes on)",
        printable_path(folder)
    )]
    NonFinite {
        /// The run folder.
        folder: PathBuf,
        /// The gradient step, from 1.
        step: u64,
        /// What is not finite.
        what: String,
    },
    /// What went wrong in one of several runs, and in none of the others.
    #[error("{run}: {}", in_full(cause))]
    OfOneRun {
        /// Which run.
        run: String,
        /// What went wrong; it is told with its own causes.
        cause: Box<Error>,
    },
    /// A part of the data of which nothing is left to take a mean of.
    #[error(
        "nothing of the {part} part is left to compute with: {} damaged or too long (`lookahead data verify` names damaged files)",
        match skipped {
            1 => "1 example is".to_owned(),
            many => format!("{many} examples are"),
        }
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
        /// The device, such as `cuda:1`.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// A precision that a device does not compute in.
    #[error("{device} does not compute in precision = {precision:?}, accepted there: {}", accepted.join(", "))]
    NoPrecision {
        /// The device.
        device: String,
        /// The precision that was asked for.
        precision: &'static str,
        /// Those that it computes in.
        accepted: Vec<&'static str>,
    },
    /// A scale that a sweep does not describe.
    #[error("{sweep}: there is no [scale.{scale}]; the file describes {}", known.join(", "))]
    NoScale {
        /// The sweep.
        sweep: String,
        /// The scale.
        scale: &'static str,
        /// The scales it has.
        known: Vec<&'static str>,
    },
    /// A name that `run` does not know.
    #[error(
        "{name:?} is neither an artifact{} nor a file that ends in .toml; the artifacts are {}",
        nearest(name, known.iter().copied()).map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default(),
        known.join(", ")
    )]
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

impl From<Interrupted> for Error {
    fn from(Interrupted: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Interrupted(interrupted) => interrupted.into(),
            DecodeError::Device(failed) => Self::Optimizer(failed),
        }
    }
}

impl From<lookahead::collective::CollectiveError> for Error {
    fn from(error: lookahead::collective::CollectiveError) -> Self {
        Self::Workers(error.into())
    }
}

impl From<lookahead::Error> for Error {
    fn from(error: lookahead::Error) -> Self {
        Self::Optimizer(error.into())
    }
}

impl Error {
    /// Whether it is of one run of several, which says nothing against the others.
    #[must_use]
    pub fn leaves_others_alone(&self) -> bool {
        matches!(self, Self::UnreadableRun { .. } | Self::OfOneRun { .. })
    }

    /// Names the file or folder that an operation failed on.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// An error with its causes.
fn in_full(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
