//! How fast classical momentum, and Lookahead around it, converge on a quadratic without noise (Sec. 3.2, Fig. 4,
//! App. B.1): one minus the k-th root of the spectral radius of a cycle, in the slowest direction.

use serde::Serialize;

use crate::error::short;
use crate::momentum_system::CycleSystem;
use crate::{Cycle, Eigenvalues, Error, Momentum, optimal_rate};

/// A learning rate, and the convergence rate with it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// The learning rate.
    pub lr: f64,
    /// One minus the contraction per inner step, at most 1. Negative where the weights grow.
    pub rate: f64,
}

/// The convergence of classical momentum alone and of Lookahead around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Of momentum alone.
    pub momentum: Rate,
    /// Of Lookahead around it.
    pub lookahead: Rate,
}

/// The convergence rate per inner step, `1 - rho^(1/k)`, rho being the largest spectral radius over all eigenvalues.
///
/// Relative accuracy is kept for rates far below the rounding of `1 - rho`.
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`. Inside that range momentum alone converges; Lookahead
/// around it with a maintained or reset velocity may not, and its rate is then negative. [`Error::NotFinite`] if the
/// rate cannot be computed in doubles.
///
/// ```
/// use lookahead_theory::{Cycle, Eigenvalues, Momentum, convergence_rate};
/// let eigenvalues = Eigenvalues::new(vec![0.1, 1.0])?;
/// // Plain SGD shrinks the flat direction by 1 - 0.1.
/// let rate = convergence_rate(&eigenvalues, 1.0, Momentum::NONE, &Cycle::inner_alone())?;
/// assert!((rate - 0.1).abs() < 1e-15);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn convergence_rate(eigenvalues: &Eigenvalues, lr: f64, momentum: Momentum, cycle: &Cycle) -> Result<f64, Error> {
    let lr = momentum.check_lr(lr, eigenvalues.largest())?;
    let rate = rate_of_slowest(eigenvalues, lr, momentum, cycle);
    if rate.is_finite() {
        return Ok(rate);
    }
    let (k, [lr, beta]) = (cycle.sync_period.get(), [lr, momentum.get()].map(short));
    let because = format!("with learning rate {lr}, momentum {beta} and k = {k} doubles do not hold a cycle's factor");
    Err(Error::NotFinite { what: "the convergence rate", because })
}

/// The rate without the check of the learning rate.
pub(crate) fn rate_of_slowest(eigenvalues: &Eigenvalues, lr: f64, momentum: Momentum, cycle: &Cycle) -> f64 {
    let ln_radius = |curvature| CycleSystem::new_unchecked(lr, curvature, momentum, cycle).ln_radius();
    rate_of_slowest_by(eigenvalues, cycle.steps(), ln_radius)
}

/// The same for any cycle of k steps, given ln of its spectral radius for each curvature.
pub(crate) fn rate_of_slowest_by(eigenvalues: &Eigenvalues, k: u64, ln_radius: impl Fn(f64) -> f64) -> f64 {
    let each = eigenvalues.as_slice().iter().map(|&curvature| ln_radius(curvature));
    let slowest = each.max_by(f64::total_cmp).unwrap_or(f64::NEG_INFINITY);
    // 1 - rho^(1/k)
    -(slowest / k as f64).exp_m1()
}

/// Both convergence rates with one given learning rate.
///
/// # Errors
/// As [`convergence_rate`].
pub fn rates_at(eigenvalues: &Eigenvalues, lr: f64, momentum: Momentum, cycle: &Cycle) -> Result<Rates, Error> {
    let at = |cycle| Ok::<_, Error>(Rate { lr, rate: convergence_rate(eigenvalues, lr, momentum, cycle)? });
    Ok(Rates { momentum: at(&Cycle::inner_alone())?, lookahead: at(cycle)? })
}

/// Both convergence rates, each with the learning rate that is best for it (Fig. 4); see [`optimal_rate`].
///
/// ```
/// use lookahead_theory::{ConditionNumber, Cycle, Momentum, Spectrum, optimal_rates};
/// let spectrum = Spectrum::Log { dim: 6, condition_number: ConditionNumber::new(10.0)? };
/// let rates = optimal_rates(&spectrum.eigenvalues()?, Momentum::new(0.99)?, &Cycle::new(20, 0.5)?);
/// assert!(rates.lookahead.rate > 2.0 * rates.momentum.rate);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[must_use]
pub fn optimal_rates(eigenvalues: &Eigenvalues, momentum: Momentum, cycle: &Cycle) -> Rates {
    Rates {
        momentum: optimal_rate(eigenvalues, momentum, &Cycle::inner_alone()),
        lookahead: optimal_rate(eigenvalues, momentum, cycle),
    }
}
