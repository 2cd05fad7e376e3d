//! Mean and variance after any number of steps, and where they come to rest: closed forms of Eq. 8 to 11 (Sec. 3.1,
//! App. A); for heavy-ball SGD the powers of its linear recursion.

use lookahead::InnerStatePolicy;
use serde::Serialize;

use crate::error::{counted, short};
use crate::factor::Factor;
use crate::fixed_point::{sgd_variance, variance_ratio};
use crate::momentum_system::CycleSystem;
use crate::second_moments::{NoisyMap, not_negative};
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
    /// [`Error::StepsEndInsideCycle`] unless k divides `steps`; [`Error::OutOfRange`] unless the mean of `start` is at
    /// most 1e100 in size and its variance from 0 to 1e200; [`Error::NotFinite`] where a cycle around momentum grows too
    /// large for a double.
    pub fn after(&self, start: Moments, steps: u64) -> Result<Vec<Moments>, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        let each = self.problem.directions().iter().map(|&direction| self.direction_after(direction, start, syncs));
        let moments: Vec<Moments> = each.collect();
        if moments.iter().all(|moments| moments.mean.is_finite() && moments.variance.is_finite()) {
            return Ok(moments);
        }
        Err(self.not_finite("a mean or variance of the weights", &format!(" within {}", counted(steps, "step"))))
    }

    /// Eq. 5, the slow weights' expected loss after `steps` inner steps.
    ///
    /// # Errors
    /// As [`after`](Self::after).
    pub fn loss_after(&self, start: Moments, steps: u64) -> Result<f64, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        let loss = self.problem.expected_loss_by(|direction| self.direction_after(direction, start, syncs));
        self.finite("the expected loss", loss, || format!(" within {}", counted(steps, "step")))
    }

    /// How far that loss is above the least there is, infinite where it has grown beyond doubles. The start is checked.
    pub(crate) fn above_least_after(&self, start: Moments, syncs: u64) -> f64 {
        let terms = self.problem.directions().iter().map(|&direction| {
            let Moments { mean, variance } = self.direction_after(direction, start, syncs);
            direction.curvature * (mean * mean + variance)
        });
        let above = 0.5 * terms.sum::<f64>();
        if above.is_finite() { above } else { f64::INFINITY }
    }

    /// The variances that the slow weights come to rest at (Eq. 6, 7 with Sigma), in the order of the eigenvalues.
    ///
    /// # Errors
    /// [`Error::Diverges`] if a direction grows, which a cycle around momentum can do at any learning rate;
    /// [`Error::NotFinite`] if a variance is too large for a double.
    pub fn final_variances(&self) -> Result<Vec<f64>, Error> {
        self.check_converges()?;
        let each = self.problem.directions().iter().map(|&direction| self.final_variance(direction));
        each.map(|variance| self.finite("a final variance", variance, String::new)).collect()
    }

    /// Eq. 5 at the fixed point.
    ///
    /// # Errors
    /// As [`final_variances`](Self::final_variances).
    pub fn final_loss(&self) -> Result<f64, Error> {
        self.check_converges()?;
        let at_rest = |direction| Moments { mean: 0.0, variance: self.final_variance(direction) };
        self.finite("the final loss", self.problem.expected_loss_by(at_rest), String::new)
    }

    /// The final loss, and how far from it the loss is after `steps` inner steps.
    ///
    /// # Errors
    /// As [`after`](Self::after) and [`final_variances`](Self::final_variances).
    pub fn progress(&self, start: Moments, steps: u64) -> Result<Progress, Error> {
        self.measured_progress(start, steps).map(|(progress, _)| progress)
    }

    /// The progress, and the size of the terms that its excess is the sum of: what rounding is relative to.
    pub(crate) fn measured_progress(&self, start: Moments, steps: u64) -> Result<(Progress, f64), Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        self.check_converges()?;
        let (mut above_least, mut excess, mut size) = (0.0, 0.0, 0.0);
        for &direction in self.problem.directions() {
            let Approach { at_rest, distance, terms } = self.direction_progress(direction, start, syncs);
            above_least += direction.curvature * at_rest;
            excess += direction.curvature * distance;
            size += direction.curvature * terms;
        }
        let above_least = 0.5 * above_least;
        let (final_loss, excess) = (self.problem.least_loss() + above_least, 0.5 * excess);
        self.finite("the distance to the final loss", final_loss + excess, || {
            format!(" within {}", counted(steps, "step"))
        })?;
        Ok((Progress { final_loss, above_least, excess }, 0.5 * size))
    }

    fn finite(&self, what: &'static str, value: f64, how_long: impl Fn() -> String) -> Result<f64, Error> {
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(what, &how_long())) }
    }

    fn not_finite(&self, what: &'static str, how_long: &str) -> Error {
        let (k, alpha) = (self.cycle.sync_period.get(), self.cycle.alpha.get());
        let [lr, beta, alpha] = [self.lr, self.momentum.get(), alpha].map(short);
        let because = format!(
            "with learning rate {lr}, momentum {beta}, k = {k} and alpha = {alpha} it leaves the range or the precision of \
             doubles{how_long}; a smaller learning rate or fewer steps help"
        );
        Error::NotFinite { what, because }
    }

    fn check_converges(&self) -> Result<(), Error> {
        if self.momentum == Momentum::NONE {
            return Ok(());
        }
        for &Direction { curvature, .. } in self.problem.directions() {
            let ln_radius = CycleSystem::new_unchecked(self.lr, curvature, self.momentum, &self.cycle).ln_radius();
            if ln_radius.is_nan() || ln_radius >= 0.0 {
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

    fn direction_progress(&self, direction: Direction, start: Moments, syncs: u64) -> Approach {
        if self.momentum == Momentum::NONE {
            let step = Factor::gradient_step(self.lr, direction.curvature);
            let inner = step.pow(self.cycle.steps());
            let cycle = inner.pulled_back(self.cycle.alpha.get());
            let at_rest = variance_ratio(inner, cycle, &self.cycle) * sgd_variance(step, direction);
            // r^(2n) (E[phi_0]^2 + V[phi_0] - V*)
            let decay = cycle.pow(syncs).value;
            let second = start.mean * start.mean + start.variance;
            let distance = decay * decay * (second - at_rest);
            return Approach { at_rest, distance, terms: decay * decay * (second + at_rest) };
        }
        let at_rest = self.final_variance(direction);
        let Moments { mean, variance } = self.direction_after(direction, start, syncs);
        let second = mean * mean + variance;
        Approach { at_rest, distance: second - at_rest, terms: second + at_rest }
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
        let (mean, covariance) = cycles.apply([start.mean, 0.0], [[start.variance, 0.0], [0.0; 2]]);
        Moments { mean: mean[0], variance: covariance[0][0] }
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
        not_negative(NoisyMap::cycle(direction, self.lr, self.momentum, &self.cycle).fixed_point()[0][0])
    }
}

/// How one direction comes to rest.
struct Approach {
    /// V*.
    at_rest: f64,
    /// `E[phi]^2 + V[phi] - V*`.
    distance: f64,
    /// The size of the terms of the distance, which may cancel.
    terms: f64,
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
