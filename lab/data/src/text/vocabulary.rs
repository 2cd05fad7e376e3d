//! The words that a language model tells apart, numbered by how frequent they are.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::num::NonZeroU32;

use super::{END_OF_SENTENCE, UNKNOWN};

/// The words of a training text.
///
/// Numbers go by falling frequency in the training part, of equally frequent words the one that occurs first comes
/// first. `<eos>` and `<unk>` are always there; `<unk>` stands for all words beyond the limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, u32>,
    unknown: u32,
}

impl Vocabulary {
    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Never: `<eos>` and `<unk>` are always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The word of a number.
    #[must_use]
    pub fn word(&self, id: u32) -> Option<&str> {
        self.words.get(id as usize).map(String::as_str)
    }

    /// The number of a word; `None` for one that is not told apart.
    #[must_use]
    pub fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The number of `<unk>`.
    pub(super) fn unknown(&self) -> u32 {
        self.unknown
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }
}

/// How often words occur, and when first.
#[derive(Debug, Default)]
pub(super) struct Counts {
    words: HashMap<String, Count>,
    seen: u64,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    times: u64,
    first: u64,
}

impl Counts {
    pub(super) fn add(&mut self, word: &str) {
        match self.words.get_mut(word) {
            Some(count) => count.times += 1,
            None => {
                self.words.insert(word.to_owned(), Count { times: 1, first: self.seen });
            }
        }
        self.seen += 1;
    }

    /// The most frequent words, as many as `limit` allows beside `<eos>` and `<unk>`.
    pub(super) fn vocabulary(mut self, limit: NonZeroU32) -> Vocabulary {
        let never = Count { times: 0, first: u64::MAX };
        let [end, mut unknown] = [END_OF_SENTENCE, UNKNOWN].map(|special| self.words.remove(special).unwrap_or(never));
        let order = |(_, count): &(String, Count)| (Reverse(count.times), count.first);
        let mut words: Vec<(String, Count)> = self.words.into_iter().collect();
        words.sort_unstable_by_key(order);
        let kept = words.len().min((limit.get() as usize).saturating_sub(2));
        for (_, count) in words.drain(kept..) {
            unknown.times += count.times;
            unknown.first = unknown.first.min(count.first);
        }
        words.extend([(END_OF_SENTENCE.to_owned(), end), (UNKNOWN.to_owned(), unknown)]);
        // Stable: of two that never occur, `<eos>` comes first.
        words.sort_by_key(order);
        let words: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
        let ids: HashMap<String, u32> = (0..).zip(&words).map(|(id, word)| (word.clone(), id)).collect();
        let unknown = ids.get(UNKNOWN).copied().unwrap_or(0);
        Vocabulary { words, ids, unknown }
    }
}
