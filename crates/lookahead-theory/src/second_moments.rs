//! Linear maps with noise in (theta, velocity): their powers and fixed points by doubling, where heavy-ball SGD has no
//! closed form in the paper.

use lookahead::InnerStatePolicy;

use crate::{Cycle, Direction, Momentum};

/// Doublings after which every map that shrinks at all has reached its fixed point: 1 minus its radius is a double.
const MOST_DOUBLINGS: u32 = 1100;

/// `z <- M z + noise`, for `z = (theta, u)` with the velocity in units of theta: u = lr v.
///
/// Beside M it keeps `E = I - M`. Small eigenvalues of E, which a rounded M would lose, stay accurate: each column of E
/// keeps its own relative accuracy when maps are composed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoisyMap {
    map: Matrix,
    deficit: Matrix,
    /// The covariance of the noise.
    noise: Covariance,
}

type Matrix = [[f64; 2]; 2];

/// `[V[theta], cov(theta, u), V[u]]`.
pub(crate) type Covariance = [f64; 3];

impl NoisyMap {
    const IDENTITY: Self = Self { map: [[1.0, 0.0], [0.0, 1.0]], deficit: [[0.0; 2]; 2], noise: [0.0; 3] };

    /// One heavy-ball step: with x = lr a, `u <- beta u + x (theta - c)`, `theta <- theta - u`.
    pub fn heavy_ball_step(direction: Direction, lr: f64, momentum: Momentum) -> Self {
        let (x, beta) = (lr * direction.curvature, momentum.get());
        let variance = x * x * direction.noise_variance;
        Self {
            map: [[lr.mul_add(-direction.curvature, 1.0), -beta], [x, beta]],
            deficit: [[x, beta], [-x, 1.0 - beta]],
            noise: [variance, -variance, variance],
        }
    }

    /// k steps and a sync: theta goes alpha of its way, u as the policy says.
    pub fn cycle(direction: Direction, lr: f64, momentum: Momentum, cycle: &Cycle) -> Self {
        let alpha = cycle.alpha.get();
        // The new velocity is `kept` of the one now, `anchored` of the one at the last sync, and `lost` of it is gone.
        let (kept, anchored, lost) = match cycle.inner_state {
            InnerStatePolicy::Maintain => (1.0, 0.0, 0.0),
            InnerStatePolicy::Interpolate => (alpha, 1.0 - alpha, 0.0),
            InnerStatePolicy::Reset => (0.0, 0.0, 1.0),
        };
        let Self { map: [[m11, m12], [m21, m22]], deficit: [[e11, e12], [e21, e22]], noise } =
            Self::heavy_ball_step(direction, lr, momentum).power(cycle.steps());
        Self {
            map: [[1.0 - alpha + alpha * m11, alpha * m12], [kept * m21, anchored + kept * m22]],
            deficit: [[alpha * e11, alpha * e12], [kept * e21, lost + kept * e22]],
            noise: [alpha * alpha * noise[0], alpha * kept * noise[1], kept * kept * noise[2]],
        }
    }

    /// `n` times this map.
    pub fn power(self, mut n: u64) -> Self {
        let (mut result, mut square) = (Self::IDENTITY, self);
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
        // I - (I - F)(I - E) = E + F - F E
        let product = multiply(&next.deficit, &self.deficit);
        let mut deficit = [[0.0; 2]; 2];
        for (i, row) in deficit.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = self.deficit[i][j] + next.deficit[i][j] - product[i][j];
            }
        }
        let mut map = multiply(&next.map, &self.map);
        for (i, row) in map.iter_mut().enumerate() {
            if deficit[i][i].abs() < 0.5 {
                row[i] = 1.0 - deficit[i][i];
            }
        }
        let carried = transform(&next.map, self.noise);
        Self { map, deficit, noise: std::array::from_fn(|i| next.noise[i] + carried[i]) }
    }

    /// The mean and the covariance after this map.
    pub fn apply(&self, mean: [f64; 2], covariance: Covariance) -> ([f64; 2], Covariance) {
        let carried = transform(&self.map, covariance);
        (self.map.map(|row| row[0] * mean[0] + row[1] * mean[1]), std::array::from_fn(|i| carried[i] + self.noise[i]))
    }

    /// The covariance that the map leaves as it is. The map must shrink.
    pub fn fixed_point(self) -> Covariance {
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

fn multiply(left: &Matrix, right: &Matrix) -> Matrix {
    left.map(|row| std::array::from_fn(|j| row[0] * right[0][j] + row[1] * right[1][j]))
}

/// M S M^T.
fn transform(m: &Matrix, [s11, s12, s22]: Covariance) -> Covariance {
    let form = |a: [f64; 2], b: [f64; 2]| a[0] * (s11 * b[0] + s12 * b[1]) + a[1] * (s12 * b[0] + s22 * b[1]);
    [form(m[0], m[0]), form(m[0], m[1]), form(m[1], m[1])]
}
