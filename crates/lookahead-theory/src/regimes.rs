//! Over- and under-damped: how classical momentum approaches the optimum (Sec. 3.2).

use serde::{Deserialize, Serialize};

use crate::{ConditionNumber, Error, Momentum};

/// The border between two regimes is as wide as this part of it.
const ROUNDING: f64 = 1e-12;

/// How heavy-ball momentum moves in one direction, by the eigenvalues of its step. With x = lr a:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// `x < (1 - sqrt beta)^2`: two positive eigenvalues, a slow monotone approach. The momentum is too low.
    OverDamped,
    /// `x = (1 - sqrt beta)^2`, up to 1e-12 relative: one double eigenvalue `sqrt beta`, which no learning rate makes
    /// smaller. Without momentum it is 0: one step reaches the optimum.
    Critical,
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
    /// assert_eq!(Regime::of(0.01, 1.0, momentum)?, Regime::Critical);
    /// assert_eq!(Regime::of(0.02, 1.0, momentum)?, Regime::UnderDamped);
    /// assert_eq!(Regime::of(3.615, 1.0, momentum)?, Regime::Alternating);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    pub fn of(lr: f64, curvature: f64, momentum: Momentum) -> Result<Self, Error> {
        let x = momentum.check_lr(lr, curvature)? * curvature;
        let (beta, root) = (momentum.get(), momentum.get().sqrt());
        // 1 - sqrt(beta) = (1 - beta) / (1 + sqrt(beta))
        let critical = ((1.0 - beta) / (1.0 + root)).powi(2);
        Ok(if (x - critical).abs() <= ROUNDING * critical {
            Self::Critical
        } else if x < critical {
            Self::OverDamped
        } else if x < (1.0 + root).powi(2) {
            Self::UnderDamped
        } else {
            Self::Alternating
        })
    }

    /// The regime of a whole spectrum at momentum's best learning rate, which is that of its slowest direction:
    /// under-damped below [`critical_condition_number`], critical there up to 1e-12 relative, over-damped above.
    #[must_use]
    pub fn at_best(condition_number: ConditionNumber, momentum: Momentum) -> Self {
        let (kappa, critical) = (condition_number.get(), critical_condition_number(momentum));
        if (kappa - critical).abs() <= ROUNDING * critical {
            Self::Critical
        } else if kappa < critical {
            Self::UnderDamped
        } else {
            Self::OverDamped
        }
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
