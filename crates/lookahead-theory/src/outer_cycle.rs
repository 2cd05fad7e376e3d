//! One cycle of Lookahead's descendants: k inner steps, and an outer step with a learning rate and momentum of its own.

use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, OuterForm, OuterMomentum, OuterRate, OuterStep, SyncPeriod};
use serde::{Deserialize, Serialize};

use crate::hyperparameters::syncs_in;
use crate::{Cycle, Error};

/// One cycle with an outer step ([`lookahead::OuterStep`]), x being the slow weights and y the fast ones:
///
/// ```text
/// delta = x - y,  b <- mu b + delta,  x <- x - eta d,  y <- x
/// d = delta + mu b for Nesterov, b for the heavy ball
/// ```
///
/// With mu = 0 it is a [`Cycle`] with alpha = eta. The buffer b begins at 0 and is measured in ways delta.
///
/// ```
/// use lookahead::{OuterForm, SyncPeriod};
/// use lookahead_theory::{Cycle, OuterCycle};
/// let slowmo = OuterCycle { form: OuterForm::HeavyBall, ..OuterCycle::new(48, 1.0, 0.5)? };
/// assert_eq!(OuterCycle::from(Cycle::new(5, 0.5)?), OuterCycle::new(5, 0.5, 0.0)?);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OuterCycle {
    /// k: the inner steps from one sync to the next.
    pub sync_period: SyncPeriod,
    /// eta.
    pub rate: OuterRate,
    /// mu.
    pub momentum: OuterMomentum,
    /// Which d.
    pub form: OuterForm,
    /// What becomes of the inner velocity at a sync; "interpolate" moves it by eta, by 1 where eta is above it.
    pub inner_state: InnerStatePolicy,
}

impl OuterCycle {
    /// k, eta and mu, checked; Nesterov and "maintain".
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] if k is 0, eta not above 0 and finite, or mu outside [0, 1).
    pub fn new(sync_period: u32, rate: f64, momentum: f64) -> Result<Self, Error> {
        Ok(Self {
            sync_period: SyncPeriod::new(sync_period)?,
            rate: OuterRate::new(rate)?,
            momentum: OuterMomentum::new(momentum)?,
            form: OuterForm::Nesterov,
            inner_state: InnerStatePolicy::Maintain,
        })
    }

    /// k.
    #[must_use]
    pub fn steps(&self) -> u64 {
        u64::from(self.sync_period.get())
    }

    /// The syncs within a number of inner steps that ends with one.
    ///
    /// # Errors
    /// [`Error::StepsEndInsideCycle`] unless k divides `steps`.
    pub fn syncs_in(&self, steps: u64) -> Result<u64, Error> {
        syncs_in(steps, self.sync_period)
    }

    /// What an inner cycle that shrinks x to c x must keep `eta (1 - c)` below, for c < 1:
    /// `2 (1 + mu) / (1 + 2 mu)` for Nesterov, `2 (1 + mu)` for the heavy ball. No other condition is needed, also for
    /// c < 0; with c >= 1 no outer step converges.
    ///
    /// It holds where the inner optimizer forgets at a sync: plain SGD, c being `(1 - lr a)^k`, or momentum that is
    /// reset.
    ///
    /// ```
    /// use lookahead_theory::OuterCycle;
    /// let diloco = OuterCycle::new(500, 0.7, 0.9)?;
    /// assert!((diloco.limit() - 3.8 / 2.8).abs() < 1e-15);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    #[must_use]
    pub fn limit(&self) -> f64 {
        let [sum, twice] = self.shares_of_limit();
        2.0 * sum / twice
    }

    /// The very optimizer's configuration: that of `lookahead::Lookahead`.
    #[must_use]
    pub fn config(&self) -> LookaheadConfig {
        let step = match self.form {
            OuterForm::Nesterov => OuterStep::nesterov(self.rate, self.momentum),
            OuterForm::HeavyBall => OuterStep::heavy_ball(self.rate, self.momentum),
        };
        LookaheadConfig::new()
            .with_sync_period(self.sync_period)
            .with_outer_step(step)
            .with_inner_state(self.inner_state)
    }

    /// The paper's cycle that it is without outer momentum, where eta is an alpha.
    pub(crate) fn lookahead(&self) -> Option<Cycle> {
        let Self { sync_period, inner_state, .. } = *self;
        let alpha = Alpha::new(self.rate.get()).ok().filter(|_| self.momentum == OuterMomentum::ZERO)?;
        Some(Cycle { sync_period, alpha, inner_state })
    }

    /// p and q in `d = p delta + q b` with the b before the step.
    pub(crate) fn shares(&self) -> [f64; 2] {
        let mu = self.momentum.get();
        match self.form {
            // delta + mu (mu b + delta)
            OuterForm::Nesterov => [1.0 + mu, mu * mu],
            OuterForm::HeavyBall => [1.0, mu],
        }
    }

    /// `1 + mu`, and by what `eta (1 - c)` is multiplied where it must stay below twice that.
    pub(crate) fn shares_of_limit(&self) -> [f64; 2] {
        let mu = self.momentum.get();
        match self.form {
            OuterForm::Nesterov => [1.0 + mu, 1.0 + 2.0 * mu],
            OuterForm::HeavyBall => [1.0 + mu, 1.0],
        }
    }
}

impl From<Cycle> for OuterCycle {
    fn from(Cycle { sync_period, alpha, inner_state }: Cycle) -> Self {
        let (rate, momentum) = (OuterRate::from(alpha), OuterMomentum::ZERO);
        Self { sync_period, rate, momentum, form: OuterForm::Nesterov, inner_state }
    }
}
