//! Momentum inside and outside as one linear system: what k heavy-ball steps and an outer step with momentum do in one
//! direction (Sec. 3.2 and App. B.1, carried over to Lookahead's descendants).

use lookahead::{InnerStatePolicy, OuterForm};

use crate::factor::Factor;
use crate::fixed_point::sgd_variance;
use crate::linear_map::LinearMap;
use crate::modes::Modes;
use crate::momentum_system::Invariants;
use crate::second_moments::{NoisyMap, VelocityKept};
use crate::{Direction, Error, Momentum, OuterCycle};

/// One cycle, of k steps and an outer step, in one direction.
///
/// Between two syncs it is a matrix of three rows on (x, u, b): the slow weight, the inner velocity in units of theta
/// and the outer buffer. Where the inner optimizer forgets at a sync, being plain SGD or reset, u is 0, and so
/// what "interpolate" keeps of a velocity that moves nothing counts for nothing.
///
/// ```
/// use lookahead_theory::{Momentum, OuterCycle, OuterSystem};
/// // DiLoCo's outer step is made for long cycles: around momentum that is maintained a short one diverges.
/// let of = |k| OuterSystem::new(0.03, 1.0, Momentum::new(0.9)?, &OuterCycle::new(k, 0.7, 0.9)?);
/// assert!(!of(5)?.is_stable() && of(7)?.is_stable());
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OuterSystem {
    direction: Direction,
    lr: f64,
    momentum: Momentum,
    cycle: OuterCycle,
}

impl OuterSystem {
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / curvature`.
    pub fn new(lr: f64, curvature: f64, momentum: Momentum, cycle: &OuterCycle) -> Result<Self, Error> {
        momentum.check_lr(lr, curvature)?;
        Ok(Self::new_unchecked(Direction { curvature, noise_variance: 0.0 }, lr, momentum, cycle))
    }

    pub(crate) fn new_unchecked(direction: Direction, lr: f64, momentum: Momentum, cycle: &OuterCycle) -> Self {
        Self { direction, lr, momentum, cycle: *cycle }
    }

    /// The matrix that takes (x, u, b) after one sync to (x, u, b) after the next.
    #[must_use]
    pub fn matrix(&self) -> [[f64; 3]; 3] {
        self.noisy().linear.map
    }

    /// The spectral radius of that matrix; its k-th root is the contraction of one inner step.
    #[must_use]
    pub fn spectral_radius(&self) -> f64 {
        self.ln_radius().exp()
    }

    /// Whether the cycle shrinks what it starts from, in the long run: the spectral radius is below 1.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.ln_radius() < 0.0
    }

    /// ln of the spectral radius, which a rounded radius near 1 would lose.
    pub(crate) fn ln_radius(&self) -> f64 {
        self.forgetful().map_or_else(|| self.noisy().linear.ln_radius(), |c| self.invariants(c).ln_radius())
    }

    /// c, where x is all that an inner cycle starts from, so that it ends at c x.
    pub(crate) fn forgetful(&self) -> Option<Factor> {
        let (lr, curvature, k) = (self.lr, self.direction.curvature, self.cycle.steps());
        if self.momentum == Momentum::NONE {
            return Some(Factor::gradient_step(lr, curvature).pow(k));
        }
        let resets = self.cycle.inner_state == InnerStatePolicy::Reset;
        resets.then(|| Modes::new(lr, curvature, self.momentum).weight_kept(k).as_factor())
    }

    /// The cycle on (x, u, b), with its noise.
    pub(crate) fn noisy(&self) -> NoisyMap<3> {
        let policy = if self.momentum == Momentum::NONE { InnerStatePolicy::Reset } else { self.cycle.inner_state };
        let (eta, mu, [p, q]) = (self.cycle.rate.get(), self.cycle.momentum.get(), self.cycle.shares());
        let VelocityKept { kept, anchored, lost } = VelocityKept::new(policy, eta.min(1.0));
        let NoisyMap { linear: inner, noise } = self.inner_cycle();
        let ([_, [m21, m22]], [[e11, e12], [e21, e22]]) = (inner.map, inner.deficit);
        // delta = x - y = e11 x + e12 u;  x <- x - eta (p delta + q b);  b <- mu b + delta
        let (step, coasting) = (eta * p, eta * q);
        let map =
            [[1.0 - step * e11, -step * e12, -coasting], [kept * m21, anchored + kept * m22, 0.0], [e11, e12, mu]];
        let deficit =
            [[step * e11, step * e12, coasting], [kept * e21, lost + kept * e22, 0.0], [-e11, -e12, 1.0 - mu]];
        // The noise of y moves x by `step` of it, and b by its opposite.
        let [[yy, yu], [_, uu]] = noise;
        let (xx, xu, xb) = (step * step * yy, step * kept * yu, -step * yy);
        let (ub, uu) = (-kept * yu, kept * kept * uu);
        NoisyMap { linear: LinearMap { map, deficit }, noise: [[xx, xu, xb], [xu, uu, ub], [xb, ub, yy]] }
    }

    /// k inner steps on (theta, u).
    pub(crate) fn inner_cycle(&self) -> NoisyMap<2> {
        NoisyMap::heavy_ball_step(self.direction, self.lr, self.momentum).power(self.cycle.steps())
    }

    /// With w the noise of y, c the inner cycle and s = eta (1 - c), (x, b) goes on as
    ///
    /// ```text
    /// x_(n+1) = T x_n - D x_(n-1) + noise
    /// Nesterov:    T = 1 + mu - (1 + mu) s,  D = mu - mu s,  noise = eta ((1 + mu) w_(n+1) - mu w_n)
    /// heavy ball:  T = 1 + mu - s,           D = mu,         noise = eta w_(n+1)
    /// ```
    ///
    /// and `1 - T + D = s`, `1 + T + D = 2 (1 + mu) - (1 + 2 mu) s` or `2 (1 + mu) - s`. The roots of `z^2 - T z + D`
    /// lie inside the unit circle if and only if both are positive and |D| < 1 (Jury). The last follows: the heavy
    /// ball's D is mu, and with `0 < s < 2 (1 + mu) / (1 + 2 mu) < (1 + mu) / mu` Nesterov's is below mu and above -1.
    fn invariants(&self, c: Factor) -> Invariants {
        let (eta, mu) = (self.cycle.rate.get(), self.cycle.momentum.get());
        let s = eta * c.one_minus;
        let (in_trace, in_det) = match self.cycle.form {
            OuterForm::Nesterov => ((1.0 + mu) * s, mu * s),
            OuterForm::HeavyBall => (s, 0.0),
        };
        Invariants {
            trace: 1.0 + mu - in_trace,
            trace_minus: 1.0 - mu + in_trace,
            trace_plus: 3.0 + mu - in_trace,
            det: mu - in_det,
            one_minus_det: 1.0 - mu + in_det,
            det_minus: s,
            det_plus: self.room(c),
        }
    }

    /// `1 + T + D` with the digits of 1 + c: `2 (1 + mu) - (1 + 2 mu) eta (1 - c)`, for the heavy ball
    /// `2 (1 + mu) - eta (1 - c)`.
    fn room(&self, c: Factor) -> f64 {
        let (eta, [sum, times]) = (self.cycle.rate.get(), self.cycle.shares_of_limit());
        2.0 * (sum - times * eta) + times * eta * c.one_plus
    }

    /// The variance that x comes to rest at. The cycle must shrink.
    pub(crate) fn final_variance(&self) -> f64 {
        let Some(c) = self.forgetful() else { return self.noisy().fixed_point()[0][0] };
        // W / (1 - c), W being the variance that k steps from rest give y: that of SGD times 1 - c^2 without momentum
        let noise = if self.momentum == Momentum::NONE {
            let step = Factor::gradient_step(self.lr, self.direction.curvature);
            sgd_variance(step, self.direction) * c.one_plus
        } else {
            self.inner_cycle().noise[0][0] / c.one_minus
        };
        // An ARMA(2, 1) process with x_(n+1) = T x_n - D x_(n-1) + p w_(n+1) + r w_n has
        //     V / W = ((p^2 + r^2) (1 + D) + 2 p r T) / ((1 - D) (1 - T + D) (1 + T + D))
        // For Nesterov the numerator is eta^2 (1 + mu + mu (1 + 2 mu) s), for the heavy ball eta^2 (1 + mu).
        // Without momentum that is Eq. 7: V = eta (1 + c) V_SGD / (2 - s), and 2 - s = 1 + r.
        let (eta, mu) = (self.cycle.rate.get(), self.cycle.momentum.get());
        let s = eta * c.one_minus;
        let (numerator, one_minus_det) = match self.cycle.form {
            OuterForm::Nesterov => (1.0 + mu + mu * (1.0 + 2.0 * mu) * s, 1.0 - mu + mu * s),
            OuterForm::HeavyBall => (1.0 + mu, 1.0 - mu),
        };
        eta * noise * numerator / (one_minus_det * self.room(c))
    }
}
