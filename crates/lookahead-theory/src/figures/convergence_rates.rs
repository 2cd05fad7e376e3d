//! Fig. 4: the convergence rates of classical momentum and of Lookahead around it, each with its best learning rate,
//! over the condition number (Sec. 3.2).

use serde::{Deserialize, Serialize};

use super::{Better, Claim};
use crate::error::short;
use crate::limits::check_count;
use crate::optimal_rate::points;
use crate::{
    ConditionNumber, Cycle, Error, Momentum, Rate, Regime, Spectrum, critical_condition_number, optimal_rates,
};

/// The most rates of a single direction that are computed: about a minute on two cores.
const MOST_WORK: u64 = 1_000_000_000;

/// What the figure shows. The paper gives k = 20 and alpha = 0.5; the rest are our defaults, which it does not give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvergenceRates {
    /// The momentum, fixed over all condition numbers. Default 0.99 (not given).
    pub momentum: Momentum,
    /// k, alpha and what becomes of the velocity. Default 20, 0.5 and maintain, as App. B.1 prints it.
    pub cycle: Cycle,
    /// How the eigenvalues are placed on `[1/kappa, 1]`. Default log (not given).
    pub shape: SpectrumShape,
    /// How many eigenvalues. Default 64 (not given).
    pub dim: usize,
    /// The condition numbers. Default 10 a decade from 1 to 1e7 (not given).
    pub condition_numbers: Vec<ConditionNumber>,
}

/// A rule for eigenvalues that takes a condition number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpectrumShape {
    /// [`Spectrum::Log`].
    #[default]
    Log,
    /// [`Spectrum::Uniform`].
    Uniform,
    /// [`Spectrum::Chebyshev`].
    Chebyshev,
}

impl SpectrumShape {
    /// The spectrum of this shape.
    #[must_use]
    pub fn with(self, dim: usize, condition_number: ConditionNumber) -> Spectrum {
        match self {
            Self::Log => Spectrum::Log { dim, condition_number },
            Self::Uniform => Spectrum::Uniform { dim, condition_number },
            Self::Chebyshev => Spectrum::Chebyshev { dim, condition_number },
        }
    }
}

impl Default for ConvergenceRates {
    fn default() -> Self {
        // Numbers in their ranges: nothing is dropped.
        let tenths = (0..=70).map(|tenth| ConditionNumber::new(10_f64.powf(f64::from(tenth) / 10.0)));
        Self {
            momentum: Momentum::new(0.99).unwrap_or_default(),
            cycle: Cycle::new(20, 0.5).unwrap_or_default(),
            shape: SpectrumShape::Log,
            dim: 64,
            condition_numbers: tenths.flatten().collect(),
        }
    }
}

/// Both rates at one condition number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ConditionPoint {
    /// kappa, the horizontal axis.
    pub condition_number: ConditionNumber,
    /// How momentum alone moves at its best rate.
    pub regime: Regime,
    /// Classical momentum's best learning rate, and the convergence rate with it: the vertical axis.
    pub momentum: Rate,
    /// Lookahead's.
    pub lookahead: Rate,
}

/// The curves and the claims.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvergenceRatesData {
    /// A point for each condition number, in the order given.
    pub points: Vec<ConditionPoint>,
    /// Where the under-damped regime ends and the over-damped one begins.
    pub critical_condition_number: f64,
    /// "When the system is under-damped, Lookahead is able to significantly improve the convergence rate."
    pub faster_under_damped: Claim,
    /// "Lookahead has slightly worse convergence in the over-damped regime": slower; the ratios say how slightly.
    pub slower_over_damped: Claim,
}

impl ConvergenceRates {
    /// Computes the figure, on all cores.
    ///
    /// # Errors
    /// [`Error::Empty`] without a condition number; [`Error::OutOfRange`] if `dim` is 0, above
    /// [`MOST_EIGENVALUES`](crate::MOST_EIGENVALUES), or 1 with a condition number above 1; [`Error::TooMuchWork`] for more
    /// than a minute of it; [`Error::NotFinite`] if Lookahead's rate over momentum's is not.
    ///
    /// ```
    /// use lookahead_theory::ConditionNumber;
    /// use lookahead_theory::figures::ConvergenceRates;
    /// let condition_numbers = vec![ConditionNumber::new(10.0)?];
    /// let data = ConvergenceRates { dim: 8, condition_numbers, ..ConvergenceRates::default() }.compute()?;
    /// assert!(data.faster_under_damped.holds && !data.slower_over_damped.holds);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn compute(&self) -> Result<ConvergenceRatesData, Error> {
        if self.condition_numbers.is_empty() {
            return Err(Error::Empty { name: "condition number" });
        }
        check_count(self.dim)?;
        self.check_work()?;
        let mut of_each = Vec::with_capacity(self.condition_numbers.len());
        for &condition_number in &self.condition_numbers {
            let eigenvalues = self.shape.with(self.dim, condition_number).eigenvalues()?;
            let rates = optimal_rates(&eigenvalues, self.momentum, &self.cycle);
            let ratio = rates.lookahead.rate / rates.momentum.rate;
            if !ratio.is_finite() {
                let because = format!("the condition number is {}", short(condition_number.get()));
                return Err(Error::NotFinite { what: "the ratio of the convergence rates", because });
            }
            of_each.push(ConditionPoint {
                condition_number,
                regime: Regime::at_best(condition_number, self.momentum),
                momentum: rates.momentum,
                lookahead: rates.lookahead,
            });
        }
        let within = |regime: Regime| -> Vec<(f64, f64)> {
            let of_regime = of_each.iter().filter(|point| point.regime == regime);
            of_regime.map(|point| (point.lookahead.rate, point.momentum.rate)).collect()
        };
        let faster = "Where momentum is under-damped, Lookahead converges faster";
        let slower = "Where momentum is over-damped, Lookahead converges more slowly";
        Ok(ConvergenceRatesData {
            critical_condition_number: critical_condition_number(self.momentum),
            faster_under_damped: Claim::new(faster.to_owned(), Better::Higher, &within(Regime::UnderDamped)),
            slower_over_damped: Claim::new(slower.to_owned(), Better::Lower, &within(Regime::OverDamped)),
            points: of_each,
        })
    }

    /// Whether it takes a minute at most.
    ///
    /// # Errors
    /// [`Error::TooMuchWork`] for too many eigenvalues times condition numbers, for a k as large.
    pub fn check_work(&self) -> Result<(), Error> {
        let of = |cycle: &Cycle| points(self.momentum, cycle.sync_period);
        let each = of(&self.cycle) + of(&Cycle::inner_alone());
        let size = (self.dim as u64).saturating_mul(self.condition_numbers.len() as u64);
        let most = MOST_WORK / each;
        if size <= most {
            return Ok(());
        }
        let what = "the number of eigenvalues times condition numbers";
        Err(Error::TooMuchWork { what, size, most, less: "take fewer of either, or a smaller k" })
    }
}
