//! Passes over memory that sum nothing: in pieces, on all threads.

use rayon::prelude::*;

use crate::vectorized::vectorized;

/// So many elements are worth a thread.
pub(super) const PIECE: usize = 1 << 15;

/// Runs `work((start, piece))`, [`vectorized`], on `piece` elements of `to` after the other. A single piece is left to
/// the caller's thread: to wake another one takes as long.
pub(super) fn for_each_piece(to: &mut [f32], piece: usize, work: impl Fn((usize, &mut [f32])) + Sync) {
    if to.len() <= piece {
        vectorized(&work, (0, to));
    } else {
        to.par_chunks_mut(piece).enumerate().for_each(|(index, to)| vectorized(&work, (index * piece, to)));
    }
}

/// Runs `work`, which passes over `len` elements more than once, within the thread pool: a caller's thread enters it once
/// and not for each pass. Where a piece is all there is, the caller's thread does the work.
pub(super) fn in_pool<R: Send>(len: usize, work: impl FnOnce() -> R + Send) -> R {
    if len <= PIECE { work() } else { rayon::scope(|_| work()) }
}
