//! How much memory a Transformer asks for, so that a sentence far longer than the others never asks for all of it.

use crate::config::{DecodingConfig, TransformerConfig};

/// The most numbers that a tensor may hold where pairs are evaluated or translated: 512 MiB of them.
const MOST: u64 = 1 << 27;

/// What the memory of a Transformer's batches depends on, besides the sentences.
///
/// All lengths are in subwords, the end of the sentence among them.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    heads: u64,
    layers: u64,
    width: u64,
    feed_forward: u64,
    vocabulary: u64,
}

impl Room {
    /// Of a configuration's model with so many subwords.
    #[must_use]
    pub fn of(config: &TransformerConfig, vocabulary: usize) -> Self {
        let [heads, layers, width, feed_forward] =
            [config.heads, config.layers, config.width, config.feed_forward].map(|size| size.get().into());
        Self { heads, layers, width, feed_forward, vocabulary: vocabulary as u64 }
    }

    /// How many pairs are evaluated at once, of which no side is longer than `length`; 0 if one of them is too long.
    #[must_use]
    pub fn pairs(&self, length: usize) -> usize {
        let length = length as u64;
        // The weights of the attention, the inner layers, the scores of the subwords.
        (MOST / (length * (self.heads * length).max(self.feed_forward).max(self.vocabulary)).max(1)) as usize
    }

    /// How many sentences no longer than `length` are translated at once; 0 if one of them is too long.
    #[must_use]
    pub fn sentences(&self, length: usize, decoding: &DecodingConfig) -> usize {
        let length = length as u64;
        let [beam, extra] = [decoding.beam, decoding.longest_extra].map(|count| u64::from(count.get()));
        // Keys and values of all layers.
        let kept = 2 * self.width * self.layers;
        let source = length * (self.heads * length).max(self.feed_forward).max(kept);
        let target = beam * ((length + extra) * kept).max(self.vocabulary);
        (MOST / source.max(target)) as usize
    }

    /// The longest sentence that is translated; `None` if the beam is too wide for any.
    #[must_use]
    pub fn longest_sentence(&self, decoding: &DecodingConfig) -> Option<usize> {
        // heads length^2 is at most MOST.
        (1..=MOST.isqrt() as usize).rev().find(|&length| self.sentences(length, decoding) > 0)
    }

    /// The longest side of a pair that is trained on.
    #[must_use]
    pub fn longest_pair(&self) -> usize {
        (1..=MOST.isqrt() as usize).rev().find(|&length| self.pairs(length) > 0).unwrap_or(0)
    }
}
