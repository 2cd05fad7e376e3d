//! The two sums of the adaptive step size (Prop. 1), and the average of squared gradients they may need.

use std::ops::Add;

use super::bf16::widen;
use super::{Pass, threads};
use crate::{CurvaturePower, Float};

/// Elements whose sums are made by one thread in one go.
const BLOCK: usize = 1 << 12;

/// Sums that run side by side within a block, so that they can be kept in a vector register.
const LANES: usize = 16;

/// Prop. 1's sums, with `d = phi - theta`, `g = grad L(theta)` and the diagonal curvature A.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AlphaSums {
    /// `g . d`
    pub slope: f64,
    /// `d . A d`
    pub curvature: f64,
}

impl Add for AlphaSums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { slope: self.slope + other.slope, curvature: self.curvature + other.curvature }
    }
}

/// The slow weights of one tensor, to read.
#[derive(Debug, Clone, Copy)]
pub enum SlowValues<'a, T> {
    /// In the precision of the fast weights.
    Full(&'a [T]),
    /// As bf16 numbers.
    Bf16(&'a [u16]),
}

/// What one tensor brings to [`AlphaSums`].
#[derive(Debug, Clone, Copy)]
pub struct AlphaTerms<'a, T> {
    /// phi.
    pub slow: SlowValues<'a, T>,
    /// theta.
    pub fast: &'a [T],
    /// g; a tensor without a gradient adds to the curvature alone.
    pub gradient: Option<&'a [T]>,
    /// The running average that stands for the curvature, and the averaging weight it has gathered.
    pub moments: &'a [T],
    /// Divides `moments`, to correct their bias.
    pub weight: f64,
}

impl Pass {
    /// Prop. 1's sums over `tensors` tensors, in f64: the same bits on any number of threads and with any instructions,
    /// because what is added to what depends on the tensors' lengths alone.
    ///
    /// # Panics
    /// If the slices of a tensor differ in length.
    pub fn alpha_sums<'a, T: Float>(
        &self,
        tensors: usize,
        power: CurvaturePower,
        terms: impl Fn(usize) -> Option<AlphaTerms<'a, T>> + Sync,
    ) -> AlphaSums {
        self.tree(0..tensors, &|tensor| terms(tensor).map_or(AlphaSums::default(), |terms| self.tensor(terms, power)))
    }

    /// [`accumulate_squares`] of one tensor.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn accumulate_squares<T: Float>(&self, average: &mut [T], gradient: &[T], beta: f64) {
        assert_eq!(average.len(), gradient.len(), "a tensor and its gradient");
        self.accumulate_all_squares(average.len(), std::iter::once((average, gradient)), beta);
    }

    /// [`accumulate_squares`] of all tensors, given as `(average, gradient)`; `elements` as in
    /// [`for_each`](Self::for_each).
    ///
    /// # Panics
    /// If the slices of a pair differ in length.
    pub fn accumulate_all_squares<'a, T: Float>(
        &self,
        elements: usize,
        pairs: impl Iterator<Item = (&'a mut [T], &'a [T])> + Send,
        beta: f64,
    ) {
        self.for_each(
            elements,
            pairs,
            #[inline(always)]
            |(average, gradient)| {
                accumulate_squares(average, gradient, beta);
                0
            },
        );
    }

    fn tensor<T: Float>(&self, terms: AlphaTerms<'_, T>, power: CurvaturePower) -> AlphaSums {
        let AlphaTerms { slow, fast, gradient, moments, weight } = terms;
        let slow_length = match slow {
            SlowValues::Full(values) => values.len(),
            SlowValues::Bf16(values) => values.len(),
        };
        assert_eq!(slow_length, fast.len(), "slow and fast weights of one tensor");
        assert_eq!(fast.len(), moments.len(), "a tensor and its second moment");
        assert!(gradient.is_none_or(|gradient| gradient.len() == fast.len()), "a tensor and its gradient");
        let block = |index: usize| {
            let range = index * BLOCK..fast.len().min((index + 1) * BLOCK);
            let gradient = gradient.map(|gradient| &gradient[range.clone()]);
            let mut widened = [T::ZERO; BLOCK];
            let slow = match slow {
                SlowValues::Full(values) => &values[range.clone()],
                SlowValues::Bf16(values) => {
                    let widened = &mut widened[..range.len()];
                    widened.iter_mut().zip(&values[range.clone()]).for_each(|(to, &phi)| *to = T::from_f32(widen(phi)));
                    widened
                }
            };
            let (fast, moments) = (&fast[range.clone()], &moments[range]);
            self.instructions().run(
                #[inline(always)]
                || sum_block(slow, fast, gradient, moments, power),
            )
        };
        let sums = self.tree(0..fast.len().div_ceil(BLOCK), &block);
        // A = v / w, or its root
        AlphaSums { curvature: sums.curvature / power.of(weight), ..sums }
    }

    /// Adds up `part(i)` for all i of a range by halves: a shape that depends on the range alone.
    fn tree(&self, parts: std::ops::Range<usize>, part: &(impl Fn(usize) -> AlphaSums + Sync)) -> AlphaSums {
        match parts.len() {
            0 => AlphaSums::default(),
            1 => part(parts.start),
            count => {
                let middle = parts.start + count / 2;
                let (left, right) = (parts.start..middle, middle..parts.end);
                let (left, right) = match self.threads() {
                    1 => (self.tree(left, part), self.tree(right, part)),
                    _ => threads::join(|| self.tree(left, part), || self.tree(right, part)),
                };
                left + right
            }
        }
    }
}

#[inline(always)]
fn sum_block<T: Float>(
    slow: &[T],
    fast: &[T],
    gradient: Option<&[T]>,
    moments: &[T],
    power: CurvaturePower,
) -> AlphaSums {
    match (gradient, power) {
        (None, CurvaturePower::SecondMoment) => sum_lanes(slow, fast, moments, moments, |_, d, v| (0.0, d * v * d)),
        (None, CurvaturePower::Root) => sum_lanes(slow, fast, moments, moments, |_, d, v| (0.0, d * v.sqrt() * d)),
        (Some(g), CurvaturePower::SecondMoment) => sum_lanes(slow, fast, g, moments, |g, d, v| (g * d, d * v * d)),
        (Some(g), CurvaturePower::Root) => sum_lanes(slow, fast, g, moments, |g, d, v| (g * d, d * v.sqrt() * d)),
    }
}

/// The sums of `terms(g, d, v)` in [`LANES`] lanes, element i in lane i mod 16, the lanes then added in order.
#[inline(always)]
fn sum_lanes<T: Float>(
    slow: &[T],
    fast: &[T],
    gradient: &[T],
    moments: &[T],
    terms: impl Fn(f64, f64, f64) -> (f64, f64),
) -> AlphaSums {
    let mut lanes = Lanes::default();
    let ((slow, slow_rest), (fast, fast_rest)) = (slow.as_chunks::<LANES>(), fast.as_chunks::<LANES>());
    let ((grads, grads_rest), (moments, moments_rest)) = (gradient.as_chunks::<LANES>(), moments.as_chunks::<LANES>());
    for (((slow, fast), grads), moments) in slow.iter().zip(fast).zip(grads).zip(moments) {
        lanes.add(slow, fast, grads, moments, &terms);
    }
    lanes.add(slow_rest, fast_rest, grads_rest, moments_rest, &terms);
    AlphaSums { slope: lanes.slope.iter().sum(), curvature: lanes.curvature.iter().sum() }
}

#[derive(Default)]
struct Lanes {
    slope: [f64; LANES],
    curvature: [f64; LANES],
}

impl Lanes {
    #[inline(always)]
    fn add<T: Float>(
        &mut self,
        slow: &[T],
        fast: &[T],
        gradient: &[T],
        moments: &[T],
        terms: &impl Fn(f64, f64, f64) -> (f64, f64),
    ) {
        for lane in 0..slow.len() {
            let d = slow[lane].to_f64() - fast[lane].to_f64();
            let (slope, curvature) = terms(gradient[lane].to_f64(), d, moments[lane].to_f64());
            self.slope[lane] += slope;
            self.curvature[lane] += curvature;
        }
    }
}

/// `a <- beta a + (1 - beta) g^2`: the diagonal of the empirical Fisher, averaged.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn accumulate_squares<T: Float>(average: &mut [T], gradient: &[T], beta: f64) {
    assert_eq!(average.len(), gradient.len(), "a tensor and its gradient");
    let (keep, rest) = (T::from_f64(beta), T::from_f64(1.0 - beta));
    for (average, &g) in average.iter_mut().zip(gradient) {
        *average = keep * *average + rest * g * g;
    }
}
