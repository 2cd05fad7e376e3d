//! Machine translation by label-smoothed cross-entropy (Sec. 5.4, App. C.4).

use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde::Serialize;

use super::{Batches, Part, Score, Task};
use crate::Error;
use crate::config::{RunConfig, TransformerConfig};
use crate::data::{EOS, PAD, Pair, Pairs, epoch_order, token_batches};
use crate::decode::beam_search;
use crate::files::write_atomically;
use crate::metrics::bleu::corpus_bleu;
use crate::model::{Dropout, Sequences, Transformer, cross_entropy};
use crate::random::stream;

/// The translation of a data set's sentences.
#[derive(Debug, Clone)]
pub struct Translation<'a> {
    config: &'a RunConfig,
    model: &'a TransformerConfig,
    pairs: &'a Pairs,
    batches: Vec<Vec<u32>>,
}

/// A line of `translations-valid.jsonl` and `translations-test.jsonl`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    source: &'a str,
    reference: &'a str,
    translation: &'a str,
}

impl<'a> Translation<'a> {
    /// The task of training a configuration's Transformer on its pairs.
    #[must_use]
    pub fn new(config: &'a RunConfig, model: &'a TransformerConfig, pairs: &'a Pairs) -> Self {
        let batches = token_batches(&pairs.train, config.batch_size.get() as usize, config.seed);
        Self { config, model, pairs, batches }
    }

    /// What a part is evaluated on: of the training part, as many of its first pairs as there are validation pairs.
    fn evaluated(&self, part: Part) -> &[Pair] {
        let Pairs { train, valid, test, .. } = self.pairs;
        match part {
            Part::Train => &train[..train.len().min(valid.len())],
            Part::Valid => valid,
            Part::Test => test,
        }
    }

    /// The mean cross-entropy of the pairs' target subwords, their ends included, and how many these are.
    fn cross_entropy<'p>(
        &self,
        model: &Transformer,
        pairs: impl Iterator<Item = &'p Pair> + Clone,
        smoothing: f64,
        dropout: &mut Dropout<'_>,
        device: &Device,
    ) -> (Tensor<1>, usize) {
        let source = Sequences::sources(pairs.clone().map(|pair| &pair.source[..]), device);
        let target = Sequences::targets(pairs.clone().map(|pair| &pair.target[..]), device);
        let [_, longest] = target.dims();
        let to_predict = pairs
            .clone()
            .flat_map(|pair| pair.target.iter().copied().chain([EOS]).chain(std::iter::repeat(PAD)).take(longest));
        let count = pairs.map(|pair| pair.target.len() + 1).sum();
        let scores: Tensor<2> = model.forward(&source, &target, dropout).flatten(0, 1);
        (cross_entropy(scores, &to_predict.collect::<Vec<_>>(), smoothing, Some(PAD)), count)
    }

    fn write_translations(&self, path: &Path, pairs: &[Pair], translations: &[String]) -> Result<(), Error> {
        let mut lines = Vec::new();
        for (pair, translation) in pairs.iter().zip(translations) {
            let line = Line { source: &pair.source_text, reference: &pair.target_text, translation };
            serde_json::to_writer(&mut lines, &line).map_err(|error| Error::io(path)(error.into()))?;
            lines.push(b'\n');
        }
        write_atomically(path, &lines)
    }
}

impl Task for Translation<'_> {
    type Model = Transformer;
    /// The numbers of its pairs.
    type Batch = Vec<u32>;
    type Memory = ();

    fn data_sha256(&self) -> String {
        self.pairs.sha256()
    }

    fn data_description(&self) -> String {
        self.pairs.description.clone()
    }

    fn prepare(&self, folder: &Path) -> Result<(), Error> {
        write_atomically(&folder.join("subwords.json"), self.pairs.subwords.to_json().as_bytes())
    }

    fn initial_model(&self, device: &Device) -> Transformer {
        Transformer::new(self.model, self.pairs.subwords.len(), self.config.seed, device)
    }

    fn has_test(&self) -> bool {
        !self.pairs.test.is_empty()
    }

    fn steps(&self, _epoch: u32) -> u32 {
        self.batches.len() as u32
    }

    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Vec<u32>> {
        let order = epoch_order(self.batches.len(), self.config.seed, epoch);
        Box::new(order.into_iter().skip(first as usize).map(|batch| Ok(self.batches[batch as usize].clone())))
    }

    fn loss(&self, model: &Transformer, batch: &Vec<u32>, _memory: &(), step: u64, device: &Device) -> (Tensor<1>, ()) {
        let random = &mut stream(self.config.seed, "dropout", step);
        let pairs = batch.iter().map(|&index| &self.pairs.train[index as usize]);
        let smoothing = self.model.label_smoothing;
        (self.cross_entropy(model, pairs, smoothing, &mut Dropout::training(random), device).0, ())
    }

    /// The loss is the cross-entropy without smoothing; of the training part, that of as many of its first pairs as there
    /// are validation pairs.
    fn evaluate(&self, model: &Transformer, part: Part, device: &Device) -> Result<Score, Error> {
        let pairs = self.evaluated(part);
        let (mut loss, mut count) = (0.0, 0);
        for batch in token_batches(pairs, self.config.batch_size.get() as usize, 0) {
            let batch = batch.iter().map(|&index| &pairs[index as usize]);
            let (mean, subwords) = self.cross_entropy(model, batch, 0.0, &mut Dropout::evaluation(), device);
            loss += f64::from(mean.into_scalar::<f32>()) * subwords as f64;
            count += subwords;
        }
        Ok(Score { loss: loss / count.max(1) as f64, ..Score::default() })
    }

    fn has_final_score(&self) -> bool {
        self.config.decoding.is_some()
    }

    /// With the BLEU of what a beam search finds, which is left in `translations-valid.jsonl` or
    /// `translations-test.jsonl`.
    fn final_score(&self, model: &Transformer, part: Part, folder: &Path, device: &Device) -> Result<Score, Error> {
        let score = self.evaluate(model, part, device)?;
        let (Some(decoding), Some(file)) = (&self.config.decoding, file_name(part)) else { return Ok(score) };
        let pairs = self.evaluated(part);
        let sources: Vec<Vec<u32>> = pairs.iter().map(|pair| pair.source.clone()).collect();
        let translations = beam_search(model, &sources, decoding, device);
        let translations: Vec<String> =
            translations.iter().map(|translation| self.pairs.subwords.decode(translation)).collect();
        let references: Vec<String> = pairs.iter().map(|pair| pair.target_text.clone()).collect();
        self.write_translations(&folder.join(file), pairs, &translations)?;
        Ok(Score { bleu: Some(corpus_bleu(&translations, &references)?.score), ..score })
    }
}

fn file_name(part: Part) -> Option<&'static str> {
    match part {
        Part::Train => None,
        Part::Valid => Some("translations-valid.jsonl"),
        Part::Test => Some("translations-test.jsonl"),
    }
}
