//! Where the variances of SGD and of Lookahead around it come to rest (Prop. 2).
//!
//! Eq. 6 and 7 are printed with Sigma squared; the recursions they solve (Eq. 9, 11) have Sigma, and so have these.

use serde::Serialize;

use crate::factor::Factor;
use crate::limits::{check_curvature, check_variance};
use crate::{Cycle, Direction, Error, Momentum};

/// The variance fixed points of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FixedPoint {
    /// Of SGD (Eq. 6).
    pub sgd: f64,
    /// Of the slow weights of Lookahead around it (Eq. 7).
    pub lookahead: f64,
    /// Lookahead's over SGD's, in (0, 1]: Eq. 7's first factor, which does not depend on the noise.
    pub ratio: f64,
}

/// The variance fixed points in one direction, of SGD and of Lookahead with the same learning rate (Prop. 2).
///
/// # Errors
/// [`Error::OutOfRange`] unless the curvature is from 1e-100 to 1e100, the noise variance too or 0, and
/// `0 < lr < 2 / curvature`.
///
/// ```
/// use lookahead_theory::{Cycle, fixed_point};
/// let variances = fixed_point(1.0, 1.0, 0.5, &Cycle::new(5, 0.5)?)?;
/// assert_eq!((variances.sgd, variances.lookahead), (0.3333333333333333, 0.1134020618556701));
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn fixed_point(curvature: f64, noise_variance: f64, lr: f64, cycle: &Cycle) -> Result<FixedPoint, Error> {
    let (curvature, noise_variance) = (check_curvature(curvature)?, check_variance(noise_variance)?);
    Momentum::NONE.check_lr(lr, curvature)?;
    let step = Factor::gradient_step(lr, curvature);
    let inner = step.pow(cycle.steps());
    let sgd = sgd_variance(step, Direction { curvature, noise_variance });
    let ratio = variance_ratio(inner, inner.pulled_back(cycle.alpha.get()), cycle);
    Ok(FixedPoint { sgd, lookahead: ratio * sgd, ratio })
}

/// Eq. 6 with Sigma for its square: with x = lr a, `x^2 sigma^2 / (1 - (1 - x)^2) = x sigma^2 / (2 - x)`.
pub(crate) fn sgd_variance(step: Factor, direction: Direction) -> f64 {
    step.one_minus * direction.noise_variance / step.one_plus
}

/// The first factor of Eq. 7. With q = 1 - lr a and r = 1 - alpha + alpha q^k (Eq. 10) its numerator is
/// `alpha^2 (1 - q^k) (1 + q^k)` and its denominator `1 - r^2 = alpha (1 - q^k) (1 + r)`, so that it is
/// `alpha (1 + q^k) / (1 + r)`.
pub(crate) fn variance_ratio(q_to_k: Factor, r: Factor, cycle: &Cycle) -> f64 {
    cycle.alpha.get() * q_to_k.one_plus / r.one_plus
}
