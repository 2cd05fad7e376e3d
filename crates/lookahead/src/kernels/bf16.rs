//! Slow weights in bf16: stochastic rounding by a counter-based generator, and Eq. 1 on such weights.

use crate::{Alpha, Float};

/// Elements drawn for together, so that vector lanes draw side by side: 16 counters give 16 bits for each of 64.
const GROUP: usize = 64;
const LANES: usize = 16;

/// The random bits of one tensor in one sync: a function of key and element, so that they are the same in a resumed
/// run and with any number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    key: u64,
    first: u64,
}

impl Rounding {
    /// The bits for tensor `tensor` in the sync that ends outer step `outer` of a run with this seed.
    #[must_use]
    pub fn at_sync(seed: u64, outer: u64, tensor: u64) -> Self {
        Self::new(seed, 2 * outer + 1, tensor)
    }

    /// The bits for tensor `tensor` when it joins, or takes the weights of an outer Lookahead, in outer step `outer`.
    #[must_use]
    pub fn at_joining(seed: u64, outer: u64, tensor: u64) -> Self {
        Self::new(seed, 2 * outer, tensor)
    }

    fn new(seed: u64, event: u64, tensor: u64) -> Self {
        Self { key: mix(mix(mix(seed).wrapping_add(event)).wrapping_add(tensor)), first: 0 }
    }

    /// The bits for the elements from `count` on.
    pub(crate) fn after(self, count: usize) -> Self {
        Self { first: self.first + count as u64, ..self }
    }

    /// 16 random bits for an element, by its place in the tensor.
    ///
    /// Element `place` of a group draws by counter `16 group + place mod 16`, whose 64 bits serve four elements: the low
    /// half of the first word is for places 0 to 15, its high half for 16 to 31, those of the second word for the rest.
    #[inline(always)]
    fn bits(self, element: u64) -> u32 {
        let (group, place) = (element / GROUP as u64, element as usize % GROUP);
        let words = self.words(group * LANES as u64 + (place % LANES) as u64);
        let part = place / LANES;
        words[part / 2] >> (part % 2 * 16) & 0xffff
    }

    /// The words of a group, lane by lane.
    #[inline(always)]
    fn group(self, group: u64) -> [[u32; LANES]; 2] {
        let counters = std::array::from_fn(|lane| group * LANES as u64 + lane as u64);
        let high = (self.key >> 32) as u32;
        philox(
            counters.map(
                #[inline(always)]
                |counter: u64| counter as u32,
            ),
            counters.map(
                #[inline(always)]
                |counter: u64| (counter >> 32) as u32 ^ high,
            ),
            self.key as u32,
        )
    }

    #[inline(always)]
    fn words(self, counter: u64) -> [u32; 2] {
        let high = (counter >> 32) as u32 ^ (self.key >> 32) as u32;
        philox([counter as u32], [high], self.key as u32).map(|[word]| word)
    }
}

/// Rounds enough for the output to pass all of BigCrush (Salmon et al. 2011, Table 2).
const ROUNDS: usize = 7;

/// Philox 2x32-7 (Salmon et al. 2011), for several counters side by side: a bijection of the counter that passes for
/// random.
#[inline(always)]
fn philox<const N: usize>(mut left: [u32; N], mut right: [u32; N], mut key: u32) -> [[u32; N]; 2] {
    for _ in 0..ROUNDS {
        let (mut high, mut low) = ([0; N], [0; N]);
        for lane in 0..N {
            let product = u64::from(left[lane]) * 0xd256_d193;
            (high[lane], low[lane]) = ((product >> 32) as u32, product as u32);
        }
        for lane in 0..N {
            left[lane] = high[lane] ^ key ^ right[lane];
        }
        right = low;
        key = key.wrapping_add(0x9e37_79b9);
    }
    [left, right]
}

/// The finalizer of SplitMix64 (Steele et al. 2014): spreads seeds and small numbers over 64 bits.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The bf16 number as f32.
#[must_use]
#[inline(always)]
pub fn widen(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// One of the two bf16 neighbours of a finite value, the nearer one the more often: with `random` uniform over 16 bits
/// the mean is the value itself. A bf16 number stays as it is; what would round to infinity is rounded toward zero.
#[must_use]
#[inline(always)]
pub fn round(value: f32, random: u32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(random) >> 16;
    let infinite = rounded & 0x7fff == 0x7f80;
    (if infinite { bits >> 16 } else { rounded }) as u16
}

/// phi <- a rounding of theta, element by element.
///
/// # Panics
/// If the slices differ in length.
pub fn store<T: Float>(slow: &mut [u16], weights: &[T], rounding: Rounding) {
    assert_eq!(slow.len(), weights.len(), "slow and fast weights of one tensor");
    for (element, (phi, theta)) in (rounding.first..).zip(slow.iter_mut().zip(weights)) {
        // an f64 weight can be finite and yet beyond f32
        let nearest = theta.to_f32();
        let bounded = if theta.is_finite() { nearest.clamp(f32::MIN, f32::MAX) } else { nearest };
        *phi = round(bounded, rounding.bits(element));
    }
}

/// Eq. 1 with phi in bf16: theta takes `phi - alpha (phi - theta)`, phi a rounding of that. An element whose result is
/// not finite takes phi, which stays. Gives the number of such elements.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn pull_back<T: Float>(slow: &mut [u16], fast: &mut [T], alpha: Alpha, rounding: Rounding) -> usize {
    assert_eq!(slow.len(), fast.len(), "slow and fast weights of one tensor");
    if !rounding.first.is_multiple_of(GROUP as u64) {
        return pull_back_reference(slow, fast, alpha, rounding);
    }
    let (copy, alpha_t) = (alpha == Alpha::ONE, T::from_f64(alpha.get()));
    let (slow, slow_rest) = slow.as_chunks_mut::<GROUP>();
    let (fast, fast_rest) = fast.as_chunks_mut::<GROUP>();
    let mut refused = 0_u32;
    for (group, (slow, fast)) in (rounding.first / GROUP as u64..).zip(slow.iter_mut().zip(fast)) {
        let [first, second] = rounding.group(group);
        let (slow, fast) = (slow.as_chunks_mut::<LANES>().0, fast.as_chunks_mut::<LANES>().0);
        refused += settle_lanes(&mut slow[0], &mut fast[0], alpha_t, copy, first.map(|word| word & 0xffff));
        refused += settle_lanes(&mut slow[1], &mut fast[1], alpha_t, copy, first.map(|word| word >> 16));
        refused += settle_lanes(&mut slow[2], &mut fast[2], alpha_t, copy, second.map(|word| word & 0xffff));
        refused += settle_lanes(&mut slow[3], &mut fast[3], alpha_t, copy, second.map(|word| word >> 16));
    }
    refused as usize + pull_back_reference(slow_rest, fast_rest, alpha, rounding.after(slow.len() * GROUP))
}

#[inline(always)]
fn settle_lanes<T: Float>(
    slow: &mut [u16; LANES],
    fast: &mut [T; LANES],
    alpha: T,
    copy: bool,
    random: [u32; LANES],
) -> u32 {
    let mut refused = 0;
    for ((phi, theta), random) in slow.iter_mut().zip(fast).zip(random) {
        let (rounded, moved, finite) = settle(*phi, *theta, alpha, copy, random);
        refused += u32::from(!finite);
        (*phi, *theta) = (rounded, moved);
    }
    refused
}

/// The plain form of [`pull_back`], which draws for each element by itself.
pub fn pull_back_reference<T: Float>(slow: &mut [u16], fast: &mut [T], alpha: Alpha, rounding: Rounding) -> usize {
    let (copy, alpha) = (alpha == Alpha::ONE, T::from_f64(alpha.get()));
    let mut refused = 0;
    for (element, (phi, theta)) in (rounding.first..).zip(slow.iter_mut().zip(fast)) {
        let (rounded, moved, finite) = settle(*phi, *theta, alpha, copy, rounding.bits(element));
        refused += usize::from(!finite);
        (*phi, *theta) = (rounded, moved);
    }
    refused
}

/// The new slow weight, the new fast weight, and whether the result was finite; `copy` says that alpha is 1.
#[inline(always)]
fn settle<T: Float>(slow: u16, theta: T, alpha: T, copy: bool, random: u32) -> (u16, T, bool) {
    let phi = T::from_f32(widen(slow));
    let moved = if copy { theta } else { phi - alpha * (phi - theta) };
    // an f64 weight can be finite and yet beyond f32
    let finite = moved.to_f32().is_finite();
    let rounded = round(moved.to_f32(), random);
    (if finite { rounded } else { slow }, if finite { moved } else { phi }, finite)
}

#[cfg(test)]
mod tests {
    use super::philox;

    /// The known answers that come with the authors' implementation (Random123).
    #[test]
    fn philox_gives_the_known_answers() {
        for (counter, key, answer) in [
            ([0, 0], 0, [0x257a_3673, 0xcd26_be2a]),
            ([u32::MAX; 2], u32::MAX, [0xab30_2c4d, 0x3dc9_d239]),
            ([0x243f_6a88, 0x85a3_08d3], 0x1319_8a2e, [0xbedb_be6b, 0xe4c7_70b3]),
        ] {
            assert_eq!(philox([counter[0]], [counter[1]], key).map(|[word]| word), answer);
        }
    }
}
