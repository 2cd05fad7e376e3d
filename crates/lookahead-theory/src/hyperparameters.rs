//! What the analyses are asked about: a learning rate, a momentum, and one cycle of Lookahead (Algorithm 1).

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::{accept, to_ten_digits};
use crate::limits::check_curvature;

/// The momentum beta of heavy-ball SGD, in [0, 1). Zero, the default, is plain SGD.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Momentum(f64);

impl Momentum {
    /// Plain SGD.
    pub const NONE: Self = Self(0.0);

    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= value < 1`.
    ///
    /// ```
    /// use lookahead_theory::Momentum;
    /// assert_eq!(Momentum::new(0.9)?.get(), 0.9);
    /// assert!(Momentum::new(1.0).is_err());
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn new(value: f64) -> Result<Self, Error> {
        // Adding 0 makes a negative zero a plain one.
        accept("the momentum", value + 0.0, (0.0..1.0).contains(&value), "at least 0 and below 1").map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The learning rates that converge: below `2 (1 + beta) / L` (Sec. 3.1 for beta = 0).
    #[must_use]
    pub fn lr_limit(self, largest_eigenvalue: f64) -> f64 {
        2.0 * (1.0 + self.0) / largest_eigenvalue
    }

    /// `2 (1 + beta) - lr a`, which is above 0 for a learning rate that converges, to full relative accuracy.
    pub(crate) fn room(self, lr: f64, curvature: f64) -> f64 {
        let sum = 1.0 + self.0;
        let rounding = self.0 - (sum - 1.0);
        lr.mul_add(-curvature, 2.0 * sum) + 2.0 * rounding
    }

    /// Checks a learning rate against [`lr_limit`](Self::lr_limit).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`, and L is from 1e-100 to 1e100.
    ///
    /// ```
    /// use lookahead_theory::Momentum;
    /// let error = Momentum::new(0.5)?.check_lr(3.0, 1.0).unwrap_err().to_string();
    /// assert_eq!(error, "the learning rate is 3, but must be above 0 and below 2 (1 + beta) / L = 3");
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn check_lr(self, lr: f64, largest_eigenvalue: f64) -> Result<f64, Error> {
        check_curvature(largest_eigenvalue)?;
        let ok = lr > 0.0 && self.room(lr, largest_eigenvalue) > 0.0;
        let limit = if self.0 == 0.0 { "2 / L" } else { "2 (1 + beta) / L" };
        let accepted = || format!("above 0 and below {limit} = {}", to_ten_digits(self.lr_limit(largest_eigenvalue)));
        if ok { Ok(lr) } else { accept("the learning rate", lr, false, accepted()) }
    }
}

impl TryFrom<f64> for Momentum {
    type Error = Error;
    fn try_from(value: f64) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<Momentum> for f64 {
    fn from(momentum: Momentum) -> Self {
        momentum.0
    }
}

/// One cycle of Lookahead: k inner steps and a sync. Default k = 5, alpha = 0.5, maintain.
///
/// ```
/// use lookahead::{Alpha, SyncPeriod};
/// use lookahead_theory::Cycle;
/// let cycle = Cycle { sync_period: SyncPeriod::new(20)?, alpha: Alpha::new(0.5)?, ..Cycle::default() };
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// k: the inner steps from one sync to the next.
    pub sync_period: SyncPeriod,
    /// alpha: how far the slow weights go at a sync.
    pub alpha: Alpha,
    /// What becomes of the velocity at a sync.
    pub inner_state: InnerStatePolicy,
}

impl Cycle {
    /// k and alpha, checked, and "maintain".
    ///
    /// # Errors
    /// [`Error::Hyperparameter`] if k is 0 or alpha is outside (0, 1].
    pub fn new(sync_period: u32, alpha: f64) -> Result<Self, Error> {
        let (sync_period, alpha) = (SyncPeriod::new(sync_period)?, Alpha::new(alpha)?);
        Ok(Self { sync_period, alpha, inner_state: InnerStatePolicy::Maintain })
    }

    /// The inner optimizer alone: a sync after each step, that goes the whole way (k = 1, alpha = 1, maintain).
    ///
    /// ```
    /// use lookahead_theory::Cycle;
    /// assert_eq!(Cycle::inner_alone(), Cycle::new(1, 1.0)?);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    #[must_use]
    pub fn inner_alone() -> Self {
        // 1 is at least 1, so this default is never taken; with alpha = 1 any k would do.
        let every_step = SyncPeriod::new(1).unwrap_or_default();
        Self { sync_period: every_step, alpha: Alpha::ONE, inner_state: InnerStatePolicy::Maintain }
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
}

/// The syncs within a number of inner steps that ends with one.
pub(crate) fn syncs_in(steps: u64, sync_period: SyncPeriod) -> Result<u64, Error> {
    let k = u64::from(sync_period.get());
    let ends_with_one = steps.is_multiple_of(k);
    ends_with_one.then(|| steps / k).ok_or(Error::StepsEndInsideCycle { steps, sync_period: sync_period.get() })
}
