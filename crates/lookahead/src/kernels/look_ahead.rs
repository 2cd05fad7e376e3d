//! A step from where the momentum of the weights leads (EMA-Nesterov), in two passes around the inner step.

use crate::Float;

/// The numbers of one step of a tensor, in the precision of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients<T> {
    /// beta + gamma / (1 - gamma), with the beta by which the weights look ahead now.
    pub before: T,
    /// 1 - gamma.
    pub weight: T,
    /// The beta by which they look ahead next.
    pub beta: T,
}

impl Coefficients<f64> {
    /// The same in the precision of the weights.
    #[must_use]
    pub fn in_precision<T: Float>(self) -> Coefficients<T> {
        let [before, weight, beta] = [self.before, self.weight, self.beta].map(T::from_f64);
        Coefficients { before, weight, beta }
    }
}

/// Puts `theta - gamma / (1 - gamma) m` in the place of m, theta being `p - beta m`; the weights p stay.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn open<T: Float>(weights: &[T], kept: &mut [T], c: Coefficients<T>) {
    assert_eq!(weights.len(), kept.len(), "p and m of one tensor");
    for (&p, m) in weights.iter().zip(kept) {
        *m = p - c.before * *m;
    }
}

/// From the new theta and what [`open`] has left to p and m: `m <- gamma m + (1 - gamma) (theta' - theta)`,
/// `p = theta' + beta m`.
///
/// An m that is not finite begins anew at 0: where a Lookahead below has made theta finite again, p is too.
///
/// ```
/// use lookahead::kernels::look_ahead::{Coefficients, close, open};
/// let (beta, gamma) = (0.5, 0.75);
/// let c = Coefficients { before: beta + gamma / (1.0 - gamma), weight: 1.0 - gamma, beta };
/// let (mut weights, mut kept) = ([3.0], [2.0]);       // p = 3 and m = 2, so theta = 2
/// open(&weights, &mut kept, c);
/// weights = [1.0];                                     // the inner step, from 3
/// close(&mut weights, &mut kept, c);
/// assert_eq!((weights, kept), ([1.625], [1.25]));      // m = 0.75 * 2 + 0.25 * (1 - 2)
/// ```
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn close<T: Float>(weights: &mut [T], kept: &mut [T], c: Coefficients<T>) {
    assert_eq!(weights.len(), kept.len(), "theta and m of one tensor");
    for (weight, kept) in weights.iter_mut().zip(kept) {
        let (theta, before) = (*weight, *kept);
        let m = c.weight * (theta - before);
        // as a difference, so that -0.0 stays what it is where m is 0
        let back = c.weight * (before - theta);
        let (m, back) = if m.is_finite() { (m, back) } else { (T::ZERO, T::ZERO) };
        *kept = m;
        *weight = if c.beta == T::ZERO { theta } else { theta - c.beta * back };
    }
}

/// theta from p and m: `p - beta m`.
#[must_use]
pub fn behind<T: Float>(weights: &[T], kept: &[T], beta: T) -> Vec<T> {
    weights.iter().zip(kept).map(|(&p, &m)| if beta == T::ZERO { p } else { p - beta * m }).collect()
}
