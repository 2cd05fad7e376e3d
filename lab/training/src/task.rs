//! What the one training loop trains: a model, its batches, its loss and how good it is.

mod any;
mod classification;
mod language_modelling;
mod translation;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use lookahead_burn::values_now;

use crate::Error;
pub use lookahead_models::Memory;
use lookahead_runs::{Measure, Scores, Stop};

pub use self::any::{ForTask, with_task};
pub use self::classification::Classification;
pub use self::language_modelling::LanguageModelling;
pub use self::translation::Translation;

/// A single number of a device.
fn number(tensor: Tensor<1>) -> Result<f64, Error> {
    Ok(values_now(tensor)?.iter::<f64>().sum())
}

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is trained on.
    Train,
    /// What is evaluated on after each epoch.
    Valid,
    /// What is evaluated on once, at the end.
    Test,
}

impl Part {
    /// The loss over it.
    #[must_use]
    pub fn loss(self) -> Measure {
        match self {
            Self::Train => Measure::TrainLoss,
            Self::Valid => Measure::ValidLoss,
            Self::Test => Measure::TestLoss,
        }
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Valid => "validation",
            Self::Test => "test",
        }
    }
}

/// How good a model is on a part of the data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// What was measured; the loss always: the mean of an example, or of a word or subword, in nats.
    pub scores: Scores,
    /// Examples left out of all this, because they cannot be read or are too long to be computed on.
    pub skipped: u64,
    /// Sentences that were too long to be translated but by their beginnings.
    pub cut: u64,
}

impl Score {
    /// With what else was measured of the same part.
    pub(crate) fn and(self, more: Self) -> Self {
        let Self { scores, skipped, cut } = more;
        Self { scores: self.scores.and(scores), skipped: self.skipped + skipped, cut: self.cut + cut }
    }
}

/// A mean that is taken part by part.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    /// Adds `count` values by their mean.
    fn add(&mut self, mean: f64, count: usize) {
        self.sum += mean * count as f64;
        self.count += count;
    }

    /// The mean of all of them; of a part of the data of which `skipped` examples were left out.
    fn of(self, part: Part, skipped: u64) -> Result<f64, Error> {
        match self.count {
            0 => Err(Error::NothingLeft { part: part.name(), skipped }),
            count => Ok(self.sum / count as f64),
        }
    }
}

/// The batches of an epoch, made ahead.
pub type Batches<'a, B> = Box<dyn Iterator<Item = Result<B, Error>> + 'a>;

/// A task of training. Everything random in it depends on the configuration's seed and the place in the run alone, so
/// that a run continues to the same bits.
pub trait Task {
    /// The network.
    type Model: Module;
    /// What one step is taken on.
    type Batch;
    /// What a step leaves to the next.
    type Memory: Memory;

    /// The SHA-256 of the data, in hexadecimal digits.
    fn data_sha256(&self) -> String;

    /// What the data is, in words.
    fn data_description(&self) -> String;

    /// Puts beside a run what its results cannot be read without, such as the subwords of a translation.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn prepare(&self, _folder: &Path) -> Result<(), Error> {
        Ok(())
    }

    /// The files that a finished run leaves of [`prepare`](Self::prepare) and [`measure_at_end`](Self::measure_at_end).
    fn files(&self) -> Vec<&'static str> {
        vec![]
    }

    /// The initial model.
    fn initial_model(&self, device: &Device) -> Self::Model;

    /// The parts that are scored at the end: the validation set, and the test set where there is one.
    fn scored_at_end(&self) -> Vec<Part> {
        vec![Part::Valid]
    }

    /// The steps of an epoch, counted from 0.
    fn steps(&self, epoch: u32) -> u32;

    /// The steps of the first `epochs` epochs.
    fn steps_of(&self, epochs: u32) -> u64 {
        (0..epochs).map(|epoch| u64::from(self.steps(epoch))).sum()
    }

    /// The batches of an epoch, counted from 0, from batch number `first` on.
    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Self::Batch>;

    /// Begins to copy a batch to the device, so that it is there when its step begins. What is small need not go ahead.
    fn copy_ahead(&self, _batch: &mut Self::Batch, _device: &Device) {}

    /// How many examples are missing in a batch because they could not be read.
    fn skipped(&self, _batch: &Self::Batch) -> u64 {
        0
    }

    /// Whether a batch holds no example, because none could be read.
    fn is_empty(&self, _batch: &Self::Batch) -> bool {
        false
    }

    /// What the learning rate of this batch is multiplied with.
    fn rate_factor(&self, _batch: &Self::Batch) -> f64 {
        1.0
    }

    /// The mean loss over a batch at gradient step `step`, in nats and with whatever is added to it in training, and the
    /// memory after it. The same arguments give the same bits: what is dropped out is drawn from the seed and `step`.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        memory: &Self::Memory,
        step: u64,
        device: &Device,
    ) -> (Tensor<1>, Self::Memory);

    /// The score of a model in evaluation mode, as it is taken after each epoch.
    ///
    /// # Errors
    /// What reading the data meets, [`Error::NothingLeft`], [`Error::Interrupted`].
    fn evaluate(&self, model: &Self::Model, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error>;

    /// What is measured at the end of a run alone, besides [`Task::evaluate`]; what it is based on may be left in `folder`.
    /// `progress` hears how many examples of how many are done.
    ///
    /// # Errors
    /// As [`Task::evaluate`], [`Error::Io`].
    fn measure_at_end(
        &self,
        _model: &Self::Model,
        _part: Part,
        _folder: &Path,
        _device: &Device,
        _progress: &mut dyn FnMut(usize, usize),
        _stop: &Stop,
    ) -> Result<Score, Error> {
        Ok(Score::default())
    }

    /// A copy of the model whose batch-norm statistics are those of the training data, estimated anew; `None` for a model
    /// without any.
    ///
    /// # Errors
    /// What reading the data meets, [`Error::NothingLeft`], [`Error::Interrupted`].
    fn re_estimate_batch_norm(
        &self,
        _model: &Self::Model,
        _device: &Device,
        _stop: &Stop,
    ) -> Result<Option<Self::Model>, Error> {
        Ok(None)
    }
}
