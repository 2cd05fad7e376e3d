//! Mean and variance after any number of steps, and where they come to rest: closed forms of Eq. 8 to 11 (Sec. 3.1,
//! App. A); for heavy-ball SGD the powers of its linear recursion.

use lookahead::InnerStatePolicy;
use serde::Serialize;

use crate::factor::Factor;
use crate::fixed_point::{sgd_variance, variance_ratio};
use crate::momentum_system::CycleSystem;
use crate::second_moments::NoisyMap;
use crate::{Cycle, Direction, Error, Moments, Momentum, NoisyQuadratic};

/// SGD with a constant learning rate, and Lookahead around it, on a noisy quadratic.
///
/// The slow weights are followed: they stand still between syncs. A velocity starts at 0.
///
/// ```
/// use lookahead_theory::{Cycle, Dynamics, Moments, Momentum, Noise, NoisyQuadratic, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 10 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let sgd = Dynamics::new(&problem, 0.5, Momentum::NONE, Cycle::inner_alone())?;
/// let lookahead = Dynamics::new(&problem, 0.5, Momentum::NONE, Cycle::new(5, 0.5)?)?;
/// assert!(lookahead.final_loss()? < sgd.final_loss()?);
/// assert!(lookahead.loss_after(Moments::at(1.0), 20)? < lookahead.loss_after(Moments::at(1.0), 10)?);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Dynamics<'p> {
    problem: &'p NoisyQuadratic,
    lr: f64,
    momentum: Momentum,
    cycle: Cycle,
}

impl<'p> Dynamics<'p> {
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`.
    pub fn new(problem: &'p NoisyQuadratic, lr: f64, momentum: Momentum, cycle: Cycle) -> Result<Self, Error> {
        let lr = momentum.check_lr(lr, problem.eigenvalues().largest())?;
        Ok(Self { problem, lr, momentum, cycle })
    }

    /// The slow weights' mean and variance in each direction after `steps` inner steps, in the order of the
    /// eigenvalues.
    ///
    /// # Errors
    /// [`Error::StepsEndInsideCycle`] unless k divides `steps`; [`Error::OutOfRange`] if `start` is not finite or has a
    /// negative variance.
    pub fn after(&self, start: Moments, steps: u64) -> Result<Vec<Moments>, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        Ok(self.problem.directions().iter().map(|&direction| self.direction_after(direction, start, syncs)).collect())
    }

    /// Eq. 5, the slow weights' expected loss after `steps` inner steps.
    ///
    /// # Errors
    /// As [`after`](Self::after).
    pub fn loss_after(&self, start: Moments, steps: u64) -> Result<f64, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        Ok(self.problem.expected_loss_by(|direction| self.direction_after(direction, start, syncs)))
    }

    /// The variances that the slow weights come to rest at (Eq. 6, 7 with Sigma), in the order of the eigenvalues.
    ///
    /// # Errors
    /// [`Error::Diverges`] if a direction grows, which a cycle around momentum can do at any learning rate.
    pub fn final_variances(&self) -> Result<Vec<f64>, Error> {
        self.check_converges()?;
        Ok(self.problem.directions().iter().map(|&direction| self.final_variance(direction)).collect())
    }

    /// Eq. 5 at the fixed point.
    ///
    /// # Errors
    /// As [`final_variances`](Self::final_variances).
    pub fn final_loss(&self) -> Result<f64, Error> {
        self.check_converges()?;
        let at_rest = |direction| Moments { mean: 0.0, variance: self.final_variance(direction) };
        Ok(self.problem.expected_loss_by(at_rest))
    }

    /// The final loss, and how far from it the loss is after `steps` inner steps.
    ///
    /// # Errors
    /// As [`after`](Self::after) and [`final_variances`](Self::final_variances).
    pub fn progress(&self, start: Moments, steps: u64) -> Result<Progress, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        self.check_converges()?;
        let (mut above_least, mut excess) = (0.0, 0.0);
        for &direction in self.problem.directions() {
            let (at_rest, distance) = self.direction_progress(direction, start, syncs);
            above_least += direction.curvature * at_rest;
            excess += direction.curvature * distance;
        }
        let above_least = 0.5 * above_least;
        Ok(Progress { final_loss: self.problem.least_loss() + above_least, above_least, excess: 0.5 * excess })
    }

    fn check_converges(&self) -> Result<(), Error> {
        if self.momentum == Momentum::NONE {
            return Ok(());
        }
        for &Direction { curvature, .. } in self.problem.directions() {
            let ln_radius = CycleSystem::new_unchecked(self.lr, curvature, self.momentum, &self.cycle).ln_radius();
            if ln_radius >= 0.0 {
                return Err(Error::Diverges { lr: self.lr, curvature, radius: ln_radius.exp() });
            }
        }
        Ok(())
    }

    /// What a cycle multiplies the mean by: `1 - alpha + alpha (1 - lr a)^k` (Eq. 10).
    fn cycle_factor(&self, direction: Direction) -> Factor {
        let step = Factor::gradient_step(self.lr, direction.curvature);
        step.pow(self.cycle.steps()).pulled_back(self.cycle.alpha.get())
    }

    /// V*, and `E[phi]^2 + V[phi] - V*` after that many syncs.
    fn direction_progress(&self, direction: Direction, start: Moments, syncs: u64) -> (f64, f64) {
        if self.momentum == Momentum::NONE {
            let step = Factor::gradient_step(self.lr, direction.curvature);
            let inner = step.pow(self.cycle.steps());
            let cycle = inner.pulled_back(self.cycle.alpha.get());
            let at_rest = variance_ratio(inner, cycle, &self.cycle) * sgd_variance(step, direction);
            // r^(2n) (E[phi_0]^2 + V[phi_0] - V*)
            let decay = cycle.pow(syncs).value;
            return (at_rest, decay * decay * (start.mean * start.mean + start.variance - at_rest));
        }
        let at_rest = self.final_variance(direction);
        let Moments { mean, variance } = self.direction_after(direction, start, syncs);
        (at_rest, mean * mean + variance - at_rest)
    }

    fn direction_after(&self, direction: Direction, start: Moments, syncs: u64) -> Moments {
        if self.momentum == Momentum::NONE {
            // E[phi_n] = r^n E[phi_0];  V[phi_n] = r^(2n) V[phi_0] + (1 - r^(2n)) V*  (Eq. 8 to 11, n times)
            let power = self.cycle_factor(direction).pow(syncs);
            let rest = power.one_minus * power.one_plus * self.final_variance(direction);
            return Moments {
                mean: power.value * start.mean,
                variance: power.value * power.value * start.variance + rest,
            };
        }
        let cycles = NoisyMap::cycle(direction, self.lr, self.momentum, &self.cycle).power(syncs);
        let (mean, covariance) = cycles.apply([start.mean, 0.0], [start.variance, 0.0, 0.0]);
        Moments { mean: mean[0], variance: covariance[0] }
    }

    fn final_variance(&self, direction: Direction) -> f64 {
        if self.momentum == Momentum::NONE {
            let step = Factor::gradient_step(self.lr, direction.curvature);
            let inner = step.pow(self.cycle.steps());
            let cycle = inner.pulled_back(self.cycle.alpha.get());
            return variance_ratio(inner, cycle, &self.cycle) * sgd_variance(step, direction);
        }
        if self.cycle.alpha.get() == 1.0 && self.cycle.inner_state != InnerStatePolicy::Reset {
            // V* of heavy-ball SGD, with x = lr a:  x sigma^2 (1 + beta) / ((1 - beta) (2 (1 + beta) - x))
            let (beta, x) = (self.momentum.get(), self.lr * direction.curvature);
            let room = self.momentum.room(self.lr, direction.curvature);
            return x * direction.noise_variance * (1.0 + beta) / ((1.0 - beta) * room);
        }
        NoisyMap::cycle(direction, self.lr, self.momentum, &self.cycle).fixed_point()[0]
    }
}

/// A final loss, and how far from it the weights are (Fig. 3's axes).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Eq. 5 at the fixed point.
    pub final_loss: f64,
    /// How far the final loss is above the least there is, [`NoisyQuadratic::least_loss`].
    pub above_least: f64,
    /// How far the loss is above (or, negative, below) the final one: for SGD without momentum computed by itself, so
    /// that it keeps its digits where the two losses are nearly the same.
    pub excess: f64,
}

/// The expected losses of the inner optimizer alone and of Lookahead around it (Eq. 5), after the same inner steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ExpectedLosses {
    /// Of the inner optimizer alone.
    pub sgd: f64,
    /// Of Lookahead's slow weights.
    pub lookahead: f64,
    /// Of the inner optimizer at its fixed point.
    pub sgd_final: f64,
    /// Of Lookahead at its fixed point.
    pub lookahead_final: f64,
}

/// The expected losses with and without Lookahead, with the same learning rate, after `steps` inner steps.
///
/// # Errors
/// Those of [`Dynamics::new`], [`Dynamics::loss_after`] and [`Dynamics::final_loss`].
///
/// ```
/// use lookahead_theory::{ConditionNumber, Cycle, Moments, Momentum, Noise, NoisyQuadratic, Spectrum, expected_losses};
/// let spectrum = Spectrum::Chebyshev { dim: 100, condition_number: ConditionNumber::new(1000.0)? };
/// let problem = NoisyQuadratic::new(spectrum.eigenvalues()?, &Noise::InverseCurvature)?;
/// let losses = expected_losses(&problem, 0.5, Momentum::NONE, &Cycle::default(), Moments::at(1.0), 1000)?;
/// assert!(losses.lookahead_final < losses.sgd_final);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn expected_losses(
    problem: &NoisyQuadratic,
    lr: f64,
    momentum: Momentum,
    cycle: &Cycle,
    start: Moments,
    steps: u64,
) -> Result<ExpectedLosses, Error> {
    let lookahead = Dynamics::new(problem, lr, momentum, *cycle)?;
    let sgd = Dynamics { cycle: Cycle::inner_alone(), ..lookahead };
    Ok(ExpectedLosses {
        sgd: sgd.loss_after(start, steps)?,
        lookahead: lookahead.loss_after(start, steps)?,
        sgd_final: sgd.final_loss()?,
        lookahead_final: lookahead.final_loss()?,
    })
}
