//! Loss and accuracy of a model over a set of examples.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::data::Examples;
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
pub(crate) fn to_tensors(examples: &Examples, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let count = examples.len();
    let pixels = examples.pixels().len() / count.max(1);
    let images = Tensor::from_data(TensorData::new(examples.pixels().to_vec(), [count, pixels]), device);
    let labels: Vec<i64> = examples.labels().iter().map(|&label| label.into()).collect();
    (images, Tensor::from_data(TensorData::new(labels, [count]), device))
}

/// The score of a model in evaluation mode.
#[must_use]
pub fn evaluate(model: &Network, examples: &Examples, device: &Device) -> Score {
    let cross_entropy = CrossEntropyLossConfig::new().init(device);
    let (mut loss, mut right) = (0.0, 0.0);
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    for chunk in indices.chunks(CHUNK) {
        let (images, labels) = to_tensors(&examples.select(chunk), device);
        let scores = model.forward(images);
        let hits = scores.clone().argmax(1).flatten::<1>(0, 1).equal(labels.clone()).int().sum();
        right += f64::from(hits.into_scalar::<i32>());
        loss += f64::from(cross_entropy.forward(scores, labels).into_scalar::<f32>()) * chunk.len() as f64;
    }
    let count = examples.len().max(1) as f64;
    Score { loss: loss / count, accuracy: right / count }
}
