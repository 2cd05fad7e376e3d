//! The mean over workers, element by element, summed in order of rank: each rank sums one share of the elements.

use std::marker::PhantomData;

use super::{Collective, CollectiveError, Ticket};
use crate::Float;
use crate::kernels::momentum::mean;

/// How many elements travel together: 1 MB of f32.
const BUCKET: usize = 1 << 18;

/// A mean over workers that is on its way.
#[derive(Debug)]
#[must_use = "all ranks have to finish it"]
pub struct MeanInFlight<T> {
    buckets: Vec<(Ticket, usize)>,
    of: PhantomData<T>,
}

impl<T: Float> MeanInFlight<T> {
    /// Sends the values on their way, in their own precision: as many on each rank.
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn start(workers: &mut dyn Collective, values: &[T]) -> Result<Self, CollectiveError> {
        let mut buckets = Vec::new();
        for values in values.chunks(BUCKET) {
            let share = values.len().div_ceil(workers.size());
            let mut bytes = vec![0; share * workers.size() * size_of::<T>()];
            write(values, &mut bytes);
            let combine = move |parts: &[u8]| {
                let mut parts = parts.chunks_exact(share * size_of::<T>()).map(read::<T>);
                let mut first = parts.next().unwrap_or_default();
                let others: Vec<Vec<T>> = parts.collect();
                mean(&mut first, others.iter().map(Vec::as_slice));
                let mut bytes = vec![0; share * size_of::<T>()];
                write(&first, &mut bytes);
                bytes
            };
            buckets.push((workers.start(bytes, Box::new(combine))?, values.len()));
        }
        Ok(Self { buckets, of: PhantomData })
    }

    /// Whether all of it has arrived; see [`Collective::poll`].
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn has_arrived(&self, workers: &mut dyn Collective) -> Result<bool, CollectiveError> {
        for (ticket, _) in &self.buckets {
            if !workers.poll(*ticket)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The mean, the same bits on every rank: those of [`mean`] in order of rank.
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn finish(self, workers: &mut dyn Collective) -> Result<Vec<T>, CollectiveError> {
        let mut mean = Vec::with_capacity(self.buckets.iter().map(|(_, elements)| elements).sum());
        for (ticket, elements) in self.buckets {
            let bytes = workers.finish(ticket)?;
            mean.extend_from_slice(&read::<T>(&bytes)[..elements]);
        }
        Ok(mean)
    }
}

/// Replaces the values by their mean over the workers; of one worker, or of equal ones, they keep their bits.
///
/// ```
/// use lookahead::collective::{OneProcess, mean_over_workers};
/// let mut losses = [0.5_f64, 0.25];
/// mean_over_workers(&mut OneProcess::default(), &mut losses)?;
/// assert_eq!(losses, [0.5, 0.25]);
/// # Ok::<(), lookahead::collective::CollectiveError>(())
/// ```
///
/// # Errors
/// [`CollectiveError`].
pub fn mean_over_workers<T: Float>(workers: &mut dyn Collective, values: &mut [T]) -> Result<(), CollectiveError> {
    let mean = MeanInFlight::start(workers, values)?.finish(workers)?;
    values.copy_from_slice(&mean);
    Ok(())
}

fn write<T: Float>(values: &[T], bytes: &mut [u8]) {
    if size_of::<T>() == 4 {
        let places = bytes.as_chunks_mut().0;
        places.iter_mut().zip(values).for_each(|(place, value)| *place = value.to_f32().to_le_bytes());
    } else {
        let places = bytes.as_chunks_mut().0;
        places.iter_mut().zip(values).for_each(|(place, value)| *place = value.to_f64().to_le_bytes());
    }
}

fn read<T: Float>(bytes: &[u8]) -> Vec<T> {
    if size_of::<T>() == 4 {
        bytes.as_chunks().0.iter().map(|place| T::from_f32(f32::from_le_bytes(*place))).collect()
    } else {
        bytes.as_chunks().0.iter().map(|place| T::from_f64(f64::from_le_bytes(*place))).collect()
    }
}
