//! Lookahead's hyperparameters.

#[cfg(feature = "serde")]
mod written;

use crate::nesting;
use crate::{
    Adaptive, Alpha, CurvaturePower, Describe, Description, Error, InnerStatePolicy, OuterStep, Schedule, SlowStorage,
    StepSize, SyncPeriod,
};

/// Lookahead's hyperparameters: k = 5, alpha = 0.5 and "maintain" unless said otherwise (Sec. 5.2, 5.5).
///
/// ```
/// use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, SyncPeriod};
/// let config = LookaheadConfig::new()
///     .with_sync_period(SyncPeriod::new(10)?)
///     .with_alpha(Alpha::new(0.8)?)
///     .with_inner_state(InnerStatePolicy::Reset);
/// assert_eq!(config.sync_period().at(0).get(), 10);
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// With the feature `serde` it is written and read in any self-describing format, such as JSON or TOML, key by key:
///
/// ```text
/// sync_period = 5                                      # or { first = 5, changes = [[100, 10]] }: 10 from outer step 100 on
/// alpha = 0.5                                          # or a schedule, too
/// adaptive = { low = 0.5, curvature = "second_moment" }    # in place of alpha; or "root"
/// outer = { rate = 0.7, momentum = 0.9 }               # in place of alpha; or schedules, too
///     # form = "nesterov" (or "heavy_ball"), buffer = "delta" (or "delta_over_learning_rate", "outer_step"),
///     # restart_every = a number of outer steps (else never)
/// inner_state = "maintain"                             # or "interpolate", "reset"
/// slow_weights = "full"                                # or "bf16", or { bf16 = { seed = 3 } }
/// ```
///
/// A key that is left out has its default. What a constructor would refuse, reading refuses in the same words, and so keys
/// that are not known.
#[derive(Debug, Clone, PartialEq)]
pub struct LookaheadConfig {
    sync_period: Schedule<SyncPeriod>,
    step_size: StepSize,
    inner_state: InnerStatePolicy,
    slow_storage: SlowStorage,
}

impl Default for LookaheadConfig {
    fn default() -> Self {
        Self {
            sync_period: SyncPeriod::default().into(),
            step_size: StepSize::default(),
            inner_state: InnerStatePolicy::default(),
            slow_storage: SlowStorage::default(),
        }
    }
}

/// The outermost layer alone: what is inside is not known here.
impl Describe for LookaheadConfig {
    fn describe(&self) -> Description {
        let lookahead = Description::of("Lookahead").with("sync_period", &self.sync_period);
        let lookahead = match &self.step_size {
            StepSize::Fixed(alpha) => lookahead.with("alpha", alpha),
            StepSize::Adaptive(adaptive) => {
                let curvature = match adaptive.curvature() {
                    CurvaturePower::SecondMoment => "second_moment",
                    CurvaturePower::Root => "root",
                };
                lookahead.with("alpha", "adaptive").with("alpha_low", adaptive.low()).with("curvature", curvature)
            }
            StepSize::Outer(step) => step.describe_in(lookahead),
        };
        let lookahead = lookahead.with(
            "inner_state",
            match self.inner_state {
                InnerStatePolicy::Maintain => "maintain",
                InnerStatePolicy::Interpolate => "interpolate",
                InnerStatePolicy::Reset => "reset",
            },
        );
        match self.slow_storage {
            SlowStorage::Full => lookahead.with_form("slow_storage", "full"),
            SlowStorage::Bf16 { seed } => lookahead.with_form("slow_storage", "bf16").with_form("seed", seed),
        }
    }
}

impl LookaheadConfig {
    /// k = 5, alpha = 0.5, maintain, slow weights as precise as the fast ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets k, or its schedule over the outer steps.
    #[must_use]
    pub fn with_sync_period(self, period: impl Into<Schedule<SyncPeriod>>) -> Self {
        Self { sync_period: period.into(), ..self }
    }

    /// Sets a fixed alpha, or its schedule over the outer steps.
    #[must_use]
    pub fn with_alpha(self, alpha: impl Into<Schedule<Alpha>>) -> Self {
        Self { step_size: StepSize::Fixed(alpha.into()), ..self }
    }

    /// Chooses alpha at each sync by Prop. 1. It needs slow weights in full precision.
    #[must_use]
    pub fn with_adaptive_alpha(self, adaptive: Adaptive) -> Self {
        Self { step_size: StepSize::Adaptive(adaptive), ..self }
    }

    /// Takes a step with an outer learning rate and momentum at each sync, as Lookahead's descendants do (see
    /// [`family`](crate::family)). It needs slow weights in full precision.
    ///
    /// Without momentum, and with a rate of at most 1, it is an alpha, and kept as that.
    #[must_use]
    pub fn with_outer_step(self, step: OuterStep) -> Self {
        let step_size = step.as_alpha().map_or(StepSize::Outer(step), StepSize::Fixed);
        Self { step_size, ..self }
    }

    /// Sets the policy for the inner state.
    #[must_use]
    pub fn with_inner_state(self, policy: InnerStatePolicy) -> Self {
        Self { inner_state: policy, ..self }
    }

    /// Sets how the slow weights are stored.
    #[must_use]
    pub fn with_slow_storage(self, storage: SlowStorage) -> Self {
        Self { slow_storage: storage, ..self }
    }

    /// k: the gradient steps from one sync to the next.
    #[must_use]
    pub fn sync_period(&self) -> &Schedule<SyncPeriod> {
        &self.sync_period
    }

    /// alpha: how far the slow weights go at a sync.
    #[must_use]
    pub fn step_size(&self) -> &StepSize {
        &self.step_size
    }

    /// The outer step, where it has momentum.
    #[must_use]
    pub fn outer_step(&self) -> Option<&OuterStep> {
        match &self.step_size {
            StepSize::Outer(step) => Some(step),
            StepSize::Fixed(_) | StepSize::Adaptive(_) => None,
        }
    }

    /// What becomes of the inner optimizer's memory at a sync.
    #[must_use]
    pub fn inner_state(&self) -> InnerStatePolicy {
        self.inner_state
    }

    /// How the slow weights are stored.
    #[must_use]
    pub fn slow_storage(&self) -> SlowStorage {
        self.slow_storage
    }

    /// The defaults around Lookaheads with these schedules of k (see [`Cadence`](crate::Cadence)): k is five of their
    /// cycles, whatever the schedule.
    #[must_use]
    pub fn around(inner: &[Schedule<SyncPeriod>]) -> Self {
        Self::new().with_sync_period(nesting::five_cycles(inner))
    }

    /// Checks that every sync falls on the end of a cycle of each of these schedules inside, for all time. Under "reset"
    /// they begin anew at each sync.
    ///
    /// ```
    /// use lookahead::{LookaheadConfig, Schedule, SyncPeriod};
    /// let (two, three) = (SyncPeriod::new(2)?, SyncPeriod::new(3)?);
    /// let six = LookaheadConfig::new().with_sync_period(SyncPeriod::new(6)?);
    /// assert!(six.nests_around(&[Schedule::steps(two, [(3, three)])?]).is_ok());      // 2, 4, 6, 9, 12, …
    /// assert!(six.nests_around(&[Schedule::steps(two, [(2, three)])?]).is_err());     // 2, 4, 7, 10, …
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::PeriodsDoNotNest`] naming the first sync that does not.
    pub fn nests_around(&self, inner: &[Schedule<SyncPeriod>]) -> Result<(), Error> {
        let restarts = self.inner_state == InnerStatePolicy::Reset;
        inner.iter().try_for_each(|inner| nesting::nests(&self.sync_period, inner, restarts))
    }

    /// Checks that its parts go together.
    ///
    /// # Errors
    /// [`Error::AdaptiveOverRounded`] for an adaptive alpha with bf16 slow weights, [`Error::MomentumOverRounded`] for
    /// an outer momentum with them.
    pub fn check(&self) -> Result<(), Error> {
        match (&self.step_size, self.slow_storage) {
            (StepSize::Adaptive(_), SlowStorage::Bf16 { .. }) => Err(Error::AdaptiveOverRounded),
            (StepSize::Outer(_), SlowStorage::Bf16 { .. }) => Err(Error::MomentumOverRounded),
            _ => Ok(()),
        }
    }
}
