//! What the one training loop trains: a model, its batches, its loss and how good it is.

mod classification;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::Error;

pub use self::classification::Classification;

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is trained on.
    Train,
    /// What is evaluated on.
    Valid,
}

/// How good a model is on a part of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean loss, in nats.
    pub loss: f64,
    /// The share of examples that are right, 0 to 1.
    pub accuracy: f64,
    /// The share whose class is among the five most likely; only where there are more than five classes.
    pub top5: Option<f64>,
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

    /// The SHA-256 of the data, in hexadecimal digits.
    fn data_sha256(&self) -> String;

    /// What the data is, in words.
    fn data_description(&self) -> String;

    /// The initial model.
    fn initial_model(&self, device: &Device) -> Self::Model;

    /// Whether the model has batch-norm statistics.
    fn has_batch_norm(&self, model: &Self::Model) -> bool;

    /// Steps of an epoch.
    fn steps_per_epoch(&self) -> u32;

    /// The batches of an epoch, counted from 0, from batch number `first` on.
    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Self::Batch>;

    /// How many examples are missing in a batch because they could not be read.
    fn skipped(&self, batch: &Self::Batch) -> u64;

    /// The mean loss over a batch, in nats.
    fn loss(&self, model: &Self::Model, batch: &Self::Batch, device: &Device) -> Tensor<1>;

    /// The score of a model in evaluation mode.
    ///
    /// # Errors
    /// What reading the data meets.
    fn evaluate(&self, model: &Self::Model, part: Part, device: &Device) -> Result<Score, Error>;

    /// A copy of the model whose batch-norm statistics are those of the training data, estimated anew.
    ///
    /// # Errors
    /// What reading the data meets.
    fn re_estimate_batch_norm(&self, model: &Self::Model, device: &Device) -> Result<Self::Model, Error>;
}
