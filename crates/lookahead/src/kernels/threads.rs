//! Threads: those of the current rayon pool; without the feature `rayon` the caller's alone, in the same order of sums.

#[cfg(feature = "rayon")]
mod pool {
    use rayon::prelude::*;

    pub(in crate::kernels) fn available() -> usize {
        rayon::current_num_threads()
    }

    /// Runs `work` on the caller's thread and on `helpers` others.
    pub(in crate::kernels) fn run(helpers: usize, work: impl Fn() + Sync) {
        rayon::in_place_scope(|scope| {
            (0..helpers).for_each(|_| scope.spawn(|_| work()));
            work();
        });
    }

    pub(in crate::kernels) fn join<A: Send, B: Send>(
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        rayon::join(a, b)
    }

    pub(in crate::kernels) fn chunks<T: Sync>(slice: &[T], size: usize) -> rayon::slice::Chunks<'_, T> {
        slice.par_chunks(size)
    }

    pub(in crate::kernels) fn chunks_mut<T: Send>(slice: &mut [T], size: usize) -> rayon::slice::ChunksMut<'_, T> {
        slice.par_chunks_mut(size)
    }
}

#[cfg(not(feature = "rayon"))]
mod pool {
    pub(in crate::kernels) fn available() -> usize {
        1
    }

    pub(in crate::kernels) fn run(_helpers: usize, work: impl Fn()) {
        work();
    }

    pub(in crate::kernels) fn join<A, B>(a: impl FnOnce() -> A, b: impl FnOnce() -> B) -> (A, B) {
        (a(), b())
    }

    pub(in crate::kernels) fn chunks<T>(slice: &[T], size: usize) -> std::slice::Chunks<'_, T> {
        slice.chunks(size)
    }

    pub(in crate::kernels) fn chunks_mut<T>(slice: &mut [T], size: usize) -> std::slice::ChunksMut<'_, T> {
        slice.chunks_mut(size)
    }
}

pub(super) use pool::{available, chunks, chunks_mut, join, run};
