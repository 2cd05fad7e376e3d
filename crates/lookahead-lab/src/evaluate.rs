//! Loss and accuracy of a model over a set of examples.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::Error;
use crate::data::{Batch, Examples};
use crate::model::Network;

/// Examples evaluated at once.
const CHUNK: usize = 512;

/// How good a model is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean cross-entropy, in nats.
    pub loss: f64,
    /// The share of examples that are right, 0 to 1.
    pub accuracy: f64,
}

/// Images `[batch, pixels]` and labels `[batch]` on a device.
pub(crate) fn to_tensors(batch: Batch, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let count = batch.labels.len();
    let pixels = batch.pixels.len() / count.max(1);
    let images = Tensor::from_data(TensorData::new(batch.pixels, [count, pixels]), device);
    (images, Tensor::from_data(TensorData::new(batch.labels, [count]), device))
}

/// The score of a model in evaluation mode.
///
/// # Errors
/// [`Error::Data`] if images cannot be read.
pub fn evaluate(model: &Network, examples: &Examples, device: &Device) -> Result<Score, Error> {
    let cross_entropy = CrossEntropyLossConfig::new().init(device);
    let (mut loss, mut right, mut count) = (0.0, 0.0, 0_usize);
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    for chunk in indices.chunks(CHUNK) {
        let batch = examples.batch(chunk, None)?;
        let size = batch.labels.len();
        if size == 0 {
            continue;
        }
        let (images, labels) = to_tensors(batch, device);
        let scores = model.forward(images);
        let hits = scores.clone().argmax(1).flatten::<1>(0, 1).equal(labels.clone()).int().sum();
        right += f64::from(hits.into_scalar::<i32>());
        loss += f64::from(cross_entropy.forward(scores, labels).into_scalar::<f32>()) * size as f64;
        count += size;
    }
    let count = count.max(1) as f64;
    Ok(Score { loss: loss / count, accuracy: right / count })
}
