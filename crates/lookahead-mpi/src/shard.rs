//! Which examples a rank sees, and its seed: equal numbers of steps everywhere.

use std::ops::Range;

/// The places, in an order of `examples` that all ranks share, that are this rank's.
///
/// All ranks have `examples / size`, so as many steps; the rest, fewer than `size`, is left out. Where each epoch has
/// another order it leaves out other examples.
///
/// ```
/// use lookahead_mpi::shard;
/// assert_eq!(shard(10, 0, 4), 0..2);
/// assert_eq!(shard(10, 3, 4), 6..8);
/// ```
///
/// # Panics
/// If `size` is 0.
#[must_use]
pub fn shard(examples: usize, rank: usize, size: usize) -> Range<usize> {
    let each = examples / size;
    rank * each..(rank + 1) * each
}

/// The seed of what is random on one rank alone: another on each, and the given one on rank 0.
///
/// ```
/// use lookahead_mpi::seed_of_rank;
/// assert_eq!(seed_of_rank(7, 0), 7);
/// assert_ne!(seed_of_rank(7, 1), seed_of_rank(8, 0));
/// ```
#[must_use]
pub fn seed_of_rank(seed: u64, rank: usize) -> u64 {
    // splitmix64 of the rank: 0 for 0
    let mut z = (rank as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ z ^ (z >> 31)
}
