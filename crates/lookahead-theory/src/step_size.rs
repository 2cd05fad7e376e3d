//! The optimal step size of the slow weights on a quadratic, and its estimate from a diagonal curvature (Prop. 1,
//! Sec. 2.1, App. B.2).

use lookahead::kernels::{AlphaTerms, Pass, SlowValues};
use lookahead::{Adaptive, Alpha, ChosenAlpha, CurvaturePower, SyncPeriod};

use crate::error::accept;
use crate::modes::Modes;
use crate::{Eigenvalues, Error, Momentum};

/// The alpha that minimises `L(theta_0 + alpha (theta_k - theta_0))`, for the quadratic with the given eigenvalues and
/// `optimum` (Prop. 1). It may lie above 1 or below 0; where theta_k is theta_0 every alpha is the same, and it is 1.
///
/// # Errors
/// [`Error::VectorLength`] unless each vector has a value for each eigenvalue; [`Error::OutOfRange`] if one is not
/// finite; [`Error::NotFinite`] if alpha is too large for a double.
///
/// ```
/// use lookahead_theory::{Eigenvalues, optimal_alpha};
/// // One direction: the optimum 0 lies 4/3 of the way from 2 to 0.5.
/// let alpha = optimal_alpha(&Eigenvalues::new(vec![1.0])?, &[0.0], &[2.0], &[0.5])?;
/// assert_eq!(alpha, 4.0 / 3.0);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn optimal_alpha(
    eigenvalues: &Eigenvalues,
    optimum: &[f64],
    theta_0: &[f64],
    theta_k: &[f64],
) -> Result<f64, Error> {
    let curvature = eigenvalues.as_slice();
    for (name, vector) in [("the optimum", optimum), ("theta_0", theta_0), ("theta_k", theta_k)] {
        check_vector(name, vector, curvature.len())?;
    }
    // (theta_0 - theta*)^T A (theta_0 - theta_k) / (theta_0 - theta_k)^T A (theta_0 - theta_k)
    let directions = curvature.iter().zip(optimum).zip(theta_0.iter().zip(theta_k));
    ratio(directions.map(|((a, optimum), (start, end))| (*a, start - optimum, start - end)))
}

/// The optimal alpha after k noiseless steps of the inner optimizer, from a start as far from the optimum in every
/// direction and at rest: what Prop. 1 recommends for a spectrum.
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`.
///
/// ```
/// use lookahead_theory::{Eigenvalues, Momentum, optimal_alpha_after};
/// // A single step of 1.5/a overshoots the optimum by half: two thirds of it are right.
/// let one = Eigenvalues::new(vec![1.0])?;
/// let alpha = optimal_alpha_after(&one, 1.5, Momentum::NONE, lookahead::SyncPeriod::new(1)?)?;
/// assert!((alpha - 2.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn optimal_alpha_after(
    eigenvalues: &Eigenvalues,
    lr: f64,
    momentum: Momentum,
    sync_period: SyncPeriod,
) -> Result<f64, Error> {
    let lr = momentum.check_lr(lr, eigenvalues.largest())?;
    let steps = u64::from(sync_period.get());
    // theta_0 = 1 and theta* = 0, so that theta_0 - theta_k is the part lost
    let lost = |a: f64| Modes::new(lr, a, momentum).weight_kept(steps).lost;
    ratio(eigenvalues.as_slice().iter().map(|&a| (a, 1.0, lost(a))))
}

/// Sec. 2.1's estimate of the optimal alpha, from a diagonal curvature (such as an empirical Fisher) and the gradient
/// at theta_k: with `d = theta_0 - theta_k`, `clip(1 + g.d / (d.A d), low, 1)`. It is what [`lookahead::Adaptive`]
/// does, and on a true quadratic it is [`optimal_alpha`], clipped.
///
/// # Errors
/// [`Error::Empty`]; [`Error::VectorLength`] unless each vector has a value for each curvature; [`Error::OutOfRange`]
/// if one is not finite, or a curvature negative; [`Error::NotFinite`] if a product is too large for a double.
///
/// ```
/// use lookahead::Alpha;
/// use lookahead_theory::estimated_alpha;
/// // From 3 past the optimum 0 to -1: three quarters of the way are right.
/// let chosen = estimated_alpha(&[1.0], &[3.0], &[-1.0], &[-1.0], Alpha::new(0.5)?)?;
/// assert_eq!((chosen.alpha.get(), chosen.clipped), (0.75, false));
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn estimated_alpha(
    curvature: &[f64],
    theta_0: &[f64],
    theta_k: &[f64],
    gradient: &[f64],
    low: Alpha,
) -> Result<ChosenAlpha, Error> {
    if curvature.is_empty() {
        return Err(Error::Empty { name: "curvature" });
    }
    for (name, vector) in
        [("the curvature", curvature), ("theta_0", theta_0), ("theta_k", theta_k), ("the gradient", gradient)]
    {
        check_vector(name, vector, curvature.len())?;
    }
    if let Some(&value) = curvature.iter().find(|&&a| a < 0.0) {
        accept("a curvature", value, false, "at least 0")?;
    }
    let terms = AlphaTerms {
        slow: SlowValues::Full(theta_0),
        fast: theta_k,
        gradient: Some(gradient),
        moments: curvature,
        weight: 1.0,
    };
    let sums = Pass::new().alpha_sums(1, CurvaturePower::SecondMoment, |_| Some(terms));
    if !(sums.slope.is_finite() && sums.curvature.is_finite()) {
        let because = "a product of curvature, gradient and theta_0 - theta_k is too large for a double".to_owned();
        return Err(Error::NotFinite { what: "the estimate of alpha", because });
    }
    Ok(Adaptive::new().with_low(low).choose(sums))
}

/// `sum a x d / sum a d^2` over `(a, x, d)`, 1 where every d is 0.
fn ratio(terms: impl Iterator<Item = (f64, f64, f64)> + Clone) -> Result<f64, Error> {
    let size = |of: fn((f64, f64, f64)) -> f64| terms.clone().map(of).fold(0.0, f64::max);
    let sizes = [size(|term| term.0), size(|term| term.1.abs()), size(|term| term.2.abs())];
    // In units of powers of two, which no digit depends on, the products stay within the range of doubles.
    let [unit_a, unit_x, unit_d] = sizes.map(power_of_two);
    let (slope, curvature) = terms.fold((0.0, 0.0), |(slope, curvature), (a, x, d)| {
        let (a, x, d) = (a / unit_a, x / unit_x, d / unit_d);
        (slope + a * x * d, curvature + a * d * d)
    });
    let found = if curvature == 0.0 { 1.0 } else { slope / curvature * (unit_x / unit_d) };
    if found.is_finite() {
        return Ok(found);
    }
    let [_, way, cycle] = sizes.map(|size| format!("{size:.1e}"));
    let because = format!("the optimum is {way} away from theta_0, and theta_k {cycle}");
    Err(Error::NotFinite { what: "the optimal alpha", because })
}

/// The largest power of two that is not above `size`, 1 for 0; the smallest or largest one at the ends of the range.
fn power_of_two(size: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff << 52;
    if size == 0.0 { 1.0 } else { f64::from_bits(size.clamp(f64::MIN_POSITIVE, f64::MAX).to_bits() & EXPONENT) }
}

fn check_vector(name: &'static str, vector: &[f64], expected: usize) -> Result<(), Error> {
    if vector.len() != expected {
        return Err(Error::VectorLength { name, expected, found: vector.len() });
    }
    match vector.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(Error::OutOfRange { name, value, accepted: "finite in every direction".to_owned() }),
        None => Ok(()),
    }
}
