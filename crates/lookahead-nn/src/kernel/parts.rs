//! Sums over a batch on several threads: a fixed number of parts, added in order, so that no bit depends on the threads.

use std::ops::Range;

use rayon::prelude::*;

use crate::aligned::Aligned;

/// A sum over a batch is divided into at most so many parts.
pub(crate) const PARTS: usize = 16;

/// Numbers of a sum that a task adds up.
const CHUNK: usize = 1 << 12;

/// The units of one of the parts.
pub(crate) fn share(units: usize, part: usize, parts: usize) -> Range<usize> {
    units * part / parts..units * (part + 1) / parts
}

/// `sum = part 0 + part 1 + ...`; `add(part, zeros)` makes a part.
pub(crate) fn in_parts(sum: &mut [f32], parts: usize, add: impl Fn(usize, &mut [f32]) + Sync) {
    let len = sum.len();
    let mut others = Aligned::uncleared((parts - 1) * len);
    let sums: Vec<&mut [f32]> = std::iter::once(&mut *sum).chain(others.chunks_exact_mut(len)).collect();
    sums.into_par_iter().enumerate().for_each(|(part, sum)| {
        sum.fill(0.0);
        add(part, sum);
    });
    let others = &*others;
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sum)| {
        for other in others.chunks_exact(len) {
            let other = &other[chunk * CHUNK..][..sum.len()];
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
        }
    });
}
