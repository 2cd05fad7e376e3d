//! The members of the family, and the numbers of their own that are tried.

use lookahead::{InnerStatePolicy, OuterForm};
use serde::Serialize;

use crate::{Average, Cycle, Momentum, OuterCycle};

/// A member of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// The inner optimizer.
    InnerAlone,
    /// Heavy-ball SGD with a momentum of its own.
    Momentum,
    /// The paper's.
    Lookahead,
    /// An outer step with Nesterov momentum: SNOO, DiLoCo, MuLoCo.
    Nesterov,
    /// An outer step with the heavy ball: SlowMo.
    HeavyBall,
    /// The mean of all weights.
    RunningMean,
    /// An exponential average.
    Exponential,
    /// Schedule-Free.
    ScheduleFree,
    /// GPA.
    Gpa,
}

/// All numbers but the learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Two loops; the inner optimizer alone is one with k = 1, eta = 1 and mu = 0.
    Loop {
        /// beta inside.
        momentum: Momentum,
        /// k, eta, mu.
        cycle: OuterCycle,
    },
    /// An average of plain SGD.
    Average(Average),
}

impl Setting {
    /// The learning rates that converge are below it; of loops with momentum not all that are.
    pub(crate) fn lr_limit(&self, largest_eigenvalue: f64) -> f64 {
        match self {
            Self::Loop { momentum, .. } => momentum.lr_limit(largest_eigenvalue),
            Self::Average(average) => average.lr_limit(largest_eigenvalue),
        }
    }

    pub(super) fn steps_one_by_one(&self) -> bool {
        matches!(self, Self::Average(average) if average.memory().is_none())
    }

    /// How many plain steps one of its own is worth, in the long run of small learning rates.
    pub(super) fn pace(&self) -> f64 {
        match self {
            Self::Loop { momentum, cycle } => {
                cycle.rate.get() / ((1.0 - momentum.get()) * (1.0 - cycle.momentum.get()))
            }
            Self::Average(_) => 1.0,
        }
    }
}

/// A member, and the settings of it that are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which.
    pub name: Name,
    /// At least one.
    pub settings: Vec<Setting>,
}

impl Member {
    /// All members, 20 settings each or a single one, the loops around SGD with this momentum; averages are of plain
    /// SGD.
    ///
    /// - Momentum: beta of 0 to 0.99.
    /// - Lookahead: k of 5, 10, 20, 50, alpha of 0.2 to 0.8. Outer steps: k of 1, 5, 10, 20, 50, mu of 0.3 to 0.9, and
    ///   eta = 0.7 for Nesterov (DiLoCo), 1 for the heavy ball (SlowMo). The inner state is maintained.
    /// - Exponential: a memory of 2 to 10,000 steps. Schedule-Free: beta of 0 to 0.99. GPA: mu_x of 0.5 to 0.9967, mu_y
    ///   of 0.3 to 1.
    #[must_use]
    pub fn all(momentum: Momentum) -> Vec<Self> {
        let inner = |cycle: Option<OuterCycle>| cycle.map(|cycle| Setting::Loop { momentum, cycle });
        let alone = OuterCycle::from(Cycle::inner_alone());
        let outer =
            |k, eta, mu, form| inner(OuterCycle::new(k, eta, mu).ok().map(|cycle| OuterCycle { form, ..cycle }));
        let average = |average: Result<Average, crate::Error>| average.ok().map(Setting::Average);
        let member = |name, settings: Vec<Option<Setting>>| {
            // Numbers in their ranges: nothing is dropped.
            Self { name, settings: settings.into_iter().flatten().collect() }
        };
        let up_to_099 = || (0..20).map(|i| 1.0 - 0.01_f64.powf(f64::from(i) / 19.0));
        let (outer_k, outer_mu) = ([1, 5, 10, 20, 50], [0.3, 0.6, 0.8, 0.9]);
        let momenta = up_to_099().map(|beta| {
            let momentum = Momentum::new(beta).ok()?;
            Some(Setting::Loop { momentum, cycle: alone })
        });
        vec![
            member(Name::InnerAlone, vec![inner(Some(alone))]),
            member(Name::Momentum, momenta.collect()),
            member(
                Name::Lookahead,
                pairs([5, 10, 20, 50], [0.2, 0.35, 0.5, 0.65, 0.8])
                    .map(|(k, alpha)| inner(Cycle::new(k, alpha).ok().map(OuterCycle::from)))
                    .collect(),
            ),
            member(
                Name::Nesterov,
                pairs(outer_k, outer_mu).map(|(k, mu)| outer(k, 0.7, mu, OuterForm::Nesterov)).collect(),
            ),
            member(
                Name::HeavyBall,
                pairs(outer_k, outer_mu).map(|(k, mu)| outer(k, 1.0, mu, OuterForm::HeavyBall)).collect(),
            ),
            member(Name::RunningMean, vec![Some(Setting::Average(Average::running()))]),
            member(
                Name::Exponential,
                (0..20)
                    .map(|i| average(Average::exponential(1.0 - 0.5 * 2e-4_f64.powf(f64::from(i) / 19.0))))
                    .collect(),
            ),
            member(Name::ScheduleFree, up_to_099().map(|beta| average(Average::schedule_free(beta))).collect()),
            member(
                Name::Gpa,
                pairs([0.5, 0.9, 0.97, 0.99, 0.9967], [0.3, 0.7, 0.9, 1.0])
                    .map(|(mu_x, mu_y)| average(Average::gpa(mu_x, mu_y)))
                    .collect(),
            ),
        ]
    }

    /// The same with another policy for the velocity in its outer steps. The inner optimizer alone has none.
    #[must_use]
    pub fn with_inner_state(mut self, policy: InnerStatePolicy) -> Self {
        let is_alone = matches!(self.name, Name::InnerAlone | Name::Momentum);
        for setting in self.settings.iter_mut().filter(|_| !is_alone) {
            if let Setting::Loop { cycle, .. } = setting {
                cycle.inner_state = policy;
            }
        }
        self
    }
}

fn pairs<A: Copy, B: Copy, const N: usize, const M: usize>(
    first: [A; N],
    second: [B; M],
) -> impl Iterator<Item = (A, B)> {
    first.into_iter().flat_map(move |a| second.into_iter().map(move |b| (a, b)))
}
