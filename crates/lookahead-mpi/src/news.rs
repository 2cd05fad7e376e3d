//! What the ranks tell each other beside weights: losses, who is slow, who was asked to stop.

use lookahead::collective::{Collective, CollectiveError};

/// What one rank has to say at a sync.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct News {
    /// Its loss since the last sync.
    pub loss: f64,
    /// The seconds that it computed since then.
    pub seconds: f64,
    /// Whether it was asked to stop, by a signal say.
    pub stop: bool,
}

/// What all of them said: the same on every rank.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shared {
    /// The mean of the losses.
    pub loss: f64,
    /// The rank that computed longest.
    pub slowest: usize,
    /// Its seconds.
    pub slowest_seconds: f64,
    /// The seconds of the rank that computed shortest.
    pub fastest_seconds: f64,
    /// Whether any was asked to stop: then all do, at this same step.
    pub stop: bool,
}

impl News {
    /// Tells the other ranks; all call it.
    ///
    /// ```
    /// use lookahead::collective::OneProcess;
    /// use lookahead_mpi::News;
    /// let shared = News { loss: 0.5, seconds: 2.0, stop: true }.share(&mut OneProcess::default())?;
    /// assert_eq!((shared.loss, shared.slowest, shared.stop), (0.5, 0, true));
    /// # Ok::<(), lookahead::collective::CollectiveError>(())
    /// ```
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn share(self, workers: &mut dyn Collective) -> Result<Shared, CollectiveError> {
        Ok(combine(&share_words(workers, &self.words())?))
    }

    pub(crate) fn words(self) -> [u64; 3] {
        [self.loss.to_bits(), self.seconds.to_bits(), u64::from(self.stop)]
    }
}

/// The words of every rank, in order of rank.
pub(crate) fn share_words(workers: &mut dyn Collective, words: &[u64]) -> Result<Vec<Vec<u64>>, CollectiveError> {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let read = |bytes: &Vec<u8>| bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    Ok(workers.gather(bytes)?.iter().map(read).collect())
}

/// The news of all ranks from their first words.
pub(crate) fn combine(ranks: &[Vec<u64>]) -> Shared {
    let seconds = |rank: &Vec<u64>| f64::from_bits(rank[1]);
    let mut shared = Shared { fastest_seconds: f64::INFINITY, ..Shared::default() };
    for (rank, words) in ranks.iter().enumerate() {
        shared.loss += f64::from_bits(words[0]);
        shared.stop |= words[2] != 0;
        shared.fastest_seconds = shared.fastest_seconds.min(seconds(words));
        if seconds(words) > shared.slowest_seconds {
            (shared.slowest, shared.slowest_seconds) = (rank, seconds(words));
        }
    }
    shared.loss /= ranks.len() as f64;
    shared
}

/// The first rank whose word at `place` is not that of rank 0.
pub(crate) fn differing(ranks: &[Vec<u64>], place: usize) -> Option<usize> {
    ranks.iter().position(|words| words[place] != ranks[0][place])
}
