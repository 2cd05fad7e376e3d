//! Image classification by cross-entropy (Sec. 5.1, 5.2, App. C.1, C.2).

use std::num::NonZeroU32;
use std::sync::Arc;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use lookahead_burn::{re_estimate_batch_norm, values_now};

use super::{Batches, Mean, Part, Score, Task, number};
use crate::Error;
use crate::config::{Precision, RunConfig};
use crate::workers::Share;
use lookahead_data::{Augment, Batch, Dataset, Examples, Loader, epoch_order};
use lookahead_models::Network;
use lookahead_models::config::NetworkConfig;
use lookahead_runs::{Measure, Scores, Stop};

/// Examples evaluated at once.
const CHUNK: NonZeroU32 = NonZeroU32::new(250).unwrap();

/// The classes that count as right for the top-5 accuracy.
const TOP: usize = 5;

/// A batch of images, on its way to the device once that is asked for.
#[derive(Debug)]
pub struct ImageBatch {
    batch: Batch,
    ahead: Option<(Tensor<2>, Tensor<1, Int>)>,
}

/// The classification of a data set's images.
#[derive(Debug, Clone, Copy)]
pub struct Classification<'a> {
    config: &'a RunConfig,
    network: &'a NetworkConfig,
    data: &'a Dataset,
    share: Share,
}

impl<'a> Classification<'a> {
    /// The task of training a configuration's network on its data.
    #[must_use]
    pub fn new(config: &'a RunConfig, network: &'a NetworkConfig, data: &'a Dataset) -> Self {
        Self { config, network, data, share: Share::ALL }
    }

    /// The same for one of several workers.
    #[must_use]
    pub fn for_worker(self, share: Share) -> Self {
        Self { share, ..self }
    }

    fn examples(&self, part: Part) -> &Arc<Examples> {
        match part {
            Part::Train => &self.data.train,
            // Image sets have no third part: what the paper calls the test set is evaluated on after each epoch.
            Part::Valid | Part::Test => &self.data.valid,
        }
    }

    /// A copy of the model whose batch-norm statistics are those of `count` training images, and how many of these were
    /// left out because they are damaged.
    ///
    /// # Errors
    /// [`Error::Data`], [`Error::NothingLeft`], [`Error::Interrupted`].
    pub fn re_estimate_on(
        &self,
        count: usize,
        model: &Network,
        device: &Device,
        stop: &Stop,
    ) -> Result<(Network, u64), Error> {
        // Mixed, as in training: the file's order may be by class.
        let mut order = epoch_order(self.data.train.len(), self.config.seed, 0);
        order.truncate(count);
        let loader = Loader::start(Arc::clone(&self.data.train), order, self.config.batch_size, 0, None);
        let (mut failed, mut skipped) = (None, 0);
        let mut batches = loader
            .map_while(|batch| {
                let batch = stop.check().map_err(Error::from).and_then(|()| Ok(batch?));
                let batch = batch.map_err(|error| failed = Some(error)).ok()?;
                skipped += u64::from(batch.skipped);
                Some(Arc::new(batch))
            })
            .filter(|batch| !batch.labels.is_empty())
            .peekable();
        let forward = |model: &Network, batch: Arc<Batch>| self.scores(model, self.tensors(&batch, device).0);
        let estimated = batches.peek().is_some().then(|| re_estimate_batch_norm(model, &mut batches, forward));
        drop(batches);
        match (failed, estimated) {
            (Some(error), _) => Err(error),
            (None, None) => Err(Error::NothingLeft { part: Part::Train.name(), skipped }),
            (None, Some(estimated)) => Ok((estimated?, skipped)),
        }
    }

    /// The scores of images, in f32, in which losses are.
    fn scores(&self, model: &Network, images: Tensor<2>) -> Tensor<2> {
        match self.config.precision {
            Precision::F32 => model.forward(images),
            _ => model.forward(images).cast(FloatDType::F32),
        }
    }

    /// Images in the network's precision, and their labels.
    fn tensors(&self, batch: &Batch, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
        let shape = [batch.labels.len(), self.data.image.pixels()];
        let images =
            Tensor::from_data(TensorData::new(batch.pixels.clone(), shape), (device, self.config.precision.dtype()));
        (images, Tensor::from_data(TensorData::new(batch.labels.clone(), [shape[0]]), device))
    }
}

impl Task for Classification<'_> {
    type Model = Network;
    type Batch = ImageBatch;
    type Memory = ();

    fn data_sha256(&self) -> String {
        self.data.sha256()
    }

    fn data_description(&self) -> String {
        self.data.description.clone()
    }

    fn initial_model(&self, device: &Device) -> Network {
        Network::new(self.network, self.data.image, self.data.classes, self.config.seed, device)
    }

    fn steps(&self, _epoch: u32) -> u32 {
        let examples = self.share.places(self.data.train.len()).len() as u32;
        examples.div_ceil(self.config.batch_size.get())
    }

    fn steps_of(&self, epochs: u32) -> u64 {
        u64::from(epochs) * u64::from(self.steps(0))
    }

    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, ImageBatch> {
        let order = epoch_order(self.data.train.len(), self.config.seed, epoch);
        let order = order[self.share.places(order.len())].to_vec();
        let augmentation = self.config.data.augmentation;
        let augment = Augment { augmentation, seed: self.share.seed(self.config.seed), epoch };
        let train = Arc::clone(&self.data.train);
        let loader = Loader::start(train, order, self.config.batch_size, first, Some(augment));
        Box::new(loader.map(|batch| Ok(ImageBatch { batch: batch?, ahead: None })))
    }

    fn copy_ahead(&self, batch: &mut ImageBatch, device: &Device) {
        if !self.is_empty(batch) {
            batch.ahead = Some(self.tensors(&batch.batch, device));
        }
    }

    fn skipped(&self, batch: &ImageBatch) -> u64 {
        batch.batch.skipped.into()
    }

    fn is_empty(&self, batch: &ImageBatch) -> bool {
        batch.batch.labels.is_empty()
    }

    fn loss(&self, model: &Network, batch: &ImageBatch, _memory: &(), _step: u64, device: &Device) -> (Tensor<1>, ()) {
        let (images, labels) = batch.ahead.clone().unwrap_or_else(|| self.tensors(&batch.batch, device));
        (CrossEntropyLossConfig::new().init(device).forward(self.scores(model, images), labels), ())
    }

    fn evaluate(&self, model: &Network, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error> {
        let cross_entropy = CrossEntropyLossConfig::new().init(device);
        let has_top5 = self.data.classes > TOP;
        let (mut loss, mut right, mut near, mut skipped) = (Mean::default(), 0.0, 0.0, 0);
        let examples = self.examples(part);
        let order = (0..examples.len() as u32).collect();
        for batch in Loader::start(Arc::clone(examples), order, CHUNK, 0, None) {
            stop.check()?;
            let batch = batch?;
            skipped += u64::from(batch.skipped);
            if batch.labels.is_empty() {
                continue;
            }
            let (images, labels) = self.tensors(&batch, device);
            let scores = self.scores(model, images);
            let predicted: Vec<f32> = values_now(scores.clone())?.iter::<f32>().collect();
            for (scores, &label) in predicted.chunks(self.data.classes).zip(&batch.labels) {
                let rank = rank(scores, label as usize);
                right += f64::from(rank == 0);
                near += f64::from(rank < TOP);
            }
            let mean = number(cross_entropy.forward(scores, labels))?;
            loss.add(mean, batch.labels.len());
        }
        let count = loss.count as f64;
        let mut scores = Scores::from([(part.loss(), loss.of(part, skipped)?)]);
        if part == Part::Valid {
            scores.set(Measure::ValidAccuracy, right / count);
            if has_top5 {
                scores.set(Measure::ValidTop5, near / count);
            }
        }
        Ok(Score { scores, skipped, cut: 0 })
    }

    fn re_estimate_batch_norm(&self, model: &Network, device: &Device, stop: &Stop) -> Result<Option<Network>, Error> {
        let estimate = || Ok(self.re_estimate_on(self.data.train.len(), model, device, stop)?.0);
        model.has_batch_norm().then(estimate).transpose()
    }
}

/// How many classes are more likely than the right one; a score that is not a number is never right. Among equal scores
/// the lower class comes first.
fn rank(scores: &[f32], label: usize) -> usize {
    let Some(own) = scores.get(label).filter(|own| !own.is_nan()) else { return scores.len() };
    let before = |(class, score): &(usize, &f32)| *score > own || (*score == own && *class < label);
    scores.iter().enumerate().filter(before).count()
}
