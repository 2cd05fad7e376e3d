//! Machine translation by label-smoothed cross-entropy (Sec. 5.4, App. C.4).

use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde::Serialize;

use super::{Batches, Mean, Part, Score, Task, number};
use crate::Error;
use crate::config::RunConfig;
use crate::workers::Share;
use lookahead_data::{EOS, PAD, Pair, Pairs, epoch_order, token_batches};
use lookahead_models::bleu::corpus_bleu;
use lookahead_models::config::TransformerConfig;
use lookahead_models::decode::beam_search;
use lookahead_models::{Dropout, Room, Sequences, Transformer, cross_entropy};
use lookahead_runs::files::write_atomically;
use lookahead_runs::random::stream;
use lookahead_runs::{Measure, Scores, Stop};

/// The translation of a data set's sentences.
#[derive(Debug, Clone)]
pub struct Translation<'a> {
    config: &'a RunConfig,
    model: &'a TransformerConfig,
    pairs: &'a Pairs,
    batches: Vec<Vec<u32>>,
    room: Room,
    share: Share,
}

const SUBWORDS: &str = "subwords.json";

/// A line of `translations-valid.jsonl` and `translations-test.jsonl`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    source: &'a str,
    reference: &'a str,
    translation: &'a str,
}

impl<'a> Translation<'a> {
    /// The task of training a configuration's Transformer on its pairs.
    ///
    /// # Errors
    /// [`Error::TooLong`] for pairs or a beam that would need too much memory; [`Error::NothingLeft`] for a part whose
    /// pairs are all too long to be evaluated.
    pub fn new(config: &'a RunConfig, model: &'a TransformerConfig, pairs: &'a Pairs) -> Result<Self, Error> {
        let room = Room::of(model, pairs.subwords.len());
        let longest = pairs.train.iter().map(longest_side).max().unwrap_or(0);
        if room.pairs(longest) == 0 {
            let (what, most) = ("the longest training pair, with its end,", room.longest_pair());
            return Err(Error::TooLong { what, length: longest, most, key: "data.longest" });
        }
        if let Some(decoding) = &config.decoding
            && room.longest_sentence(decoding).is_none()
        {
            let length = decoding.longest_extra.get() as usize;
            return Err(Error::TooLong { what: "a translation", length, most: 0, key: "decoding.longest_extra" });
        }
        let batches = token_batches(&pairs.train, config.batch_size.get() as usize, config.seed);
        let task = Self { config, model, pairs, batches, room, share: Share::ALL };
        for part in [Part::Train, Part::Valid, Part::Test] {
            let pairs = task.evaluated(part);
            if !pairs.is_empty() && pairs.iter().all(|pair| task.is_too_long(pair)) {
                return Err(Error::NothingLeft { part: part.name(), skipped: pairs.len() as u64 });
            }
        }
        Ok(task)
    }

    /// The same for one of several workers: each has as many of the batches.
    #[must_use]
    pub fn for_worker(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// The batches of an epoch, of all workers.
    pub(super) fn all_batches(&self) -> usize {
        self.batches.len()
    }

    /// Whether a pair would need too much memory to be evaluated.
    fn is_too_long(&self, pair: &Pair) -> bool {
        self.room.pairs(longest_side(pair)) == 0
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
        Ok(write_atomically(path, &lines)?)
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
        Ok(write_atomically(&folder.join(SUBWORDS), self.pairs.subwords.to_json().as_bytes())?)
    }

    fn files(&self) -> Vec<&'static str> {
        let parts = if self.config.decoding.is_some() { self.scored_at_end() } else { vec![] };
        let translations = parts.into_iter().filter_map(file_name);
        [SUBWORDS].into_iter().chain(translations).collect()
    }

    fn initial_model(&self, device: &Device) -> Transformer {
        Transformer::new(self.model, self.pairs.subwords.len(), self.config.seed, device)
    }

    fn scored_at_end(&self) -> Vec<Part> {
        let test = (!self.pairs.test.is_empty()).then_some(Part::Test);
        [Part::Valid].into_iter().chain(test).collect()
    }

    fn steps(&self, _epoch: u32) -> u32 {
        self.share.places(self.batches.len()).len() as u32
    }

    fn steps_of(&self, epochs: u32) -> u64 {
        u64::from(epochs) * u64::from(self.steps(0))
    }

    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Vec<u32>> {
        let order = epoch_order(self.batches.len(), self.config.seed, epoch);
        let order = order[self.share.places(order.len())].to_vec();
        Box::new(order.into_iter().skip(first as usize).map(|batch| Ok(self.batches[batch as usize].clone())))
    }

    fn loss(&self, model: &Transformer, batch: &Vec<u32>, _memory: &(), step: u64, device: &Device) -> (Tensor<1>, ()) {
        let random = &mut stream(self.share.seed(self.config.seed), "dropout", step);
        let pairs = batch.iter().map(|&index| &self.pairs.train[index as usize]);
        let smoothing = self.model.label_smoothing;
        (self.cross_entropy(model, pairs, smoothing, &mut Dropout::training(random), device).0, ())
    }

    /// The loss is the cross-entropy without smoothing; of the training part, that of as many of its first pairs as there
    /// are validation pairs. Pairs for which there is no [`Room`] are left out.
    fn evaluate(&self, model: &Transformer, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error> {
        let pairs = self.evaluated(part);
        let (mut loss, mut skipped) = (Mean::default(), 0);
        for batch in token_batches(pairs, self.config.batch_size.get() as usize, 0) {
            let mut batch: Vec<&Pair> = batch.iter().map(|&index| &pairs[index as usize]).collect();
            let all = batch.len();
            batch.retain(|pair| !self.is_too_long(pair));
            skipped += (all - batch.len()) as u64;
            let longest = batch.iter().map(|pair| longest_side(pair)).max().unwrap_or(1);
            for batch in batch.chunks(self.room.pairs(longest)) {
                stop.check()?;
                let pairs = batch.iter().copied();
                let (mean, subwords) = self.cross_entropy(model, pairs, 0.0, &mut Dropout::evaluation(), device);
                loss.add(number(mean)?, subwords);
            }
        }
        Ok(Score { scores: Scores::from([(part.loss(), loss.of(part, skipped)?)]), skipped, cut: 0 })
    }

    /// The BLEU of what a beam search finds, which is left in `translations-valid.jsonl` or
    /// `translations-test.jsonl`. Of a sentence for which there is no [`Room`] the beginning is translated.
    fn measure_at_end(
        &self,
        model: &Transformer,
        part: Part,
        folder: &Path,
        device: &Device,
        progress: &mut dyn FnMut(usize, usize),
        stop: &Stop,
    ) -> Result<Score, Error> {
        let mut score = Score::default();
        let (Some(decoding), Some(file)) = (&self.config.decoding, file_name(part)) else { return Ok(score) };
        let pairs = self.evaluated(part);
        // One of them is the end of the sentence.
        let longest = self.room.longest_sentence(decoding).unwrap_or(1) - 1;
        score.cut = pairs.iter().filter(|pair| pair.source.len() > longest).count() as u64;
        let sources: Vec<Vec<u32>> =
            pairs.iter().map(|pair| pair.source[..pair.source.len().min(longest)].to_vec()).collect();
        let translations = beam_search(model, &sources, decoding, device, progress, stop)?;
        let translations: Vec<String> =
            translations.iter().map(|translation| self.pairs.subwords.decode(translation)).collect();
        let references: Vec<String> = pairs.iter().map(|pair| pair.target_text.clone()).collect();
        self.write_translations(&folder.join(file), pairs, &translations)?;
        let bleu = if part == Part::Test { Measure::TestBleu } else { Measure::ValidBleu };
        score.scores.set(bleu, corpus_bleu(&translations, &references)?.score);
        Ok(score)
    }
}

/// The subwords of a pair's longer side, with its end.
fn longest_side(pair: &Pair) -> usize {
    pair.source.len().max(pair.target.len()) + 1
}

fn file_name(part: Part) -> Option<&'static str> {
    match part {
        Part::Train => None,
        Part::Valid => Some("translations-valid.jsonl"),
        Part::Test => Some("translations-test.jsonl"),
    }
}
