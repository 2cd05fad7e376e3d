//! How fast an outer step with momentum converges on a quadratic without noise (Fig. 4 for Lookahead's descendants).

use lookahead::InnerStatePolicy;

use crate::convergence_rate::rate_of_slowest_by;
use crate::error::short;
use crate::optimal_rate::{check_work, search};
use crate::outer_system::OuterSystem;
use crate::{Direction, Eigenvalues, Error, Momentum, OuterCycle, Rate};

/// The most that a search that can be refused may compute, in matrices of a single direction: about ten seconds.
const MOST_MATRICES: u64 = 4_000_000;
/// The same where a cycle forgets, so that three numbers stand for its matrix.
const MOST_FORGETFUL: u64 = 100_000_000;

/// The convergence rate per inner step, `1 - rho^(1/k)`, rho being the largest spectral radius of a cycle over all
/// eigenvalues. It is negative where the weights grow. With mu = 0 and eta at most 1 it is
/// [`convergence_rate`](crate::convergence_rate), which around plain SGD counts what "interpolate" keeps of a velocity
/// that moves nothing, as this does not.
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
/// It computes some 20,000 matrices for each eigenvalue, more for k above 100: for 20 eigenvalues about a second
/// around momentum that is maintained or interpolated.
/// [`check_outer_search`] tells when it is long.
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

/// Whether [`optimal_outer_rate`] takes seconds.
///
/// # Errors
/// [`Error::TooMuchWork`] if there are too many eigenvalues for a k as large: more than about 200 around a velocity
/// that is maintained or interpolated, 5,000 where the inner optimizer forgets at a sync; fewer for k above 100.
///
/// ```
/// use lookahead_theory::{Momentum, OuterCycle, Spectrum, check_outer_search};
/// let harmonic = |dim| Spectrum::Harmonic { dim }.eigenvalues();
/// let cycle = OuterCycle::new(5, 0.7, 0.9)?;
/// assert!(check_outer_search(&harmonic(1000)?, Momentum::NONE, &cycle).is_ok());
/// assert!(check_outer_search(&harmonic(1000)?, Momentum::new(0.9)?, &cycle).is_err());
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn check_outer_search(eigenvalues: &Eigenvalues, momentum: Momentum, cycle: &OuterCycle) -> Result<(), Error> {
    let forgets = momentum == Momentum::NONE || cycle.inner_state == InnerStatePolicy::Reset;
    let most = if forgets { MOST_FORGETFUL } else { MOST_MATRICES };
    check_work(eigenvalues, momentum, cycle.sync_period, most)
}

fn slowest(eigenvalues: &Eigenvalues, lr: f64, momentum: Momentum, cycle: &OuterCycle) -> f64 {
    rate_of_slowest_by(eigenvalues, cycle.steps(), |curvature| {
        let direction = Direction { curvature, noise_variance: 0.0 };
        OuterSystem::new_unchecked(direction, lr, momentum, cycle).ln_radius()
    })
}
