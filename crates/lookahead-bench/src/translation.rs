//! The Transformer, on numbers in the place of subwords; all sentences are equally long.

use burn::tensor::{Device, Tensor};
use lookahead_models::config::TransformerConfig;
use lookahead_models::{Dropout, Sequences, Transformer, cross_entropy};
use lookahead_runs::random::stream;

use super::Work;
use super::sentences::{LENGTH, VOCABULARY, model, sentences};

/// A step of training.
pub struct Translation {
    config: TransformerConfig,
    sources: Vec<Vec<u32>>,
    targets: Vec<Vec<u32>>,
    step: u64,
}

impl Translation {
    /// `batch` is the number of subwords on each side.
    pub fn new(network: &str, batch: usize) -> Result<Self, String> {
        let count = (batch / LENGTH).max(1);
        let config = model(network)?;
        Ok(Self { config, sources: sentences(count, 0), targets: sentences(count, count), step: 0 })
    }
}

impl Work for Translation {
    type Model = Transformer;
    type Batch = (Sequences, Sequences, Vec<u32>);

    fn model(&self, device: &Device) -> Transformer {
        Transformer::new(&self.config, VOCABULARY, 0, device)
    }

    fn batch(&self, device: &Device) -> Self::Batch {
        const END: u32 = 2;
        let expected = self.targets.iter().flat_map(|target| target.iter().copied().chain([END])).collect();
        let sources = Sequences::sources(self.sources.iter().map(Vec::as_slice), device);
        (sources, Sequences::targets(self.targets.iter().map(Vec::as_slice), device), expected)
    }

    fn loss(&mut self, model: &Transformer, (source, target, expected): Self::Batch, _device: &Device) -> Tensor<1> {
        let mut random = stream(0, "dropout", self.step);
        self.step += 1;
        let scores = model.forward(&source, &target, &mut Dropout::training(&mut random));
        cross_entropy(scores.flatten(0, 1), &expected, self.config.label_smoothing, Some(0))
    }
}
