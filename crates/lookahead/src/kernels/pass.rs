//! One pass over all tensors together: by blocks that stay in the cache, on all threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{InstructionSet, Pieces, threads};

/// Elements that a thread takes at a time. Many small tensors cost a lock each, which is little beside their elements.
const SHARE: usize = 1 << 16;

/// Elements that all operations of a pass work on before the next ones: what the first has read, the second finds in
/// the cache, so that two operations cost the memory traffic of one.
const BLOCK: usize = 1 << 12;

/// Fewer elements than this are not worth waking another thread.
const WORTH_A_THREAD: usize = 1 << 16;

/// How a pass is carried out: with which instructions, on how many threads. Neither changes a bit of an elementwise
/// result (on the instruction sets of one architecture family, as no multiplication is contracted with an addition).
///
/// ```
/// use lookahead::kernels::Pass;
/// let (mut sums, terms) = ([vec![1.0_f32; 3], vec![2.0; 5]], [vec![0.5_f32; 3], vec![0.25; 5]]);
/// let pairs = sums.iter_mut().zip(&terms).map(|(sum, term)| (&mut sum[..], &term[..]));
/// Pass::new().for_each(8, pairs, |(sum, term)| {
///     sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
///     0
/// });
/// assert_eq!(sums, [vec![1.5; 3], vec![2.25; 5]]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    instructions: InstructionSet,
    threads: usize,
}

impl Default for Pass {
    fn default() -> Self {
        Self::new()
    }
}

impl Pass {
    /// With the widest instructions of this CPU, on the threads of the current rayon pool, the caller's among them (without
    /// the features `simd` and `rayon`: with those that every CPU of the target has, on the caller's thread).
    #[must_use]
    pub fn new() -> Self {
        Self { instructions: InstructionSet::best(), threads: threads::available() }
    }

    /// With these instructions.
    #[must_use]
    pub fn with_instructions(self, instructions: InstructionSet) -> Self {
        Self { instructions, ..self }
    }

    /// On this many threads, the caller's among them; on that one alone without the feature `rayon`.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    pub(super) fn instructions(&self) -> InstructionSet {
        self.instructions
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` on every piece of every tensor, in no order that can be relied upon, and adds up what it gives.
    ///
    /// `elements` is about how many elements there are in all: it decides how many threads share them. Allocates
    /// nothing but a small job for each further thread.
    ///
    /// # Panics
    /// If `work` does.
    pub fn for_each<P: Pieces + Send>(
        &self,
        elements: usize,
        tensors: impl Iterator<Item = P> + Send,
        work: impl Fn(P) -> usize + Sync,
    ) -> usize {
        let helpers = self.threads.min(elements / WORTH_A_THREAD).saturating_sub(1);
        let mut queue = Queue { tensors, current: None };
        if helpers == 0 {
            return std::iter::from_fn(|| queue.next()).map(|share| self.work_on(share, &work)).sum();
        }
        let (queue, total) = (Mutex::new(queue), AtomicUsize::new(0));
        let take_part = || {
            // The guard is gone before the work begins. A poisoned lock means that a panic is on its way already.
            while let Some(share) = { queue.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                let sum = self.work_on(share, &work);
                if sum > 0 {
                    total.fetch_add(sum, Ordering::Relaxed);
                }
            }
        };
        threads::run(helpers, take_part);
        total.into_inner()
    }

    fn work_on<P: Pieces>(&self, mut share: P, work: &impl Fn(P) -> usize) -> usize {
        let mut sum = 0;
        while !share.is_empty() {
            let block = share.take_first(BLOCK);
            sum += self.instructions.run(
                #[inline(always)]
                || work(block),
            );
        }
        sum
    }
}

/// The tensors, handed out share by share.
struct Queue<P, I> {
    tensors: I,
    current: Option<P>,
}

impl<P: Pieces, I: Iterator<Item = P>> Queue<P, I> {
    fn next(&mut self) -> Option<P> {
        loop {
            match &mut self.current {
                Some(tensor) if !tensor.is_empty() => return Some(tensor.take_first(SHARE)),
                _ => self.current = Some(self.tensors.next()?),
            }
        }
    }
}
