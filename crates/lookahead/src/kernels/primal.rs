//! Averages that train where they evaluate, in two passes around the inner step: y to z and x, then z to y.

use crate::Float;

/// The numbers of one step of a tensor, in the precision of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients<T> {
    /// mu_y: the part of x in y, above 0.
    pub interpolation: T,
    /// How far x goes toward z.
    pub weight: T,
    /// The decay of z toward 0 along y, `z <- z - decay y`, after x has been taken from it.
    pub decay: T,
    /// By what z, and by what y, is multiplied before anything else.
    pub keep: [T; 2],
}

impl Coefficients<f64> {
    /// The same in the precision of the weights.
    #[must_use]
    pub fn in_precision<T: Float>(self) -> Coefficients<T> {
        let Self { interpolation, weight, decay, keep } = self;
        let [interpolation, weight, decay] = [interpolation, weight, decay].map(T::from_f64);
        Coefficients { interpolation, weight, decay, keep: keep.map(T::from_f64) }
    }
}

/// From y and z to the z that the inner optimizer steps and the x that waits: `x = z - (z - y) / mu_y`.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn open<T: Float>(weights: &mut [T], kept: &mut [T], c: Coefficients<T>) {
    assert_eq!(weights.len(), kept.len(), "y and z of one tensor");
    for (y, z) in weights.iter_mut().zip(kept) {
        let (zz, yy) = (*z * c.keep[0], *y * c.keep[1]);
        // without a decay -0.0 stays what it is
        let start = if c.decay == T::ZERO { zz } else { zz - c.decay * yy };
        (*y, *z) = (start, zz - (zz - yy) / c.interpolation);
    }
}

/// From the new z and x to y and z: `x <- x - weight (x - z)`, `y = z - mu_y (z - x)`.
///
/// An x that is not finite begins anew at z: where a Lookahead below has made z finite again, y is too.
///
/// ```
/// use lookahead::kernels::primal::{Coefficients, close, open};
/// let c = Coefficients { interpolation: 0.5, weight: 0.25, decay: 0.0, keep: [1.0; 2] };
/// let (mut weights, mut kept) = ([3.0], [2.0]);      // y = 3 and z = 2, so x = 4
/// open(&mut weights, &mut kept, c);
/// assert_eq!((weights, kept), ([2.0], [4.0]));
/// weights = [0.0];                                    // the inner step, from 2
/// close(&mut weights, &mut kept, c);
/// assert_eq!((weights, kept), ([1.5], [0.0]));        // x = 4 - 0.25 * 4
/// ```
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn close<T: Float>(weights: &mut [T], kept: &mut [T], c: Coefficients<T>) {
    assert_eq!(weights.len(), kept.len(), "z and x of one tensor");
    for (weight, kept) in weights.iter_mut().zip(kept) {
        let (z, x) = (*weight, *kept);
        let x = x - c.weight * (x - z);
        let x = if x.is_finite() { x } else { z };
        (*weight, *kept) = (z - c.interpolation * (z - x), z);
    }
}

/// From y, and z after and before a move that leaves x where it is, to the new y and z, `rest` being `1 - mu_y`. Where z
/// stays, y does; where it was not finite, both begin anew at the new z.
///
/// # Panics
/// If the slices differ in length.
pub fn go_along<T: Float>(weights: &mut [T], kept: &mut [T], y: &[T], rest: T) {
    assert!(weights.len() == kept.len() && kept.len() == y.len(), "y and both z of one tensor");
    for ((weight, z), &y) in weights.iter_mut().zip(kept).zip(y) {
        let moved = *weight;
        let along = y - rest * (*z - moved);
        (*weight, *z) = (if z.is_finite() { along } else { moved }, moved);
    }
}

/// x from y and z: `z - (z - y) / mu_y`.
#[must_use]
pub fn average<T: Float>(weights: &[T], kept: &[T], interpolation: T) -> Vec<T> {
    weights.iter().zip(kept).map(|(&y, &z)| z - (z - y) / interpolation).collect()
}
