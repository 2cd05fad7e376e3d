//! Batches of pairs by how many subwords they hold (Sec. 5.4, App. C.4).

use super::Pair;
use crate::epoch_order;

/// The indices of the pairs in batches, in which the number of pairs times the length of the longest side, with its end
/// of sentence, is at most `tokens`; a pair that is longer alone is a batch of its own.
///
/// Pairs are sorted by their longer side, then by their shorter one; the order of equally long ones is drawn from
/// `seed`. So what is in a batch depends on the seed alone, and every epoch has the same batches, from the shortest to
/// the longest: [`epoch_order`] of their number puts them in the order of an epoch.
///
/// ```
/// use lookahead_data::{Pair, token_batches};
/// let pair = |length| Pair { source: vec![7; length], target: vec![8], ..Pair::default() };
/// let pairs: Vec<Pair> = [9, 1, 4, 4, 2].map(pair).into();
/// let mut batches = token_batches(&pairs, 10, 0);
/// // With the ends of sentences: 2 and 3 subwords, twice 5, and 10.
/// batches[1].sort();
/// assert_eq!(batches, [vec![1, 4], vec![2, 3], vec![0]]);
/// ```
#[must_use]
pub fn token_batches(pairs: &[Pair], tokens: usize, seed: u64) -> Vec<Vec<u32>> {
    let sides = |index: &u32| {
        let pair = &pairs[*index as usize];
        let (source, target) = (pair.source.len(), pair.target.len());
        (source.max(target), source.min(target))
    };
    // That of an epoch which no run reaches.
    let mut order = epoch_order(pairs.len(), seed, u32::MAX);
    order.sort_by_key(sides);
    let mut batches: Vec<Vec<u32>> = Vec::new();
    for index in order {
        // One more for the end of the sentence.
        let longest = sides(&index).0 + 1;
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * longest <= tokens => batch.push(index),
            _ => batches.push(vec![index]),
        }
    }
    batches
}
