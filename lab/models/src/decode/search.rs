//! The beam search of one sentence, apart from the model.

use crate::config::DecodingConfig;
use crate::log_sum;
use lookahead_data::{BOS, EOS, PAD};

/// The state of a sentence's search.
pub(super) struct Search {
    /// Its number among all sentences.
    pub(super) sentence: usize,
    beam: usize,
    alpha: f64,
    /// The most subwords before the end.
    longest: usize,
    /// As many as the beam is wide, all equally long.
    live: Vec<Hypothesis>,
    finished: usize,
    /// The best finished one by its score.
    best: Option<(f64, Vec<u32>)>,
}

#[derive(Clone)]
struct Hypothesis {
    subwords: Vec<u32>,
    /// Minus infinity where there are not enough hypotheses to fill the beam.
    log_probability: f64,
}

/// A hypothesis with one more subword.
struct Candidate {
    hypothesis: usize,
    subword: u32,
    log_probability: f64,
}

impl Search {
    pub(super) fn new(sentence: usize, length: usize, config: &DecodingConfig) -> Self {
        let beam = config.beam.get() as usize;
        let mut live = vec![Hypothesis { subwords: Vec::new(), log_probability: f64::NEG_INFINITY }; beam];
        // All begin alike, so one is enough.
        live[0].log_probability = 0.0;
        let longest = length + config.longest_extra.get() as usize;
        Self { sentence, beam, alpha: config.length_penalty, longest, live, finished: 0, best: None }
    }

    pub(super) fn beam(&self) -> usize {
        self.beam
    }

    /// The last subword of each hypothesis.
    pub(super) fn last_subwords(&self) -> impl Iterator<Item = u32> {
        self.live.iter().map(|hypothesis| hypothesis.subwords.last().copied().unwrap_or(BOS))
    }

    /// Goes one subword on, given the scores of all of them after each hypothesis, and says which hypothesis each of the
    /// new ones continues.
    pub(super) fn advance(&mut self, scores: &[f32], vocabulary: usize) -> Vec<usize> {
        let candidates = self.candidates(scores, vocabulary);
        let mut live = Vec::with_capacity(self.beam);
        let mut from = Vec::with_capacity(self.beam);
        for (rank, Candidate { hypothesis, subword, log_probability }) in candidates.into_iter().enumerate() {
            let before = &self.live[hypothesis].subwords;
            if subword == EOS {
                if rank < self.beam {
                    self.finished += 1;
                    let score = log_probability / self.penalty(before.len() + 1);
                    if self.best.as_ref().is_none_or(|(best, _)| score > *best) {
                        self.best = Some((score, before.clone()));
                    }
                }
            } else if live.len() < self.beam {
                live.push(Hypothesis { subwords: [&before[..], &[subword]].concat(), log_probability });
                from.push(hypothesis);
            }
        }
        if let Some(first) = live.first().cloned() {
            live.resize(self.beam, Hypothesis { log_probability: f64::NEG_INFINITY, ..first });
        }
        from.resize(self.beam, 0);
        self.live = live;
        from
    }

    /// The best continuations, best first: enough for a full beam even if one of each hypothesis ends.
    fn candidates(&self, scores: &[f32], vocabulary: usize) -> Vec<Candidate> {
        let count = 2 * self.beam;
        let mut best: Vec<Candidate> = Vec::with_capacity(count + 1);
        for (hypothesis, scores) in scores.chunks(vocabulary).enumerate() {
            let Hypothesis { subwords, log_probability } = &self.live[hypothesis];
            if *log_probability == f64::NEG_INFINITY {
                continue;
            }
            let must_end = subwords.len() == self.longest;
            let log_sum = log_sum(scores);
            for (subword, &score) in (0..).zip(scores) {
                let log_probability = log_probability + f64::from(score - log_sum);
                let worst = if best.len() < count { f64::NEG_INFINITY } else { best[count - 1].log_probability };
                // Neither what cannot be nor what is not a number is above minus infinity.
                let is_better = log_probability > worst;
                if is_better && subword != PAD && subword != BOS && (subword == EOS || !must_end) {
                    let rank = best.partition_point(|candidate| candidate.log_probability >= log_probability);
                    best.insert(rank, Candidate { hypothesis, subword, log_probability });
                    best.truncate(count);
                }
            }
        }
        best
    }

    pub(super) fn is_done(&self) -> bool {
        // Every further subword lowers log P, and no hypothesis gets longer than the longest.
        let hope = |hypothesis: &Hypothesis| hypothesis.log_probability / self.penalty(self.longest + 1);
        let best = self.best.as_ref().map_or(f64::NEG_INFINITY, |(score, _)| *score);
        self.finished >= self.beam || !self.live.iter().any(|hypothesis| hope(hypothesis) > best)
    }

    /// The best translation; an empty one if the model gave no probabilities to choose by.
    pub(super) fn into_best(self) -> Vec<u32> {
        self.best.map(|(_, subwords)| subwords).unwrap_or_default()
    }

    /// ((5 + length) / 6)^alpha (Wu et al. 2016, eq. 14)
    fn penalty(&self, length: usize) -> f64 {
        ((5 + length) as f64 / 6.0).powf(self.alpha)
    }
}
