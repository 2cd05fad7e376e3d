//! The clock of Algorithm 1: i = 1, …, k inside an outer step, t = 0, 1, … over them.

use crate::{Schedule, SyncPeriod};

/// Counts gradient steps and says which of them end in a sync: one clock over all parameters.
///
/// ```
/// use lookahead::{Schedule, SyncClock, SyncPeriod, Tick};
/// let every_second = Schedule::from(SyncPeriod::new(2)?);
/// let mut clock = SyncClock::default();
/// assert_eq!(clock.tick(&every_second), Tick::Inner);
/// assert_eq!(clock.tick(&every_second), Tick::Sync { outer: 0 });
/// assert_eq!(clock.tick(&every_second), Tick::Inner);
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SyncClock {
    phase: u32,
    outer: u64,
}

/// What one gradient step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// A step of the fast weights alone.
    Inner,
    /// The last step of outer step `outer` (counted from 0): the slow weights move after it.
    Sync {
        /// The outer step that ends here.
        outer: u64,
    },
}

impl SyncClock {
    /// A clock that stands `phase` steps after the last of `outer` syncs, as a record says.
    #[must_use]
    pub fn at(phase: u32, outer: u64) -> Self {
        Self { phase, outer }
    }

    /// Counts one gradient step. The period may shrink below the phase already reached: the sync then comes at once.
    pub fn tick(&mut self, period: &Schedule<SyncPeriod>) -> Tick {
        self.phase = self.phase.saturating_add(1);
        if self.phase >= period.at(self.outer).get() { Tick::Sync { outer: self.end_cycle() } } else { Tick::Inner }
    }

    /// Ends a partial cycle and gives its outer step, or does nothing and gives `None` at phase 0.
    pub fn end_partial_cycle(&mut self) -> Option<u64> {
        (self.phase > 0).then(|| self.end_cycle())
    }

    /// The number of gradient steps since the last sync, from 0 to k - 1.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.phase
    }

    /// The number of syncs so far, which is the index t of the outer step under way.
    #[must_use]
    pub fn outer(&self) -> u64 {
        self.outer
    }

    fn end_cycle(&mut self) -> u64 {
        let ended = self.outer;
        self.phase = 0;
        self.outer = self.outer.saturating_add(1);
        ended
    }
}
