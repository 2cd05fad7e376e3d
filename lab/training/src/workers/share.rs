//! Which part of the training data a worker has, and its own seed.

use std::ops::Range;

use lookahead_mpi::{seed_of_rank, shard};

use crate::Error;
use crate::config::RunConfig;

/// A worker by its number, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its number, from 0.
    pub rank: usize,
    /// How many there are, at least 1.
    pub size: usize,
}

impl Share {
    /// The only worker.
    pub const ALL: Self = Self { rank: 0, size: 1 };

    /// That of one of the workers of a configuration.
    #[must_use]
    pub fn of(config: &RunConfig, rank: usize) -> Self {
        Self { rank, size: config.workers.map_or(1, |workers| workers.count.get() as usize) }
    }

    /// Its places in an order of so many examples; all workers have as many.
    #[must_use]
    pub fn places(self, examples: usize) -> Range<usize> {
        shard(examples, self.rank, self.size)
    }

    /// Its seed for what is random on it alone; that of the first worker is the run's.
    #[must_use]
    pub fn seed(self, seed: u64) -> u64 {
        seed_of_rank(seed, self.rank)
    }

    /// # Errors
    /// [`Error::TooFewForWorkers`] where a worker would have none.
    pub(crate) fn check(self, examples: usize, what: &'static str) -> Result<(), Error> {
        match examples < self.size && self.size > 1 {
            true => Err(Error::TooFewForWorkers { what, examples, workers: self.size }),
            false => Ok(()),
        }
    }
}
