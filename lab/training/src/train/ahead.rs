//! Batches one step ahead of need: while one is trained on, the next is read and on its way to the device.

use std::time::{Duration, Instant};

use burn::tensor::Device;

use crate::Error;
use crate::task::{Batches, Task};

/// The batches of an epoch, each on its way to the device before the step on the one before it begins.
pub(super) struct Ahead<'a, T: Task> {
    task: &'a T,
    device: Device,
    batches: Batches<'a, T::Batch>,
    next: Option<Result<T::Batch, Error>>,
    is_begun: bool,
}

impl<'a, T: Task> Ahead<'a, T> {
    pub(super) fn of(task: &'a T, device: &Device, (epoch, first): (u32, u32)) -> Self {
        Self { task, device: device.clone(), batches: task.batches(epoch, first), next: None, is_begun: false }
    }

    /// The next batch, and for how long it was waited for: for its reading and its copy as far as they were not done.
    pub(super) fn next(&mut self) -> (Option<Result<T::Batch, Error>>, Duration) {
        let started = Instant::now();
        if !self.is_begun {
            self.is_begun = true;
            self.next = self.fetch();
        }
        let batch = self.next.take();
        // Behind an error nothing comes.
        if let Some(Ok(_)) = &batch {
            self.next = self.fetch();
        }
        (batch, started.elapsed())
    }

    fn fetch(&mut self) -> Option<Result<T::Batch, Error>> {
        let mut batch = self.batches.next()?;
        if let Ok(batch) = &mut batch {
            self.task.copy_ahead(batch, &self.device);
        }
        Some(batch)
    }
}
