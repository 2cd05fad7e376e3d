//! The outer update (Eq. 1) and its twin for the inner state (App. C.5).

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
pub fn pull_back<T: Float>(slow: &mut [T], fast: &mut [T], alpha: Alpha) -> usize {
    assert_eq!(slow.len(), fast.len(), "slow and fast weights of one tensor");
    if alpha == Alpha::ONE {
        return settle(slow, fast, |_, theta| theta);
    }
    let alpha = T::from_f64(alpha.get());
    settle(slow, fast, |phi, theta| phi - alpha * (phi - theta))
}

/// Sets both sides to `target(phi, theta)` where that is finite, and to phi elsewhere.
#[inline]
fn settle<T: Float>(slow: &mut [T], fast: &mut [T], target: impl Fn(T, T) -> T) -> usize {
    let mut refused = 0;
    for (phi, theta) in slow.iter_mut().zip(fast) {
        let moved = target(*phi, *theta);
        let finite = moved.is_finite();
        refused += usize::from(!finite);
        *phi = if finite { moved } else { *phi };
        *theta = *phi;
    }
    refused
}

/// App. C.5: a moment moves back toward its value at the last sync, `s <- anchor - alpha (anchor - s)`.
///
/// # Panics
/// If the slices differ in length.
pub fn interpolate<T: Float>(moment: &mut [T], anchor: &[T], alpha: Alpha) {
    assert_eq!(moment.len(), anchor.len(), "a moment and its anchor");
    if alpha == Alpha::ONE {
        return;
    }
    let alpha = T::from_f64(alpha.get());
    for (moment, &anchor) in moment.iter_mut().zip(anchor) {
        *moment = anchor - alpha * (anchor - *moment);
    }
}

/// [`interpolate`] for one number: the weight of a bias correction.
#[must_use]
pub fn interpolate_scalar(value: f64, anchor: f64, alpha: Alpha) -> f64 {
    if alpha == Alpha::ONE { value } else { anchor - alpha.get() * (anchor - value) }
}
