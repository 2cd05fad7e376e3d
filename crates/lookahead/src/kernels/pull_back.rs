//! The outer update (Eq. 1) and its twin for the inner state (App. C.5).

use super::Pass;
use crate::{Alpha, Float};

/// Eq. 1, then the restart of the fast weights: `phi <- phi - alpha (phi - theta)`, `theta <- phi`.
///
/// The difference form leaves weights that did not move bit for bit as they were, -0.0 too; `alpha = 1` is a copy, so
/// that it meets theta exactly. Multiplication and addition are never contracted. An element whose result is not
/// finite keeps its old slow weight, on both sides. Gives the number of such elements.
///
/// ```
/// use lookahead::{Alpha, kernels::pull_back};
/// let (mut slow, mut fast) = ([0.0, 1.0], [4.0, f32::NAN]);
/// assert_eq!(pull_back(&mut slow, &mut fast, Alpha::new(0.25)?), 1);
/// assert_eq!((slow, fast), ([1.0, 1.0], [1.0, 1.0]));
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn pull_back<T: Float>(slow: &mut [T], fast: &mut [T], alpha: Alpha) -> usize {
    assert_eq!(slow.len(), fast.len(), "slow and fast weights of one tensor");
    let (copy, alpha) = (alpha == Alpha::ONE, T::from_f64(alpha.get()));
    let mut refused = 0;
    for (phi, theta) in slow.iter_mut().zip(fast) {
        let (settled, finite) = settle(*phi, *theta, alpha, copy);
        refused += usize::from(!finite);
        (*phi, *theta) = (settled, settled);
    }
    refused
}

/// The new slow weight, and whether the result was finite; `copy` says that alpha is 1.
#[inline(always)]
pub(super) fn settle<T: Float>(phi: T, theta: T, alpha: T, copy: bool) -> (T, bool) {
    let moved = if copy { theta } else { phi - alpha * (phi - theta) };
    let finite = moved.is_finite();
    (if finite { moved } else { phi }, finite)
}

/// App. C.5: a moment moves back toward its value at the last sync, `s <- anchor - alpha (anchor - s)`.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn interpolate<T: Float>(moment: &mut [T], anchor: &[T], alpha: Alpha) {
    assert_eq!(moment.len(), anchor.len(), "a moment and its anchor");
    let (copy, alpha) = (alpha == Alpha::ONE, T::from_f64(alpha.get()));
    for (moment, &anchor) in moment.iter_mut().zip(anchor) {
        *moment = interpolate_one(*moment, anchor, alpha, copy);
    }
}

#[inline(always)]
pub(super) fn interpolate_one<T: Float>(moment: T, anchor: T, alpha: T, copy: bool) -> T {
    if copy { moment } else { anchor - alpha * (anchor - moment) }
}

/// [`interpolate`] for one number: the weight of a bias correction.
#[must_use]
pub fn interpolate_scalar(value: f64, anchor: f64, alpha: Alpha) -> f64 {
    if alpha == Alpha::ONE { value } else { anchor - alpha.get() * (anchor - value) }
}

impl Pass {
    /// [`pull_back`] of one tensor.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn pull_back<T: Float>(&self, slow: &mut [T], fast: &mut [T], alpha: Alpha) -> usize {
        assert_eq!(slow.len(), fast.len(), "slow and fast weights of one tensor");
        self.for_each(
            slow.len(),
            std::iter::once((slow, fast)),
            #[inline(always)]
            |(slow, fast)| pull_back(slow, fast, alpha),
        )
    }

    /// [`interpolate`] of one tensor.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn interpolate<T: Float>(&self, moment: &mut [T], anchor: &[T], alpha: Alpha) {
        assert_eq!(moment.len(), anchor.len(), "a moment and its anchor");
        self.interpolate_all(moment.len(), std::iter::once((moment, anchor)), alpha);
    }

    /// [`interpolate`] of all tensors, given as `(moment, anchor)`; `elements` as in [`for_each`](Self::for_each).
    ///
    /// # Panics
    /// If the slices of a pair differ in length.
    pub fn interpolate_all<'a, T: Float>(
        &self,
        elements: usize,
        pairs: impl Iterator<Item = (&'a mut [T], &'a [T])> + Send,
        alpha: Alpha,
    ) {
        self.for_each(
            elements,
            pairs,
            #[inline(always)]
            |(moment, anchor)| {
                interpolate(moment, anchor, alpha);
                0
            },
        );
    }
}
