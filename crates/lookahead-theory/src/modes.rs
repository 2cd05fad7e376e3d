//! The two eigenvalues of one heavy-ball step on a quadratic, and the k-th power of the step, without cancellation.

use crate::Momentum;
use crate::factor::Factor;

/// Up to here a sum over the steps is added up term by term, which no regime upsets.
const MOST_TERMS: u64 = 64;

/// ln of the size of a power below which its square may leave the range of doubles.
pub(crate) const FADED: f64 = -300.0;

/// One step in (theta, u), with x = lr a: `u <- beta u + x theta`, `theta <- theta - u`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modes {
    x: f64,
    momentum: Momentum,
    roots: Roots,
}

/// The roots of `z^2 - (1 + beta - x) z + beta`. They are complex for `(1 - sqrt beta)^2 < x < (1 + sqrt beta)^2`, real
/// and positive below, real and negative above.
#[derive(Debug, Clone, Copy)]
enum Roots {
    /// The root of larger size z, the other z', and `1 - z'/z`.
    Real { larger: Factor, smaller: Factor, gap: f64 },
    /// `sign sqrt(beta) e^(+-i angle)`, the angle in (0, pi/2].
    Complex { sign: f64, angle: f64 },
}

/// What the k-th power of the step has for eigenvalues w and w'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PowerSums {
    /// `w + w'`.
    pub trace: f64,
    /// `(1 - w) + (1 - w')`.
    pub trace_minus: f64,
    /// `(1 + w) + (1 + w')`.
    pub trace_plus: f64,
    /// `(1 - w) (1 - w')`.
    pub det_minus: f64,
    /// `(1 + w) (1 + w')`.
    pub det_plus: f64,
}

/// An entry of the diagonal of the k-th power of the step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub value: f64,
    /// 1 - value.
    pub lost: f64,
}

impl Kept {
    /// The part that is kept, as a factor. Its distance to -1 has lost digits where it is small.
    pub fn as_factor(self) -> Factor {
        Factor { value: self.value, one_minus: self.lost, one_plus: 1.0 + self.value }
    }
}

impl Modes {
    pub fn new(lr: f64, curvature: f64, momentum: Momentum) -> Self {
        Self { x: lr * curvature, momentum, roots: Roots::new(lr, curvature, momentum) }
    }

    /// ln of the larger size of the roots: what a step shrinks by in the long run.
    pub fn ln_radius(&self) -> f64 {
        match self.roots {
            Roots::Real { larger, .. } => larger.ln_abs(),
            Roots::Complex { .. } => 0.5 * self.momentum.get().ln(),
        }
    }

    /// The divided difference `p_n = (z^n - z'^n) / (z - z')`, which is the sum of `z^i z'^(n-1-i)` over i < n.
    pub fn divided_power(&self, n: u64) -> f64 {
        match self.roots {
            _ if n == 0 => 0.0,
            Roots::Real { larger, gap, .. } => {
                // z^(n-1) (1 - r^n) / (1 - r), r = z' / z
                larger.pow(n - 1).value * sum_of_powers(gap, n)
            }
            Roots::Complex { sign, angle } => {
                power_of_sign(sign, n - 1) * self.size(n - 1).0 * (n as f64 * angle).sin() / angle.sin()
            }
        }
    }

    pub fn power_sums(&self, n: u64) -> PowerSums {
        match self.roots {
            Roots::Real { larger, smaller, .. } => {
                let (first, second) = (larger.pow(n), smaller.pow(n));
                PowerSums {
                    trace: first.value + second.value,
                    trace_minus: first.one_minus + second.one_minus,
                    trace_plus: first.one_plus + second.one_plus,
                    det_minus: first.one_minus * second.one_minus,
                    det_plus: first.one_plus * second.one_plus,
                }
            }
            Roots::Complex { sign, angle } => {
                let (size, rest) = self.size(n);
                let (toward, away) = half_angle_squares(sign, angle, n);
                // |1 - w|^2 = (1 - |w|)^2 + 4 |w| sin^2(arg w / 2)
                PowerSums {
                    trace: 2.0 * power_of_sign(sign, n) * size * (n as f64 * angle).cos(),
                    trace_minus: 2.0 * rest + 4.0 * size * away,
                    trace_plus: 2.0 * rest + 4.0 * size * toward,
                    det_minus: rest * rest + 4.0 * size * away,
                    det_plus: rest * rest + 4.0 * size * toward,
                }
            }
        }
    }

    /// `(step^n)_(theta theta) = p_(n+1) - beta p_n`: what n >= 1 steps from rest leave of a weight.
    pub fn weight_kept(&self, n: u64) -> Kept {
        let value = match self.roots {
            // p_(n+1) = z p_n + z'^n, beta = z z'
            Roots::Real { larger, smaller, .. } => {
                larger.value * smaller.one_minus * self.divided_power(n) + smaller.pow(n).value
            }
            Roots::Complex { sign, angle } => return self.complex_kept(sign, angle, n, 1.0),
        };
        let lost = match self.roots {
            // 1 - (p_(n+1) - beta p_n) = x (p_1 + … + p_n)
            _ if n <= MOST_TERMS => self.x * self.sum_of_divided_powers(n),
            Roots::Real { larger, smaller, .. } if larger.value > 0.0 => {
                // p_1 + … + p_n = ((1 - z^(n+1)) / (1 - z) - p_(n+1)) / (1 - z')
                let sum = larger.pow(n + 1).one_minus / larger.one_minus - self.divided_power(n + 1);
                self.x * sum / smaller.one_minus
            }
            _ => 1.0 - value,
        };
        Kept { value, lost }
    }

    /// ln of the size of that, also where it is below the range of doubles.
    pub fn ln_weight_kept(&self, n: u64) -> f64 {
        let ln_size = n as f64 * self.ln_radius();
        if ln_size > FADED {
            return self.weight_kept(n).as_factor().ln_abs();
        }
        let part = match self.roots {
            // (z p_n (1 - z') + z'^n) / z^n, r = z' / z
            Roots::Real { smaller, gap, .. } => {
                smaller.one_minus * sum_of_powers(gap, n) + (n as f64 * (-gap).ln_1p()).exp()
            }
            Roots::Complex { sign, angle } => (n as f64 * angle).cos() + self.turned(sign, angle, n),
        };
        ln_size + part.abs().ln()
    }

    /// `(step^n)_(u u) = beta (p_n - p_(n-1))`: what n >= 1 steps leave of a velocity.
    pub fn velocity_kept(&self, n: u64) -> Kept {
        match self.roots {
            Roots::Real { larger, smaller, .. } => {
                // p_n - p_(n-1) = z'^(n-1) - (1 - z) p_(n-1)
                let (beta, power, before) = (self.momentum.get(), smaller.pow(n - 1), self.divided_power(n - 1));
                let value = beta * (power.value - larger.one_minus * before);
                Kept { value, lost: (1.0 - beta) + beta * (power.one_minus + larger.one_minus * before) }
            }
            Roots::Complex { sign, angle } => self.complex_kept(sign, angle, n, -1.0),
        }
    }

    /// `sign^n sqrt(beta)^n (cos n angle +- turned)`, with plus for the weight and minus for the velocity.
    fn complex_kept(&self, sign: f64, angle: f64, n: u64, side: f64) -> Kept {
        let (size, rest) = self.size(n);
        let turned = side * self.turned(sign, angle, n);
        if power_of_sign(sign, n) > 0.0 {
            let away = (n as f64 * angle / 2.0).sin().powi(2);
            Kept { value: size * ((n as f64 * angle).cos() + turned), lost: rest + size * (2.0 * away - turned) }
        } else {
            let value = -size * ((n as f64 * angle).cos() + turned);
            Kept { value, lost: 1.0 - value }
        }
    }

    /// `sin n angle (cos angle - sign sqrt beta) / sin angle`
    fn turned(&self, sign: f64, angle: f64, n: u64) -> f64 {
        let beta = self.momentum.get();
        let slope = if sign > 0.0 {
            // cos(angle) - sqrt(beta) = (1 - sqrt(beta)) - 2 sin^2(angle/2)
            ((1.0 - beta) / (1.0 + beta.sqrt()) - 2.0 * (angle / 2.0).sin().powi(2)) / angle.sin()
        } else {
            (angle.cos() + beta.sqrt()) / angle.sin()
        };
        (n as f64 * angle).sin() * slope
    }

    /// The eigenvalues `1 - alpha + alpha z^n` of a pull-back of theta and u alike: ln of the larger size.
    pub fn ln_radius_pulled_back(&self, alpha: f64, n: u64) -> f64 {
        match self.roots {
            Roots::Real { larger, smaller, .. } => {
                let pulled_back = |root: Factor| root.pow(n).pulled_back(alpha).ln_abs();
                pulled_back(larger).max(pulled_back(smaller))
            }
            Roots::Complex { sign, angle } => {
                let (size, rest) = self.size(n);
                let (toward, away) = half_angle_squares(sign, angle, n);
                // |1 - alpha + alpha w|^2, and its distance to 1
                let (cross, drop) = (4.0 * alpha * (1.0 - alpha) * size, alpha * rest);
                let square = (1.0 - alpha - alpha * size).powi(2) + cross * toward;
                let one_minus_square = drop * (2.0 - drop) + cross * away;
                0.5 * ln_near_one(square, one_minus_square)
            }
        }
    }

    /// `beta^(n/2)`, and 1 minus it.
    pub fn size(&self, n: u64) -> (f64, f64) {
        let exponent = n as f64 * (0.5 * self.momentum.get().ln());
        if n == 0 { (1.0, 0.0) } else { (exponent.exp(), -exponent.exp_m1()) }
    }

    fn sum_of_divided_powers(&self, n: u64) -> f64 {
        // p_(j+1) = (1 + beta - x) p_j - beta p_(j-1)
        let beta = self.momentum.get();
        let (mut before, mut p, mut sum) = (0.0, 1.0, 0.0);
        for _ in 0..n {
            sum += p;
            (before, p) = (p, (1.0 + beta - self.x) * p - beta * before);
        }
        sum
    }
}

impl Roots {
    fn new(lr: f64, curvature: f64, momentum: Momentum) -> Self {
        let beta = momentum.get();
        let root_beta = beta.sqrt();
        let (low, high) = (((1.0 - beta) / (1.0 + root_beta)).powi(2), (1.0 + root_beta).powi(2));
        let above_low = lr.mul_add(curvature, -low);
        let below_high = lr.mul_add(-curvature, high);
        if above_low > 0.0 && below_high > 0.0 {
            // tan^2(angle/2) = (x - low) / (high - x), from the positive or from the negative end
            let (near, far, sign) =
                if above_low <= below_high { (above_low, below_high, 1.0) } else { (below_high, above_low, -1.0) };
            return Self::Complex { sign, angle: 2.0 * (near / far).sqrt().atan() };
        }
        // The distance of the roots, the root of (x - low) (x - high).
        let distance = (-above_low * below_high).max(0.0).sqrt();
        let (x, sum) = (lr * curvature, 1.0 + beta - lr * curvature);
        let (larger, smaller) = if above_low <= 0.0 {
            let value = (sum + distance) / 2.0;
            let other = if value == 0.0 { 0.0 } else { beta / value };
            // 1 - z are the roots of y^2 - (1 - beta + x) y + x
            let far = (1.0 - beta + x + distance) / 2.0;
            (
                Factor { value, one_minus: x / far, one_plus: 1.0 + value },
                Factor { value: other, one_minus: far, one_plus: 1.0 + other },
            )
        } else {
            let value = (sum - distance) / 2.0;
            let other = beta / value;
            // 1 + z are the roots of y^2 - (3 + beta - x) y + 2 (1 + beta) - x
            let far = (2.0 + sum + distance) / 2.0;
            (
                Factor { value, one_minus: 1.0 - value, one_plus: momentum.room(lr, curvature) / far },
                Factor { value: other, one_minus: 1.0 - other, one_plus: far },
            )
        };
        let gap = if larger.value == 0.0 { 1.0 } else { (distance / larger.value.abs()).min(1.0) };
        Self::Real { larger, smaller, gap }
    }
}

/// `(1 - r^n) / (1 - r)` for r = 1 - gap.
fn sum_of_powers(gap: f64, n: u64) -> f64 {
    if gap == 0.0 { n as f64 } else { -(n as f64 * (-gap).ln_1p()).exp_m1() / gap }
}

/// ln of a number, given its distance to 1 too.
pub(crate) fn ln_near_one(value: f64, one_minus: f64) -> f64 {
    if one_minus < 0.5 { (-one_minus).ln_1p() } else { value.ln() }
}

/// `cos^2` and `sin^2` of half the argument of `(sign e^(i angle))^n`.
fn half_angle_squares(sign: f64, angle: f64, n: u64) -> (f64, f64) {
    let (sin, cos) = (n as f64 * angle / 2.0).sin_cos();
    if power_of_sign(sign, n) > 0.0 { (cos * cos, sin * sin) } else { (sin * sin, cos * cos) }
}

fn power_of_sign(sign: f64, n: u64) -> f64 {
    if n.is_multiple_of(2) { 1.0 } else { sign }
}
