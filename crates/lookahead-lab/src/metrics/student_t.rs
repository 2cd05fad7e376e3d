//! Student's t distribution with whole degrees of freedom, exactly: what a confidence interval over few seeds needs.
//!
//! The distribution function is the finite trigonometric sum of Abramowitz and Stegun, 26.7.3 and 26.7.4.

use std::{
    f64::consts::{FRAC_2_PI, FRAC_PI_2},
    num::NonZeroU32,
};

/// Returns the t with `P(|T| <= t) = 0.95`, the factor of a two-sided 95 % confidence interval.
///
/// ```
/// use std::num::NonZeroU32;
/// use lookahead_lab::metrics::critical_value_95;
///
/// let t = critical_value_95(NonZeroU32::new(2).unwrap());
/// assert!((t - 4.302_652_729_9).abs() < 1e-9);
/// ```
pub fn critical_value_95(degrees_of_freedom: NonZeroU32) -> f64 {
    // P(|T| <= t) grows with theta = atan(t / sqrt(nu)), so bisection over (0, pi/2) finds it.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if central_probability(middle, degrees_of_freedom) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::from(degrees_of_freedom.get()).sqrt() * (0.5 * (low + high)).tan()
}

/// Returns `P(|T| <= sqrt(nu) tan(theta))` for `nu` degrees of freedom.
fn central_probability(theta: f64, degrees_of_freedom: NonZeroU32) -> f64 {
    let nu = degrees_of_freedom.get();
    let (sin, cos) = theta.sin_cos();
    let odd = nu % 2 == 1;
    // odd nu:  term_0 = cos, factors 2/3, 4/5, ... up to cos^{nu-2}
    // even nu: term_0 = 1,   factors 1/2, 3/4, ... up to cos^{nu-2}
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = 0.0;
    for power in (u32::from(odd)..nu.saturating_sub(1)).step_by(2) {
        sum += term;
        term *= cos * cos * f64::from(power + 1) / f64::from(power + 2);
    }
    // odd nu: 2/pi (theta + sin sum); even nu: sin sum
    if odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_published_tables() {
        let table = [(1, 12.706_204_736), (2, 4.302_652_730), (3, 3.182_446_305), (4, 2.776_445_105)];
        let longer = [(5, 2.570_581_836), (9, 2.262_157_163), (30, 2.042_272_456), (1000, 1.962_339_081)];
        for (nu, expected) in table.into_iter().chain(longer) {
            let t = critical_value_95(NonZeroU32::new(nu).unwrap());
            assert!((t - expected).abs() < 1e-8, "nu = {nu}: {t} instead of {expected}");
        }
    }
}
