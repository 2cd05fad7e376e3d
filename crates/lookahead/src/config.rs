//! Lookahead's hyperparameters.

use serde::{Deserialize, Serialize};

use crate::{Adaptive, Alpha, Error, InnerStatePolicy, Schedule, SlowStorage, StepSize, SyncPeriod};

/// Lookahead's hyperparameters: k = 5, alpha = 0.5 and "maintain" unless said otherwise (Sec. 5.2, 5.5).
///
/// ```
/// use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, SyncPeriod};
/// let config = LookaheadConfig::new()
///     .with_sync_period(SyncPeriod::new(10)?)
///     .with_alpha(Alpha::new(0.8)?)
///     .with_inner_state(InnerStatePolicy::Reset);
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookaheadConfig {
    /// k: the gradient steps from one sync to the next.
    pub sync_period: Schedule<SyncPeriod>,
    /// alpha: how far the slow weights go at a sync.
    pub step_size: StepSize,
    /// What becomes of the inner optimizer's memory at a sync.
    pub inner_state: InnerStatePolicy,
    /// How the slow weights are stored.
    #[serde(default)]
    pub slow_storage: SlowStorage,
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

    /// Chooses alpha at each sync by Prop. 1.
    #[must_use]
    pub fn with_adaptive_alpha(self, adaptive: Adaptive) -> Self {
        Self { step_size: StepSize::Adaptive(adaptive), ..self }
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

    /// Checks that every k of this configuration is a multiple of every sync period inside it.
    ///
    /// # Errors
    /// [`Error::PeriodsDoNotNest`].
    pub fn nests_around(&self, inner_periods: &[SyncPeriod]) -> Result<(), Error> {
        for outer in self.sync_period.values().map(SyncPeriod::get) {
            for inner in inner_periods.iter().map(|period| period.get()) {
                if outer % inner != 0 {
                    return Err(Error::PeriodsDoNotNest { outer, inner });
                }
            }
        }
        Ok(())
    }
}
