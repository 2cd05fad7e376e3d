//! Momentum inside and outside as one linear system: what k heavy-ball steps and an outer step with momentum do in one
//! direction (Sec. 3.2 and App. B.1, carried over to Lookahead's descendants).

use lookahead::{InnerStatePolicy, OuterForm};

use crate::factor::Factor;
use crate::fixed_point::sgd_variance;
use crate::linear_map::LinearMap;
use crate::modes::{FADED, Modes};
use crate::momentum_system::{CycleSystem, Invariants};
use crate::second_moments::{NoisyMap, VelocityKept};
use crate::{Cycle, Direction, Error, Momentum, OuterCycle};

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

    /// ln of the spectral radius, which a rounded radius near 1 would lose, and one below the range of doubles too.
    pub(crate) fn ln_radius(&self) -> f64 {
        if let Some(cycle) = self.cycle.lookahead() {
            // Without momentum u is 0, and "interpolate" keeps nothing of it.
            let none = self.momentum == Momentum::NONE;
            let inner_state = if none { InnerStatePolicy::Maintain } else { cycle.inner_state };
            let cycle = Cycle { inner_state, ..cycle };
            return CycleSystem::new_unchecked(self.lr, self.direction.curvature, self.momentum, &cycle).ln_radius();
        }
        if let Some(ln_radius) = self.ln_radius_faded() {
            return ln_radius;
        }
        self.forgetful().map_or_else(|| self.around_syncs().ln_radius(), |c| self.invariants(c).ln_radius())
    }

    /// The same where Nesterov's eta is 1, so that no x stays, and k steps leave next to nothing of anything.
    ///
    /// With c what they leave of a weight, `z^2 - (1 + mu) c z + mu c = 0` but for what is smaller: `|z|^2 = mu |c|`,
    /// unless mu is so small that their own eigenvalue is larger; beside one of that size it is right up to a factor 2.
    fn ln_radius_faded(&self) -> Option<f64> {
        if self.cycle.rate.get() != 1.0 || self.cycle.form != OuterForm::Nesterov {
            return None;
        }
        let (k, modes) = (self.cycle.steps(), Modes::new(self.lr, self.direction.curvature, self.momentum));
        let ln_own = k as f64 * modes.ln_radius();
        let ln_mu = self.cycle.momentum.get().ln();
        (ln_own < FADED).then(|| ln_own.max(0.5 * (ln_mu + modes.ln_weight_kept(k))))
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

    /// A matrix with the eigenvalues of [`matrix`](Self::matrix), of which small ones keep their digits too: that of
    /// (x, u, g) with g = eta b, and for Nesterov with `s = x + mu g` in the place of x. The velocity is not reset.
    ///
    /// ```text
    /// sync:        S(x) = x - eta delta
    /// heavy ball:  x <- S(x) - mu g,    g <- mu g + x - S(x)
    /// Nesterov:    s <- S(s - mu g),    g <- s - S(s - mu g)
    /// ```
    fn around_syncs(&self) -> LinearMap<3> {
        let (eta, mu) = (self.cycle.rate.get(), self.cycle.momentum.get());
        let VelocityKept { kept, anchored, lost } = VelocityKept::new(self.cycle.inner_state, eta.min(1.0));
        let LinearMap { map: [[m11, m12], [m21, m22]], deficit: [[e11, _], [_, e22]] } = self.inner_cycle().linear;
        // u is measured in a unit of max(eta, 1), and g in one of sqrt(mu), so that no entry is needlessly large.
        let (root, stays, goes) = (mu.sqrt(), stays(eta, m11, e11), eta * e11);
        let (turns, drags) = (eta.max(1.0) * kept * m21, eta.min(1.0) * m12);
        let [of_weight, of_velocity, of_g] = match self.cycle.form {
            OuterForm::Nesterov => [root * stays, root * turns, mu * stays],
            OuterForm::HeavyBall => [root, 0.0, mu],
        };
        let map = [
            [stays, drags, -of_weight],
            [turns, anchored + kept * m22, -of_velocity],
            [root * goes, -root * drags, of_g],
        ];
        let mut deficit = map.map(|row| row.map(|entry| -entry));
        [deficit[0][0], deficit[1][1], deficit[2][2]] = [goes, lost + kept * e22, 1.0 - of_g];
        LinearMap { map, deficit }
    }

    /// k inner steps on (theta, u).
    pub(crate) fn inner_cycle(&self) -> NoisyMap<2> {
        NoisyMap::heavy_ball_step(self.direction, self.lr, self.momentum).power(self.cycle.steps())
    }

    /// With w the noise of y, c the inner cycle and s = eta (1 - c), (x, b) goes on as
    ///
    /// ```text
    /// x_(n+1) = T x_n - D x_(n-1) + noise
    /// Nesterov:    T = (1 + mu) (1 - s),  D = mu (1 - s),  noise = eta ((1 + mu) w_(n+1) - mu w_n)
    /// heavy ball:  T = mu + (1 - s),      D = mu,          noise = eta w_(n+1)
    /// ```
    ///
    /// and `1 - T + D = s`, `1 + T + D = 2 (1 + mu) - (1 + 2 mu) s` or `2 (1 + mu) - s`. The roots of `z^2 - T z + D`
    /// lie inside the unit circle if and only if both are positive and |D| < 1 (Jury). The last follows: the heavy
    /// ball's D is mu, and with `0 < s < 2 (1 + mu) / (1 + 2 mu) < (1 + mu) / mu` Nesterov's is below mu and above -1.
    fn invariants(&self, c: Factor) -> Invariants {
        let (eta, mu) = (self.cycle.rate.get(), self.cycle.momentum.get());
        let (s, stays) = (eta * c.one_minus, stays(eta, c.value, c.one_minus));
        let (trace, in_trace, det, in_det) = match self.cycle.form {
            OuterForm::Nesterov => ((1.0 + mu) * stays, (1.0 + mu) * s, mu * stays, mu * s),
            OuterForm::HeavyBall => (mu + stays, s, mu, 0.0),
        };
        Invariants {
            trace,
            trace_minus: 1.0 - mu + in_trace,
            trace_plus: 3.0 + mu - in_trace,
            det,
            one_minus_det: 1.0 - mu + in_det,
            det_minus: s,
            det_plus: self.room(c),
        }
    }

    /// `1 + T + D` with the digits of 1 + c, beside a large eta of 1 - c: `2 (1 + mu) - (1 + 2 mu) eta (1 - c)`, for
    /// the heavy ball `2 (1 + mu) - eta (1 - c)`.
    fn room(&self, c: Factor) -> f64 {
        let (eta, [sum, times]) = (self.cycle.rate.get(), self.cycle.shares_of_limit());
        if eta > 2.0 && c.one_minus < 0.5 {
            2.0 * sum - times * eta * c.one_minus
        } else {
            2.0 * (sum - times * eta) + times * eta * c.one_plus
        }
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

/// `1 - eta (1 - f)`, with the digits of f where it is small and eta near 1; finite, so that mu = 0 makes it 0.
fn stays(eta: f64, f: f64, one_minus: f64) -> f64 {
    let stays = if one_minus < 0.5 { 1.0 - eta * one_minus } else { (1.0 - eta) + eta * f };
    stays.max(f64::MIN)
}
