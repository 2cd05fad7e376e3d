//! Over- and under-damped: how classical momentum approaches the optimum (Sec. 3.2).

use serde::{Deserialize, Serialize};

use crate::{ConditionNumber, Error, Momentum};

/// How heavy-ball momentum moves in one direction, by the eigenvalues of its step. With x = lr a:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// `x <= (1 - sqrt beta)^2`: two positive eigenvalues, a slow monotone approach. The momentum is too low.
    OverDamped,
    /// `(1 - sqrt beta)^2 < x < (1 + sqrt beta)^2`: a complex pair of size `sqrt beta`, oscillations.
    UnderDamped,
    /// `x >= (1 + sqrt beta)^2`: two negative eigenvalues, a change of sign at each step. The rate is too high.
    Alternating,
}

impl Regime {
    /// The regime in a direction of curvature `curvature`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / curvature`.
    ///
    /// ```
    /// use lookahead_theory::{Momentum, Regime};
    /// let momentum = Momentum::new(0.81)?;
    /// assert_eq!(Regime::of(0.005, 1.0, momentum)?, Regime::OverDamped);
    /// assert_eq!(Regime::of(0.02, 1.0, momentum)?, Regime::UnderDamped);
    /// assert_eq!(Regime::of(3.615, 1.0, momentum)?, Regime::Alternating);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn of(lr: f64, curvature: f64, momentum: Momentum) -> Result<Self, Error> {
        let x = momentum.check_lr(lr, curvature)? * curvature;
        let root = momentum.get().sqrt();
        Ok(if x <= (1.0 - root).powi(2) {
            Self::OverDamped
        } else if x < (1.0 + root).powi(2) {
            Self::UnderDamped
        } else {
            Self::Alternating
        })
    }

    /// The regime of a whole spectrum at momentum's best learning rate, which is that of its slowest direction:
    /// under-damped below [`critical_condition_number`], over-damped from there on.
    #[must_use]
    pub fn at_best(condition_number: ConditionNumber, momentum: Momentum) -> Self {
        if condition_number.get() < critical_condition_number(momentum) { Self::UnderDamped } else { Self::OverDamped }
    }
}

/// The condition number for which this momentum is the best: `((1 + sqrt beta) / (1 - sqrt beta))^2`.
///
/// Up to it one learning rate leaves every direction under-damped, with rate `1 - sqrt beta`; above it the flattest
/// direction is over-damped whatever the rate.
#[must_use]
pub fn critical_condition_number(momentum: Momentum) -> f64 {
    let (beta, root) = (momentum.get(), momentum.get().sqrt());
    // 1 - sqrt(beta) = (1 - beta) / (1 + sqrt(beta))
    ((1.0 + root).powi(2) / (1.0 - beta)).powi(2)
}
