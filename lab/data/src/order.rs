//! The order in which a run sees its training examples.

use rand_chacha::rand_core::Rng;

use lookahead_runs::random::stream;

/// The indices from 0 to `len` (exclusive) in the order of one epoch.
///
/// It depends on the three arguments alone, so a resumed run computes it anew, and every optimizer that is given the
/// same seed sees the same order.
///
/// # Panics
/// If `len` exceeds `u32::MAX`; no data set here does.
///
/// ```
/// use lookahead_data::epoch_order;
/// let order = epoch_order(5, 0, 3);
/// assert_eq!(order, epoch_order(5, 0, 3));
/// assert_ne!(epoch_order(100, 0, 3), epoch_order(100, 0, 4));
/// ```
#[must_use]
pub fn epoch_order(len: usize, seed: u64, epoch: u32) -> Vec<u32> {
    let count = u32::try_from(len).expect("fewer than 2^32 examples");
    let mut random = stream(seed, "data order", u64::from(epoch));
    let mut order: Vec<u32> = (0..count).collect();
    // Fisher-Yates: written out, so that no release of a library changes a run.
    for last in (1..count).rev() {
        order.swap(last as usize, below(&mut random, last + 1) as usize);
    }
    order
}

/// A number below `bound`, all equally likely: the draws past the last multiple of `bound` are drawn again.
pub(super) fn below(random: &mut impl Rng, bound: u32) -> u32 {
    // 2^32 mod bound
    let rest = (u32::MAX % bound + 1) % bound;
    loop {
        let draw = random.next_u32();
        if draw <= u32::MAX - rest {
            return draw % bound;
        }
    }
}
