//! How fast an outer step with momentum converges on a quadratic without noise (Fig. 4 for Lookahead's descendants).

use crate::convergence_rate::rate_of_slowest_by;
use crate::error::short;
use crate::optimal_rate::search;
use crate::outer_system::OuterSystem;
use crate::{Direction, Eigenvalues, Error, Momentum, OuterCycle, Rate};

/// The convergence rate per inner step, `1 - rho^(1/k)`, rho being the largest spectral radius of a cycle over all
/// eigenvalues. It is negative where the weights grow. With mu = 0 and eta at most 1 it is
/// [`convergence_rate`](crate::convergence_rate).
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`; [`Error::NotFinite`] if the rate cannot be computed in
/// doubles.
///
/// ```
/// use lookahead_theory::{Eigenvalues, Momentum, OuterCycle, outer_convergence_rate};
/// let eigenvalues = Eigenvalues::new(vec![0.01, 1.0])?;
/// let rate = |mu| outer_convergence_rate(&eigenvalues, 1.0, Momentum::NONE, &OuterCycle::new(5, 0.5, mu)?);
/// assert!(rate(0.6)? > 2.0 * rate(0.0)?);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn outer_convergence_rate(
    eigenvalues: &Eigenvalues,
    lr: f64,
    momentum: Momentum,
    cycle: &OuterCycle,
) -> Result<f64, Error> {
    let lr = momentum.check_lr(lr, eigenvalues.largest())?;
    let rate = slowest(eigenvalues, lr, momentum, cycle);
    if rate.is_finite() {
        return Ok(rate);
    }
    let (k, [lr, beta]) = (cycle.sync_period.get(), [lr, momentum.get()].map(short));
    let because = format!("with learning rate {lr}, momentum {beta} and k = {k} doubles do not hold a cycle's factor");
    Err(Error::NotFinite { what: "the convergence rate", because })
}

/// The best learning rate in `(0, 2 (1 + beta) / L)` for given eta and mu, and the rate with it, found as
/// [`optimal_rate`](crate::optimal_rate) finds it.
///
/// It computes some 20,000 matrices for each eigenvalue, more for k above 100: for ten eigenvalues about a second.
///
/// ```
/// use lookahead_theory::{Cycle, Eigenvalues, Momentum, OuterCycle, optimal_outer_rate, optimal_rate};
/// let eigenvalues = Eigenvalues::new(vec![0.01, 1.0])?;
/// let paper = optimal_rate(&eigenvalues, Momentum::NONE, &Cycle::new(5, 0.5)?);
/// let nesterov = optimal_outer_rate(&eigenvalues, Momentum::NONE, &OuterCycle::new(5, 0.5, 0.6)?);
/// assert!(nesterov.rate > 2.0 * paper.rate);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[must_use]
pub fn optimal_outer_rate(eigenvalues: &Eigenvalues, momentum: Momentum, cycle: &OuterCycle) -> Rate {
    search(eigenvalues, momentum, cycle.sync_period, |lr| slowest(eigenvalues, lr, momentum, cycle))
}

fn slowest(eigenvalues: &Eigenvalues, lr: f64, momentum: Momentum, cycle: &OuterCycle) -> f64 {
    rate_of_slowest_by(eigenvalues, cycle.steps(), |curvature| {
        let direction = Direction { curvature, noise_variance: 0.0 };
        OuterSystem::new_unchecked(direction, lr, momentum, cycle).ln_radius()
    })
}
