//! A mean over workers in 8 bits: blocks with a scale each, and what rounding took away is added the next time.

use std::sync::mpsc::{Receiver, channel};

use lookahead::collective::{Collective, CollectiveError, Ticket};
use lookahead::kernels::momentum::mean;
use serde::{Deserialize, Serialize};

/// Elements that share a scale.
const BLOCK: usize = 256;
/// Bytes of a block: its scale and its codes.
const BLOCK_BYTES: usize = 4 + BLOCK;
/// Elements that travel together.
const BUCKET: usize = 1 << 20;
/// 1.5 * 2^23.
const WHOLE: f32 = 12_582_912.0;
/// The code of an element that is not finite.
const NOT_FINITE: i8 = i8::MIN;

/// What the 8 bits have taken away so far and the next mean gives back: part of the state of a run.
///
/// An element x of a block is sent as `round(x / s) s` with `s = max |x| / 127` over its block of 256: off by at most
/// `max |x| / 254`, once for each worker's value and once for the mean. With e the error of the last time, x is
/// `delta + e`. So over any number of means what was received differs from the sum of the true means by the last two
/// errors alone. That the run converges as without is not promised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Int8Feedback {
    own: Vec<f32>,
    combined: Vec<f32>,
}

impl Int8Feedback {
    /// Before the first mean of so many values over so many workers.
    #[must_use]
    pub fn new(elements: usize, workers: usize) -> Self {
        let shares = buckets(elements).map(|elements| share(elements, workers)).sum();
        Self { own: vec![0.0; elements], combined: vec![0.0; shares] }
    }

    /// Whether it is of a mean of so many values over so many workers.
    #[must_use]
    pub fn fits(&self, elements: usize, workers: usize) -> bool {
        let other = Self::new(elements, workers);
        self.own.len() == other.own.len() && self.combined.len() == other.combined.len()
    }
}

/// A mean in 8 bits that is on its way.
#[derive(Debug)]
#[must_use = "all ranks have to finish it"]
pub struct Int8InFlight {
    buckets: Vec<(Ticket, usize, Receiver<Vec<f32>>)>,
}

impl Int8InFlight {
    /// Sends `values + e` on their way, as many on each rank.
    ///
    /// # Errors
    /// [`CollectiveError`].
    ///
    /// # Panics
    /// If the feedback is of another number of values.
    pub fn start(
        workers: &mut dyn Collective,
        values: &[f32],
        feedback: &mut Int8Feedback,
    ) -> Result<Self, CollectiveError> {
        assert!(feedback.fits(values.len(), workers.size()), "the feedback of other values");
        let mut in_flight = Vec::new();
        let mut combined = feedback.combined.as_slice();
        for (values, own) in values.chunks(BUCKET).zip(feedback.own.chunks_mut(BUCKET)) {
            let share = share(values.len(), workers.size());
            // x <- delta + e
            own.iter_mut().zip(values).for_each(|(e, delta)| *e += delta);
            let mut bytes = vec![0; workers.size() * bytes_of(share)];
            compress(own, &mut bytes);
            let mut errors;
            (errors, combined) = (combined[..share].to_vec(), &combined[share..]);
            let (give_back, errors_after) = channel();
            let combine = move |parts: &[u8]| {
                let mut parts = parts.chunks_exact(bytes_of(share)).map(expand);
                let mut means = parts.next().unwrap_or_default();
                let others: Vec<Vec<f32>> = parts.collect();
                mean(&mut means, others.iter().map(Vec::as_slice));
                errors.iter_mut().zip(&means).for_each(|(e, mean)| *e += mean);
                let mut bytes = vec![0; bytes_of(share)];
                compress(&mut errors, &mut bytes);
                // nobody asks for them once the run has failed
                give_back.send(errors).ok();
                bytes
            };
            in_flight.push((workers.start(bytes, Box::new(combine))?, values.len(), errors_after));
        }
        Ok(Self { buckets: in_flight })
    }

    /// Whether all of it has arrived; see [`Collective::poll`].
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn has_arrived(&self, workers: &mut dyn Collective) -> Result<bool, CollectiveError> {
        for (ticket, ..) in &self.buckets {
            if !workers.poll(*ticket)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The mean, the same bits on every rank; NaN where a worker's value was not finite.
    ///
    /// # Errors
    /// [`CollectiveError`].
    pub fn finish(
        self,
        workers: &mut dyn Collective,
        feedback: &mut Int8Feedback,
    ) -> Result<Vec<f32>, CollectiveError> {
        let mut mean = Vec::new();
        feedback.combined.clear();
        for (ticket, elements, errors_after) in self.buckets {
            let bytes = workers.finish(ticket)?;
            let ended = |_| CollectiveError::Ended { reason: "a mean was not combined".to_owned() };
            feedback.combined.extend(errors_after.recv().map_err(ended)?);
            mean.extend_from_slice(&expand(&bytes)[..elements]);
        }
        Ok(mean)
    }
}

fn buckets(elements: usize) -> impl Iterator<Item = usize> {
    (0..elements).step_by(BUCKET).map(move |start| BUCKET.min(elements - start))
}

/// The elements that one rank combines: whole blocks.
fn share(elements: usize, workers: usize) -> usize {
    elements.div_ceil(workers).next_multiple_of(BLOCK)
}

fn bytes_of(share: usize) -> usize {
    share / BLOCK * BLOCK_BYTES
}

/// Writes the values as blocks, and leaves in their place what that takes away from them.
fn compress(values: &mut [f32], bytes: &mut [u8]) {
    for (values, bytes) in values.chunks_mut(BLOCK).zip(bytes.chunks_exact_mut(BLOCK_BYTES)) {
        let largest = values.iter().filter(|x| x.is_finite()).fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let scale = largest / 127.0;
        let (place, codes) = bytes.split_at_mut(4);
        place.copy_from_slice(&scale.to_le_bytes());
        for (x, code) in values.iter_mut().zip(codes) {
            // numbers of this size have no fraction: adding it rounds
            let rounded = if scale > 0.0 { (*x / scale).clamp(-127.0, 127.0) + WHOLE - WHOLE } else { 0.0 };
            let finite = x.is_finite();
            *code = if finite { rounded as i8 } else { NOT_FINITE } as u8;
            // e <- x - round(x / s) s
            *x = if finite { *x - rounded * scale } else { 0.0 };
        }
    }
}

fn expand(bytes: &[u8]) -> Vec<f32> {
    let mut values = Vec::with_capacity(bytes.len());
    for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
        let [a, b, c, d, codes @ ..] = block;
        let scale = f32::from_le_bytes([*a, *b, *c, *d]);
        values.extend(codes.iter().map(|&code| match code as i8 {
            NOT_FINITE => f32::NAN,
            code => f32::from(code) * scale,
        }));
    }
    values
}
