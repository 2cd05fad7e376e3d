//! A request to stop, seen by all work that takes long, and what would be lost if the program ended at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A request to stop, such as Ctrl-C makes; clones share it.
///
/// ```
/// use lookahead_runs::Stop;
/// let stop = Stop::new();
/// let of_one_job = stop.within();
/// stop.ask();
/// assert!(of_one_job.check().is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Stop {
    /// Its own request, and those that it was made within.
    asked: Vec<Arc<AtomicBool>>,
    unsaved: Arc<Count>,
}

/// Work was asked to stop, and what it had is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// How many pieces of work are not saved.
#[derive(Debug, Default)]
struct Count {
    count: Mutex<usize>,
    is_less: Condvar,
}

/// Work that would be lost if the program ended now; dropped when it is saved.
#[derive(Debug)]
pub struct Unsaved(Arc<Count>);

impl Stop {
    /// A request that nobody has made yet.
    #[must_use]
    pub fn new() -> Self {
        Self { asked: vec![Arc::default()], unsaved: Arc::default() }
    }

    /// A request of a part of the work: it stands when this one does, and can be made alone.
    #[must_use]
    pub fn within(&self) -> Self {
        let mut part = self.clone();
        part.asked.push(Arc::default());
        part
    }

    /// Asks to stop; says whether nobody had asked before.
    pub fn ask(&self) -> bool {
        !self.asked.last().is_some_and(|own| own.swap(true, Ordering::Relaxed))
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.iter().any(|asked| asked.load(Ordering::Relaxed))
    }

    /// To be called wherever work can end.
    ///
    /// # Errors
    /// [`Interrupted`] if somebody has asked.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_asked() { Err(Interrupted) } else { Ok(()) }
    }

    /// Says that there is something to be saved, until what it returns is dropped.
    #[must_use]
    pub fn unsaved(&self) -> Unsaved {
        *self.unsaved.lock() += 1;
        Unsaved(Arc::clone(&self.unsaved))
    }

    /// Waits until there is nothing to be saved: the program may end then.
    pub fn wait_until_saved(&self) {
        let count = self.unsaved.lock();
        drop(self.unsaved.is_less.wait_while(count, |count| *count > 0));
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Count {
    fn lock(&self) -> MutexGuard<'_, usize> {
        // A number is whole whatever panicked beside it.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unsaved {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.is_less.notify_all();
    }
}
