//! Batches made ahead of their use, by a thread of their own.

use std::num::NonZeroU32;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Augment, Batch, DataError, Examples};

/// How many batches wait for their use, besides the one that is being made.
const AHEAD: usize = 2;

/// The batches of an epoch, made ahead while those before them are used.
///
/// Dropped before its end, it stops; after an error it ends.
///
/// ```
/// use lookahead_data::{Loader, digits, epoch_order};
/// # use std::num::NonZeroU32;
/// # let batch_size = NonZeroU32::new(64).unwrap();
/// let digits = digits::load()?;
/// let order = epoch_order(digits.train.len(), 0, 0);
/// let mut examples = 0;
/// for batch in Loader::start(digits.train, order, batch_size, 0, None) {
///     examples += batch?.labels.len();
/// }
/// assert_eq!(examples, 1442);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct Loader {
    /// None once there is nothing more to come.
    batches: Option<Receiver<Result<Batch, DataError>>>,
    thread: Option<JoinHandle<()>>,
    waited: Duration,
}

impl Loader {
    /// Starts to make the batches of `order`, `batch_size` examples each (the last may be smaller), from `first_batch`
    /// on, counted from 0.
    #[must_use]
    pub fn start(
        examples: Arc<Examples>,
        order: Vec<u32>,
        batch_size: NonZeroU32,
        first_batch: u32,
        augment: Option<Augment>,
    ) -> Self {
        let (sender, batches) = sync_channel(AHEAD);
        let failed = sender.clone();
        let make = move || {
            let chunks = order.chunks(batch_size.get() as usize).skip(first_batch as usize);
            send(chunks.map(|indices| examples.batch(indices, augment)), &sender);
        };
        let thread = thread::Builder::new().name("loader".to_owned()).spawn(make);
        let thread = thread.map_err(|source| send([Err(DataError::Thread { source })], &failed)).ok();
        Self { batches: Some(batches), thread, waited: Duration::ZERO }
    }

    /// For how long `next` had to wait in all: near 0 where making batches does not hold up their use.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Lets the thread end: it does at its next batch, since nobody takes that.
    fn stop(&mut self) -> thread::Result<()> {
        self.batches = None;
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

/// Sends batches until nobody takes them or one failed.
fn send(batches: impl IntoIterator<Item = Result<Batch, DataError>>, to: &SyncSender<Result<Batch, DataError>>) {
    for batch in batches {
        let is_last = batch.is_err();
        if to.send(batch).is_err() || is_last {
            return;
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let started = Instant::now();
        let batch = self.batches.as_ref()?.recv();
        self.waited += started.elapsed();
        if !matches!(batch, Ok(Ok(_)))
            && let Err(panic) = self.stop()
        {
            resume_unwind(panic);
        }
        batch.ok()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // A panic there was not asked for any more.
        let _ = self.stop();
    }
}
