//! Student's t distribution with whole degrees of freedom, exactly: what an interval or a test over few seeds needs.
//!
//! The distribution function is the trigonometric sum of Abramowitz and Stegun, 26.7.3 and 26.7.4.

use std::{
    f64::consts::{FRAC_2_PI, FRAC_PI_2},
    num::NonZeroU32,
};

/// Student's t distribution with so many degrees of freedom. A question takes time in proportion to them.
///
/// ```
/// use std::num::NonZeroU32;
/// use lookahead_runs::statistics::StudentT;
///
/// let t = StudentT::new(NonZeroU32::new(2).unwrap());
/// assert!((t.outside(4.302_652_729_9) - 0.05).abs() < 1e-10);
/// assert!((t.critical_value(0.05) - 4.302_652_729_9).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StudentT {
    degrees_of_freedom: u32,
}

impl StudentT {
    /// The distribution with so many degrees of freedom: one less than the number of values.
    #[must_use]
    pub const fn new(degrees_of_freedom: NonZeroU32) -> Self {
        Self { degrees_of_freedom: degrees_of_freedom.get() }
    }

    /// `P(|T| > |t|)`, the two-sided p-value of a statistic, with a small relative error for small values too; NaN for
    /// NaN.
    #[must_use]
    pub fn outside(self, t: f64) -> f64 {
        if t.is_nan() { t } else { self.outside_angle((t.abs() / self.root()).atan()) }
    }

    /// The t with `P(|T| > t) = alpha`: the factor of a two-sided interval that misses with probability `alpha`, which is
    /// clamped to `1e-300..=1`.
    #[must_use]
    pub fn critical_value(self, alpha: f64) -> f64 {
        let alpha = alpha.clamp(1e-300, 1.0);
        // P(|T| > t) falls as theta = atan(t / sqrt(nu)) grows, so bisection over (0, pi/2) finds it.
        let (mut low, mut high) = (0.0, FRAC_PI_2);
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if self.outside_angle(middle) > alpha {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.root() * (0.5 * (low + high)).tan()
    }

    fn root(self) -> f64 {
        f64::from(self.degrees_of_freedom).sqrt()
    }

    /// `P(|T| > sqrt(nu) tan(theta))`, for theta in [0, pi/2].
    fn outside_angle(self, theta: f64) -> f64 {
        let nu = self.degrees_of_freedom;
        let (sin, cos) = theta.sin_cos();
        let is_odd = nu % 2 == 1;
        // odd nu:  term_0 = cos, factors 2/3, 4/5, ... up to cos^{nu-2}
        // even nu: term_0 = 1,   factors 1/2, 3/4, ... up to cos^{nu-2}
        let next = |term: f64, power: f64| term * cos * cos * (power + 1.0) / (power + 2.0);
        let mut term = if is_odd { cos } else { 1.0 };
        let mut sum = 0.0;
        let mut power = f64::from(u32::from(is_odd));
        while power + 1.0 < f64::from(nu) {
            sum += term;
            term = next(term, power);
            power += 2.0;
        }
        // odd nu: P(|T| <= t) = 2/pi (theta + sin sum); even nu: sin sum
        let inside = if is_odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum };
        if inside < 0.5 {
            return 1.0 - inside;
        }
        // Without an end the sums reach 1, so the terms that were left out are what is outside: nothing cancels.
        let mut rest = 0.0;
        while term > f64::EPSILON * 0.5 * rest * (1.0 - cos * cos) {
            rest += term;
            term = next(term, power);
            power += 2.0;
        }
        if is_odd { FRAC_2_PI * sin * rest } else { sin * rest }
    }
}
