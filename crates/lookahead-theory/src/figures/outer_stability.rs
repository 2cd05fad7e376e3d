//! Which eta and mu of an outer step converge around heavy-ball SGD (not in the paper), for several k and for a velocity
//! that is maintained or reset.

use lookahead::{Alpha, InnerStatePolicy, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::family::steps_in_use;
use crate::{
    ConditionNumber, Cycle, Eigenvalues, Error, Momentum, OuterCycle, Spectrum, largest_stable_rate,
    outer_convergence_rate,
};

/// The most matrices: some ten seconds.
const MOST_WORK: u64 = 4_000_000;

/// What the figure shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OuterStability {
    /// The eigenvalues: each must be stable. Default log with 100 of them and condition number 1000.
    pub spectrum: Spectrum,
    /// The inner learning rate. Default 1.
    pub learning_rate: f64,
    /// The inner beta. Default 0.9.
    pub momentum: Momentum,
    /// What becomes of the velocity at a sync, a map for each. Default maintain and reset.
    pub inner_states: Vec<InnerStatePolicy>,
    /// The k. Default 1, 2, 5, 10, 30.
    pub sync_periods: Vec<SyncPeriod>,
    /// The eta, rows of the maps. Default 0.25, 0.5, 0.68, 0.7, 1, 1.25, 1.5: those of the outer steps in use are
    /// among them.
    pub rates: Vec<OuterRate>,
    /// The mu, columns of the maps. Default 0, 0.2, 0.37, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95.
    pub outer_momenta: Vec<OuterMomentum>,
    /// How many mu the border is computed at, evenly from 0 to the largest of the maps. Default 60.
    pub border_points: u32,
}

impl Default for OuterStability {
    fn default() -> Self {
        // Numbers in their ranges: nothing is dropped.
        Self {
            spectrum: Spectrum::Log { dim: 100, condition_number: ConditionNumber::THOUSAND },
            learning_rate: 1.0,
            momentum: Momentum::new(0.9).unwrap_or_default(),
            inner_states: vec![InnerStatePolicy::Maintain, InnerStatePolicy::Reset],
            sync_periods: [1, 2, 5, 10, 30].into_iter().flat_map(SyncPeriod::new).collect(),
            rates: [0.25, 0.5, 0.68, 0.7, 1.0, 1.25, 1.5].into_iter().flat_map(OuterRate::new).collect(),
            outer_momenta: [0.0, 0.2, 0.37, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
                .into_iter()
                .flat_map(OuterMomentum::new)
                .collect(),
            border_points: 60,
        }
    }
}

/// One form, one policy, one k.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StabilityMap {
    /// Nesterov or the heavy ball.
    pub form: OuterForm,
    /// What becomes of the velocity.
    pub inner_state: InnerStatePolicy,
    /// k.
    pub sync_period: SyncPeriod,
    /// mu and the [`largest_stable_rate`] with it, infinite where none is too large.
    pub border: Vec<[f64; 2]>,
    /// For each eta a row of convergence rates per inner step, one for each mu: negative where it diverges, none where
    /// doubles do not hold it.
    pub rates: Vec<Vec<Option<f64>>>,
}

/// An outer step in use, around this inner optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InUse {
    /// Whose it is.
    pub source: &'static str,
    /// Nesterov or the heavy ball.
    pub form: OuterForm,
    /// eta.
    pub rate: f64,
    /// mu.
    pub momentum: f64,
    /// What becomes of the velocity.
    pub inner_state: InnerStatePolicy,
    /// k.
    pub sync_period: SyncPeriod,
    /// The largest eta below which this mu is stable.
    pub largest_stable: f64,
    /// Whether every direction is stable.
    pub is_stable: bool,
}

/// The maps, and the outer steps in use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OuterStabilityData {
    /// Nesterov first; for each form policy by policy, k by k.
    pub maps: Vec<StabilityMap>,
    /// Lookahead, SNOO, MuLoCo, DiLoCo and SlowMo, for each policy and k.
    pub in_use: Vec<InUse>,
}

impl OuterStability {
    /// Computes the figure, on all cores.
    ///
    /// # Errors
    /// [`Error::Empty`] if a list is empty; [`Error::OutOfRange`] unless `0 < learning_rate < 2 (1 + beta) / L`;
    /// [`Error::TooMuchWork`] for more than seconds of it.
    ///
    /// ```
    /// use lookahead_theory::Spectrum;
    /// use lookahead_theory::figures::OuterStability;
    /// let spectrum = Spectrum::Harmonic { dim: 30 };
    /// let data = OuterStability { spectrum, ..OuterStability::default() }.compute()?;
    /// let diloco = |k| data.in_use.iter().find(|of| of.source == "DiLoCo" && of.sync_period.get() == k);
    /// assert!(diloco(5).is_some_and(|of| !of.is_stable) && diloco(30).is_some_and(|of| of.is_stable));
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn compute(&self) -> Result<OuterStabilityData, Error> {
        let eigenvalues = self.check()?;
        let with = |form| {
            let with = move |&inner_state: &InnerStatePolicy| (form, inner_state);
            self.inner_states.iter().map(with)
        };
        let each = [OuterForm::Nesterov, OuterForm::HeavyBall].into_iter().flat_map(with);
        let each = each.flat_map(|(form, state)| self.sync_periods.iter().map(move |&k| (form, state, k)));
        let maps = each.map(|(form, state, k)| self.map(&eigenvalues, form, state, k));
        let maps = maps.collect::<Result<Vec<StabilityMap>, Error>>()?;
        let mut in_use = Vec::new();
        for (source, form, rate, outer_momentum) in with_lookahead() {
            for &inner_state in &self.inner_states {
                for &sync_period in &self.sync_periods {
                    let cycle = OuterCycle { sync_period, rate, momentum: outer_momentum, form, inner_state };
                    let found = outer_convergence_rate(&eigenvalues, self.learning_rate, self.momentum, &cycle);
                    let largest_stable = largest_stable_rate(&eigenvalues, self.learning_rate, self.momentum, &cycle)?;
                    let is_stable = found.is_ok_and(|rate| rate > 0.0);
                    let (rate, momentum) = (rate.get(), outer_momentum.get());
                    in_use.push(InUse {
                        source,
                        form,
                        rate,
                        momentum,
                        inner_state,
                        sync_period,
                        largest_stable,
                        is_stable,
                    });
                }
            }
        }
        Ok(OuterStabilityData { maps, in_use })
    }

    fn check(&self) -> Result<Eigenvalues, Error> {
        let lengths = [
            ("policy", self.inner_states.len()),
            ("k", self.sync_periods.len()),
            ("eta", self.rates.len()),
            ("mu", self.outer_momenta.len()),
            ("point of the border", self.border_points as usize),
        ];
        if let Some(&(name, _)) = lengths.iter().find(|(_, length)| *length == 0) {
            return Err(Error::Empty { name });
        }
        let [states, periods, rates, momenta, border] = lengths.map(|(_, length)| length as u64);
        let each = rates.saturating_mul(momenta).saturating_add(border).saturating_mul(2);
        let size = [periods, each, self.spectrum.dim() as u64].into_iter().fold(states, u64::saturating_mul);
        if size > MOST_WORK {
            let what = "the number of matrices";
            return Err(Error::TooMuchWork { what, size, most: MOST_WORK, less: "take fewer of any" });
        }
        let eigenvalues = self.spectrum.eigenvalues()?;
        self.momentum.check_lr(self.learning_rate, eigenvalues.largest())?;
        Ok(eigenvalues)
    }

    fn map(
        &self,
        eigenvalues: &Eigenvalues,
        form: OuterForm,
        inner_state: InnerStatePolicy,
        sync_period: SyncPeriod,
    ) -> Result<StabilityMap, Error> {
        let cycle =
            |rate: OuterRate, momentum: OuterMomentum| OuterCycle { sync_period, rate, momentum, form, inner_state };
        let last = self.outer_momenta.iter().map(|mu| mu.get()).fold(0.0, f64::max);
        let border = |i: u32| {
            let mu = last * (f64::from(i) / f64::from((self.border_points - 1).max(1)));
            let cycle = cycle(Alpha::ONE.into(), OuterMomentum::new(mu)?);
            Ok([mu, largest_stable_rate(eigenvalues, self.learning_rate, self.momentum, &cycle)?])
        };
        let rate =
            |eta, mu| outer_convergence_rate(eigenvalues, self.learning_rate, self.momentum, &cycle(eta, mu)).ok();
        let row = |&eta: &OuterRate| self.outer_momenta.iter().map(|&mu| rate(eta, mu)).collect();
        Ok(StabilityMap {
            form,
            inner_state,
            sync_period,
            border: (0..self.border_points).into_par_iter().map(border).collect::<Result<Vec<_>, Error>>()?,
            rates: self.rates.par_iter().map(row).collect(),
        })
    }
}

/// The paper's alpha = 0.5 without momentum, and the others.
fn with_lookahead() -> Vec<(&'static str, OuterForm, OuterRate, OuterMomentum)> {
    let OuterCycle { rate, momentum, form, .. } = Cycle::default().into();
    [("Lookahead", form, rate, momentum)].into_iter().chain(steps_in_use()).collect()
}
