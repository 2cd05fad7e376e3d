//! What several workers need of one another, as a trait: a broadcast, a gathering, a reduction in a fixed order.

use std::collections::HashMap;
use std::fmt::Debug;

use crate::Float;

mod mean;
mod threads;

pub use mean::{MeanInFlight, mean_over_workers};
pub use threads::{Threads, on_threads, on_threads_within};

/// What one rank makes of the parts that all ranks have sent it: equal parts, one after the other, in order of rank.
pub type Combine = Box<dyn FnOnce(&[u8]) -> Vec<u8> + Send>;

/// A reduction that was started and not finished yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

impl Ticket {
    /// The n-th that a [`Collective`] gives out: for an implementation of one's own.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }
}

/// Workers that compute together, one in each process, known by their ranks from 0 to [`size`](Self::size).
///
/// Every method but [`poll`](Self::poll), [`rank`](Self::rank), [`size`](Self::size) and [`sent`](Self::sent) is called
/// by all ranks, in the same order, and gives an error rather than waiting for ever. No result depends on timing. After an
/// error nothing more can be asked.
///
/// [`OneProcess`] is the implementation for one worker, [`Threads`] that for several in one process; the package
/// `lookahead-mpi` has the one for many processes.
pub trait Collective: Debug {
    /// The number of this worker, from 0.
    fn rank(&self) -> usize;

    /// The number of workers, at least 1.
    fn size(&self) -> usize;

    /// The bytes of rank 0. All give as many, whose values count on rank 0 alone.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, CollectiveError>;

    /// The bytes of every rank, in order of rank; few, and not equally many on each.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError>;

    /// Starts a reduction: `bytes` is as many equal parts as there are workers, equally long on all ranks; part s goes to rank
    /// s, which combines what it receives, and sends that to all.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn start(&mut self, bytes: Vec<u8>, combine: Combine) -> Result<Ticket, CollectiveError>;

    /// Whether a reduction has arrived, so that [`finish`](Self::finish) would not wait; moves it on where that needs
    /// a call. What it gives depends on timing: go by it for nothing that is computed.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn poll(&mut self, ticket: Ticket) -> Result<bool, CollectiveError>;

    /// What the ranks have combined, one after the other in order of rank.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn finish(&mut self, ticket: Ticket) -> Result<Vec<u8>, CollectiveError>;

    /// The bytes that this rank has handed to others so far, without what a protocol adds.
    fn sent(&self) -> u64;

    /// Returns once all ranks have called it.
    ///
    /// # Errors
    /// [`CollectiveError`].
    fn barrier(&mut self) -> Result<(), CollectiveError> {
        self.gather(Vec::new()).map(drop)
    }

    /// Checks that all ranks have the same text. Eight bytes travel where they do.
    ///
    /// # Errors
    /// [`CollectiveError::Differs`] on every rank, with the first rank and line that differ from rank 0's.
    fn agree(&mut self, what: &str, text: &str) -> Result<(), CollectiveError> {
        let hashes = self.gather(fingerprint_of_bytes(text.as_bytes()).to_le_bytes().to_vec())?;
        if hashes.iter().all(|hash| *hash == hashes[0]) {
            return Ok(());
        }
        let texts = self.gather(text.as_bytes().to_vec())?;
        let texts: Vec<_> = texts.iter().map(|text| String::from_utf8_lossy(text)).collect();
        let rank = texts.iter().position(|text| *text != texts[0]).unwrap_or_default();
        let (mut here, mut there) = (texts[0].lines(), texts[rank].lines());
        let (expected, found) = loop {
            match (here.next(), there.next()) {
                (None, None) => break (None, None),
                (expected, found) if expected != found => break (expected, found),
                _ => {}
            }
        };
        let line = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
        Err(CollectiveError::Differs { what: what.to_owned(), rank, expected: line(expected), found: line(found) })
    }
}

/// Why workers could not go on together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CollectiveError {
    /// Another rank did not answer in time: it has stopped, is cut off, or is much slower.
    #[error("no answer from the other ranks within {seconds} s ({operation})")]
    Deadline {
        /// What was waited for.
        operation: &'static str,
        /// How long.
        seconds: f64,
    },
    /// Something that has to be the same everywhere is not.
    #[error("{what} of rank {rank} is not that of rank 0: {found:?}, but {expected:?} on rank 0")]
    Differs {
        /// What it is.
        what: String,
        /// The first rank where it differs.
        rank: usize,
        /// What rank 0 has.
        expected: String,
        /// What that rank has.
        found: String,
    },
    /// The workers are not connected any more.
    #[error("the connection to the other ranks has ended: {reason}")]
    Ended {
        /// What showed it.
        reason: String,
    },
}

/// One worker alone: all that travels is there already, with the bits that it had.
#[derive(Debug, Default)]
pub struct OneProcess {
    started: u64,
    arrived: HashMap<Ticket, Vec<u8>>,
}

impl Collective for OneProcess {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, CollectiveError> {
        Ok(bytes)
    }

    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        Ok(vec![bytes])
    }

    fn start(&mut self, bytes: Vec<u8>, combine: Combine) -> Result<Ticket, CollectiveError> {
        let ticket = Ticket(self.started);
        self.started += 1;
        self.arrived.insert(ticket, combine(&bytes));
        Ok(ticket)
    }

    fn poll(&mut self, ticket: Ticket) -> Result<bool, CollectiveError> {
        Ok(self.arrived.contains_key(&ticket))
    }

    fn finish(&mut self, ticket: Ticket) -> Result<Vec<u8>, CollectiveError> {
        let unknown = || CollectiveError::Ended { reason: format!("nothing was started as {ticket:?}") };
        self.arrived.remove(&ticket).ok_or_else(unknown)
    }

    fn sent(&self) -> u64 {
        0
    }
}

/// A number that differs, but for one case in 2^64, where the bits of the values do: to compare replicas by.
#[must_use]
pub fn fingerprint<'v, T: Float>(tensors: impl IntoIterator<Item = &'v [T]>) -> u64 {
    tensors.into_iter().flatten().fold(SEED, |hash, value| mix(hash, value.to_f64().to_bits()))
}

fn fingerprint_of_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(SEED, |hash, &byte| mix(hash, u64::from(byte)))
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A bijection of the hash for each word, so that a single difference never vanishes.
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
