//! Statistics over seeds: mean, sample standard deviation, paired differences with a 95 % confidence interval, and tests.
//!
//! The paper reports its tables as mean and deviation over seeds (Tables 1, 2, 5, 6). A seed gives every optimizer the
//! same initial weights and data order, so that two optimizers are compared seed by seed.

mod holm;
mod power;
mod student_t;

pub use holm::{Tested, holm};
pub use power::{MOST_SEEDS, POWER, power, seeds_to_decide};
pub use student_t::StudentT;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Mean and sample standard deviation of the finite values of one quantity over seeds.
///
/// ```
/// use lookahead_runs::statistics::Spread;
///
/// let spread = Spread::of(&[1.0, 2.0, 3.0]).unwrap();
/// assert_eq!((spread.n, spread.mean, spread.std), (3, 2.0, Some(1.0)));
/// assert_eq!(Spread::of(&[4.0]).unwrap().std, None);
/// assert_eq!(Spread::of(&[]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many finite values there were, at least 1.
    pub n: u32,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Their sample standard deviation (divisor n - 1); `None` for a single value, or if it overflows.
    pub std: Option<f64>,
}

impl Spread {
    /// Summarises the finite values among `values`; `None` when there is none, or their mean overflows.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut mean = 0.0;
        let mut squares = 0.0;
        let mut n = 0_u32;
        // Welford: m_n = m_{n-1} + (x - m_{n-1}) / n, S_n = S_{n-1} + (x - m_{n-1}) (x - m_n)
        for &value in values.iter().filter(|value| value.is_finite()) {
            n += 1;
            let before = value - mean;
            mean += before / f64::from(n);
            squares += before * (value - mean);
        }
        // s^2 = S_n / (n - 1); values near the largest float overflow here
        let std = (n > 1).then(|| (squares / f64::from(n - 1)).sqrt()).filter(|std| std.is_finite());
        (n > 0 && mean.is_finite()).then_some(Self { n, mean, std })
    }
}

/// The difference of two optimizers over the seeds that both have, `treated - control`.
///
/// ```
/// use lookahead_runs::statistics::PairedDifference;
///
/// let pairs = [(Some(0.92), Some(0.90)), (Some(0.93), Some(0.92)), (Some(0.91), None)];
/// let difference = PairedDifference::of(&pairs).unwrap();
/// assert_eq!(difference.n, 2);
/// assert!((difference.mean - 0.015).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// How many pairs were complete and finite, at least 1.
    pub n: u32,
    /// Mean of the differences.
    pub mean: f64,
    /// Sample standard deviation of the differences; `None` for a single pair.
    pub std: Option<f64>,
    /// Lower and upper end of the 95 % confidence interval of the mean; `None` for a single pair.
    pub ci95: Option<[f64; 2]>,
}

impl PairedDifference {
    /// Compares `(treated, control)` pairs, one per seed; a pair that lacks a finite value on either side is left out.
    ///
    /// Returns `None` when no pair is complete.
    pub fn of(pairs: &[(Option<f64>, Option<f64>)]) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().filter_map(|&(treated, control)| Some(treated? - control?)).collect();
        let Spread { n, mean, std } = Spread::of(&differences)?;
        let without_interval = Self { n, mean, std, ci95: None };
        Some(Self { ci95: without_interval.interval(0.05), ..without_interval })
    }

    /// The confidence interval of the mean that misses it with probability `alpha` (Student's t); `None` for a single pair.
    pub fn interval(&self, alpha: f64) -> Option<[f64; 2]> {
        let (t, error) = self.student()?;
        // mean +- t_{1 - alpha/2, n-1} s / sqrt(n)
        let half_width = t.critical_value(alpha) * error;
        Some([self.mean - half_width, self.mean + half_width])
    }

    /// The two-sided p-value of the paired t-test against a mean that lies `distance` away from ours: the largest alpha at
    /// which the [interval](Self::interval) does not reach so far. `None` for a single pair.
    pub fn p_value(&self, distance: f64) -> Option<f64> {
        let (t, error) = self.student()?;
        Some(t.outside(distance / error))
    }

    /// Its t distribution, and the standard error s / sqrt(n).
    fn student(&self) -> Option<(StudentT, f64)> {
        let degrees_of_freedom = NonZeroU32::new(self.n.checked_sub(1)?)?;
        Some((StudentT::new(degrees_of_freedom), self.std? / f64::from(self.n).sqrt()))
    }

    /// Whether the seeds do not differ but by rounding, so that their deviation says nothing.
    pub fn is_constant(&self) -> bool {
        self.std.is_some_and(|std| std <= 1e-12 * self.mean.abs().max(1.0))
    }
}
