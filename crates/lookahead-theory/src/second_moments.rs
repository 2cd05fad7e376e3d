//! Linear maps with noise: their powers and fixed points by doubling, where heavy-ball SGD has no closed form in the
//! paper.

use lookahead::InnerStatePolicy;

use crate::linear_map::{LinearMap, MOST_DOUBLINGS, Square};
use crate::{Cycle, Direction, Momentum};

/// `z <- M z + noise`. Of one weight, z is (theta, u), with the velocity in units of theta: u = lr v.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoisyMap<const N: usize> {
    pub linear: LinearMap<N>,
    /// The covariance of the noise.
    pub noise: Square<N>,
}

impl NoisyMap<2> {
    /// One heavy-ball step: with x = lr a, `u <- beta u + x (theta - c)`, `theta <- theta - u`.
    pub fn heavy_ball_step(direction: Direction, lr: f64, momentum: Momentum) -> Self {
        let (x, beta) = (lr * direction.curvature, momentum.get());
        let variance = x * x * direction.noise_variance;
        let map = [[lr.mul_add(-direction.curvature, 1.0), -beta], [x, beta]];
        let deficit = [[x, beta], [-x, 1.0 - beta]];
        Self { linear: LinearMap { map, deficit }, noise: [[variance, -variance], [-variance, variance]] }
    }

    /// k steps and a sync: theta goes alpha of its way, u as the policy says.
    pub fn cycle(direction: Direction, lr: f64, momentum: Momentum, cycle: &Cycle) -> Self {
        let alpha = cycle.alpha.get();
        let VelocityKept { kept, anchored, lost } = VelocityKept::new(cycle.inner_state, alpha);
        let Self { linear: LinearMap { map: [[m11, m12], [m21, m22]], deficit: [[e11, e12], [e21, e22]] }, noise } =
            Self::heavy_ball_step(direction, lr, momentum).power(cycle.steps());
        let map = [[1.0 - alpha + alpha * m11, alpha * m12], [kept * m21, anchored + kept * m22]];
        let deficit = [[alpha * e11, alpha * e12], [kept * e21, lost + kept * e22]];
        let [xx, xu, uu] = [alpha * alpha * noise[0][0], alpha * kept * noise[0][1], kept * kept * noise[1][1]];
        Self { linear: LinearMap { map, deficit }, noise: [[xx, xu], [xu, uu]] }
    }
}

/// The new velocity after a sync: `kept` of the one now, `anchored` of the one at the last sync, and `lost` of it is
/// gone.
pub(crate) struct VelocityKept {
    pub kept: f64,
    pub anchored: f64,
    pub lost: f64,
}

impl VelocityKept {
    pub fn new(policy: InnerStatePolicy, alpha: f64) -> Self {
        let (kept, anchored, lost) = match policy {
            InnerStatePolicy::Maintain => (1.0, 0.0, 0.0),
            InnerStatePolicy::Interpolate => (alpha, 1.0 - alpha, 0.0),
            InnerStatePolicy::Reset => (0.0, 0.0, 1.0),
        };
        Self { kept, anchored, lost }
    }
}

impl<const N: usize> NoisyMap<N> {
    /// `n` times this map.
    pub fn power(self, mut n: u64) -> Self {
        let (mut result, mut square) = (Self { linear: LinearMap::identity(), noise: [[0.0; N]; N] }, self);
        while n > 0 {
            if n % 2 == 1 {
                result = result.then(&square);
            }
            n /= 2;
            if n > 0 {
                square = square.then(&square);
            }
        }
        result
    }

    /// This map, then `next`.
    fn then(&self, next: &Self) -> Self {
        Self { linear: self.linear.then(&next.linear), noise: next.carry(&self.noise) }
    }

    /// The mean and the covariance after this map.
    pub fn apply(&self, mean: [f64; N], covariance: Square<N>) -> ([f64; N], Square<N>) {
        let row_times_mean = |row: [f64; N]| (1..N).fold(row[0] * mean[0], |sum, j| sum + row[j] * mean[j]);
        (self.linear.map.map(row_times_mean), self.carry(&covariance))
    }

    /// `M S M^T` and the noise.
    fn carry(&self, covariance: &Square<N>) -> Square<N> {
        let dot = |a: &[f64; N], b: &[f64; N]| (1..N).fold(a[0] * b[0], |sum, i| sum + a[i] * b[i]);
        let rows = &self.linear.map;
        let halves = rows.map(|row| covariance.map(|other| dot(&other, &row)));
        let mut carried = [[0.0; N]; N];
        for i in 0..N {
            for j in i..N {
                carried[i][j] = self.noise[i][j] + dot(&rows[i], &halves[j]);
                carried[j][i] = carried[i][j];
            }
        }
        carried
    }

    /// The covariance that the map leaves as it is. The map must shrink.
    pub fn fixed_point(self) -> Square<N> {
        let mut map = self;
        for _ in 0..MOST_DOUBLINGS {
            let doubled = map.then(&map);
            if doubled.noise == map.noise {
                break;
            }
            map = doubled;
        }
        map.noise
    }
}

/// A variance below 0 has lost all its digits, to a momentum near 1 and a learning rate near its limit.
pub(crate) fn not_negative(variance: f64) -> f64 {
    if variance < 0.0 { f64::NAN } else { variance }
}
