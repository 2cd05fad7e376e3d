//! How likely a paired t-test is to decide a difference of a given size, and how many seeds it takes for that.

use std::num::NonZeroU32;

use super::StudentT;

/// The probability with which a difference is to be found, where the number of seeds is asked for.
pub const POWER: f64 = 0.8;
/// The most seeds that are considered; `lookahead run --seeds` takes no more.
pub const MOST_SEEDS: u32 = 1000;

/// The power of a two-sided t-test at level `alpha` over `n` differences: the probability that it rejects "zero" where the
/// true mean is `effect` standard deviations away from it.
///
/// ```
/// use lookahead_runs::statistics::power;
///
/// // A difference of one standard deviation takes ten pairs for a power of 0.8.
/// assert!((power(10, 1.0, 0.05) - 0.803_097).abs() < 1e-6);
/// ```
///
/// 0 for fewer than two differences. Exact but for rounding: the noncentral t distribution by quadrature.
#[must_use]
pub fn power(n: u32, effect: f64, alpha: f64) -> f64 {
    let Some(degrees_of_freedom) = NonZeroU32::new(n.saturating_sub(1)) else { return 0.0 };
    let critical = StudentT::new(degrees_of_freedom).critical_value(alpha);
    let shift = effect.abs() * f64::from(n).sqrt();
    // T = (Z + shift) / W with nu W^2 ~ chi^2_nu, so P(|T| > c) = E[Phi(shift - c W) + Phi(-shift - c W)].
    // In x = ln W the density is proportional to exp(nu (x - e^{2x} / 2)), highest at 0; a sum over equal steps converges
    // faster than any power of the step, and divided by the sum of the weights it needs no constant.
    let nu = f64::from(degrees_of_freedom.get());
    let width = 45.0 / nu;
    let (low, high) = (-(width + width.sqrt()), width.sqrt());
    let (mut rejected, mut total) = (0.0, 0.0);
    const STEPS: u32 = 1000;
    for step in 0..=STEPS {
        let x = low + (high - low) * f64::from(step) / f64::from(STEPS);
        let weight = (nu * (x - 0.5 * (2.0 * x).exp_m1())).exp();
        let reach = critical * x.exp();
        rejected += weight * (normal(shift - reach) + normal(-shift - reach));
        total += weight;
    }
    rejected / total
}

/// The fewest seeds, at least 3, with which a difference of `effect` standard deviations is found with a probability of
/// [`POWER`] at level `alpha`; `None` if [`MOST_SEEDS`] do not suffice.
#[must_use]
pub fn seeds_to_decide(effect: f64, alpha: f64) -> Option<u32> {
    let suffices = |n: u32| power(n, effect, alpha) >= POWER;
    if !suffices(MOST_SEEDS) {
        return None;
    }
    // More seeds have more power.
    let (mut low, mut high) = (2, MOST_SEEDS);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if suffices(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// Phi, the distribution function of the normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}
