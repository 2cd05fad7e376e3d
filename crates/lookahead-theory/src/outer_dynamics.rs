//! Mean and variance of the slow weights under an outer step with momentum (Eq. 8 to 11 for Lookahead's descendants).

use crate::error::short;
use crate::outer_system::OuterSystem;
use crate::second_moments::not_negative;
use crate::{Direction, Error, Moments, Momentum, NoisyQuadratic, OuterCycle};

/// SGD with a constant learning rate, and an outer step with momentum around it, on a noisy quadratic.
///
/// The slow weights are followed: they stand still between syncs. Velocity and outer buffer start at 0. With mu = 0 and
/// eta at most 1 it is [`Dynamics`](crate::Dynamics).
///
/// ```
/// use lookahead_theory::{Moments, Momentum, Noise, NoisyQuadratic, OuterCycle, OuterDynamics, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 10 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let of = |mu| OuterDynamics::new(&problem, 0.1, Momentum::NONE, OuterCycle::new(20, 0.7, mu)?);
/// // Outer momentum is quicker, and ends higher.
/// assert!(of(0.6)?.loss_after(Moments::at(9.0), 100)? < of(0.0)?.loss_after(Moments::at(9.0), 100)?);
/// assert!(of(0.6)?.final_loss()? > of(0.0)?.final_loss()?);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OuterDynamics<'p> {
    problem: &'p NoisyQuadratic,
    lr: f64,
    momentum: Momentum,
    cycle: OuterCycle,
}

impl<'p> OuterDynamics<'p> {
    /// `momentum` is the inner beta.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / L`.
    pub fn new(problem: &'p NoisyQuadratic, lr: f64, momentum: Momentum, cycle: OuterCycle) -> Result<Self, Error> {
        let lr = momentum.check_lr(lr, problem.eigenvalues().largest())?;
        Ok(Self { problem, lr, momentum, cycle })
    }

    /// The slow weights' mean and variance in each direction after `steps` inner steps, in the order of the
    /// eigenvalues.
    ///
    /// # Errors
    /// [`Error::StepsEndInsideCycle`] unless k divides `steps`; [`Error::OutOfRange`] unless the mean of `start` is at
    /// most 1e100 in size and its variance from 0 to 1e200; [`Error::NotFinite`] where it grows too large for a double.
    pub fn after(&self, start: Moments, steps: u64) -> Result<Vec<Moments>, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        let each = self.problem.directions().iter().map(|&direction| self.direction_after(direction, start, syncs));
        let moments: Vec<Moments> = each.collect();
        if moments.iter().all(|moments| moments.mean.is_finite() && moments.variance.is_finite()) {
            return Ok(moments);
        }
        Err(self.not_finite("a mean or variance of the weights"))
    }

    /// Eq. 5, the slow weights' expected loss after `steps` inner steps.
    ///
    /// # Errors
    /// As [`after`](Self::after).
    pub fn loss_after(&self, start: Moments, steps: u64) -> Result<f64, Error> {
        let (start, syncs) = (start.check()?, self.cycle.syncs_in(steps)?);
        let loss = self.problem.expected_loss_by(|direction| self.direction_after(direction, start, syncs));
        self.finite("the expected loss", loss)
    }

    /// The variances that the slow weights come to rest at, in the order of the eigenvalues.
    ///
    /// # Errors
    /// [`Error::Diverges`] if a direction grows; [`Error::NotFinite`] if a variance is too large for a double, or has
    /// lost its digits.
    pub fn final_variances(&self) -> Result<Vec<f64>, Error> {
        self.check_converges()?;
        let each = self.problem.directions().iter().map(|&direction| self.final_variance(direction));
        each.map(|variance| self.finite("a final variance", variance)).collect()
    }

    /// Eq. 5 at the fixed point.
    ///
    /// # Errors
    /// As [`final_variances`](Self::final_variances).
    pub fn final_loss(&self) -> Result<f64, Error> {
        self.check_converges()?;
        let at_rest = |direction| Moments { mean: 0.0, variance: self.final_variance(direction) };
        self.finite("the final loss", self.problem.expected_loss_by(at_rest))
    }

    fn system(&self, direction: Direction) -> OuterSystem {
        OuterSystem::new_unchecked(direction, self.lr, self.momentum, &self.cycle)
    }

    fn direction_after(&self, direction: Direction, start: Moments, syncs: u64) -> Moments {
        let mut covariance = [[0.0; 3]; 3];
        covariance[0][0] = start.variance;
        let cycles = self.system(direction).noisy().power(syncs);
        let (mean, covariance) = cycles.apply([start.mean, 0.0, 0.0], covariance);
        Moments { mean: mean[0], variance: not_negative(covariance[0][0]) }
    }

    fn final_variance(&self, direction: Direction) -> f64 {
        not_negative(self.system(direction).final_variance())
    }

    fn check_converges(&self) -> Result<(), Error> {
        for &direction in self.problem.directions() {
            let ln_radius = self.system(direction).ln_radius();
            if ln_radius.is_nan() || ln_radius >= 0.0 {
                let curvature = direction.curvature;
                return Err(Error::Diverges { lr: self.lr, curvature, radius: ln_radius.exp() });
            }
        }
        Ok(())
    }

    fn finite(&self, what: &'static str, value: f64) -> Result<f64, Error> {
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(what)) }
    }

    fn not_finite(&self, what: &'static str) -> Error {
        let k = self.cycle.sync_period.get();
        let (eta, mu) = (self.cycle.rate.get(), self.cycle.momentum.get());
        let [lr, beta, eta, mu] = [self.lr, self.momentum.get(), eta, mu].map(short);
        let because = format!(
            "with learning rate {lr}, momentum {beta}, k = {k}, eta = {eta} and mu = {mu} it leaves the range or the \
             precision of doubles; a smaller rate or momentum, or fewer steps, help"
        );
        Error::NotFinite { what, because }
    }
}
