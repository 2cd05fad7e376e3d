//! Classical momentum inside Lookahead as a linear dynamical system (App. B.1), reduced to (theta, velocity): k steps
//! and a sync are a matrix of two rows in each direction, whatever k is.

use lookahead::InnerStatePolicy;

use crate::factor::Factor;
use crate::modes::{Modes, ln_near_one};
use crate::{Cycle, Error, Momentum};

/// One cycle, of k steps and a sync, in one direction without noise.
///
/// With x = lr a and u the velocity in units of theta, a step is `u <- beta u + x theta`, `theta <- theta - u`; a sync
/// is `theta <- phi + alpha (theta - phi)`, and u is maintained, interpolated or reset.
///
/// ```
/// use lookahead_theory::{Cycle, CycleSystem, Momentum};
/// let plain = CycleSystem::new(0.5, 1.0, Momentum::NONE, &Cycle::new(5, 0.5)?)?;
/// // 1 - alpha + alpha (1 - lr a)^k
/// assert!((plain.spectral_radius() - (0.5 + 0.5 * 0.5_f64.powi(5))).abs() < 1e-15);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CycleSystem {
    lr: f64,
    curvature: f64,
    momentum: Momentum,
    cycle: Cycle,
    modes: Modes,
}

impl CycleSystem {
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < lr < 2 (1 + beta) / curvature`.
    pub fn new(lr: f64, curvature: f64, momentum: Momentum, cycle: &Cycle) -> Result<Self, Error> {
        momentum.check_lr(lr, curvature)?;
        Ok(Self::new_unchecked(lr, curvature, momentum, cycle))
    }

    pub(crate) fn new_unchecked(lr: f64, curvature: f64, momentum: Momentum, cycle: &Cycle) -> Self {
        Self { lr, curvature, momentum, cycle: *cycle, modes: Modes::new(lr, curvature, momentum) }
    }

    /// The matrix that takes (theta, u) after one sync to (theta, u) after the next.
    #[must_use]
    pub fn matrix(&self) -> [[f64; 2]; 2] {
        let (alpha, k) = (self.cycle.alpha.get(), self.cycle.steps());
        let p = self.modes.divided_power(k);
        // H^k = p_k H - beta p_(k-1) I, H being one step
        let theta = [self.modes.weight_kept(k).value, -self.momentum.get() * p];
        let velocity = [self.lr * self.curvature * p, self.modes.velocity_kept(k).value];
        let new_velocity = match self.cycle.inner_state {
            InnerStatePolicy::Maintain => velocity,
            InnerStatePolicy::Interpolate => [alpha * velocity[0], 1.0 - alpha + alpha * velocity[1]],
            InnerStatePolicy::Reset => [0.0, 0.0],
        };
        [[1.0 - alpha + alpha * theta[0], alpha * theta[1]], new_velocity]
    }

    /// The spectral radius of that matrix; its k-th root is the contraction of one inner step.
    #[must_use]
    pub fn spectral_radius(&self) -> f64 {
        self.ln_radius().exp()
    }

    /// ln of the spectral radius, which a rounded radius near 1 would lose.
    pub(crate) fn ln_radius(&self) -> f64 {
        let (alpha, k) = (self.cycle.alpha.get(), self.cycle.steps());
        match self.cycle.inner_state {
            InnerStatePolicy::Maintain | InnerStatePolicy::Interpolate if alpha == 1.0 => {
                k as f64 * self.modes.ln_radius()
            }
            InnerStatePolicy::Maintain => self.maintained().ln_radius(),
            InnerStatePolicy::Interpolate => self.modes.ln_radius_pulled_back(alpha, k),
            InnerStatePolicy::Reset if alpha == 1.0 => self.modes.ln_weight_kept(k),
            InnerStatePolicy::Reset => self.modes.weight_kept(k).as_factor().pulled_back(alpha).ln_abs(),
        }
    }

    /// Maintain: C = D H^k + (I - D) with D = diag(alpha, 1), and det H^k = beta^k.
    fn maintained(&self) -> Invariants {
        let (alpha, k) = (self.cycle.alpha.get(), self.cycle.steps());
        let (sums, velocity) = (self.modes.power_sums(k), self.modes.velocity_kept(k));
        let (stay, (det, det_rest)) = (1.0 - alpha, self.modes.size(2 * k));
        Invariants {
            trace: stay * (1.0 + velocity.value) + alpha * sums.trace,
            trace_minus: stay * velocity.lost + alpha * sums.trace_minus,
            trace_plus: stay * (3.0 + velocity.value) + alpha * sums.trace_plus,
            det: stay * velocity.value + alpha * det,
            one_minus_det: stay * velocity.lost + alpha * det_rest,
            det_minus: alpha * sums.det_minus,
            det_plus: 2.0 * stay * (1.0 + velocity.value) + alpha * sums.det_plus,
        }
    }
}

/// What the characteristic polynomial of a matrix C of two rows is made of at 0, 1 and -1, each without cancellation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invariants {
    pub trace: f64,
    /// The trace of I - C.
    pub trace_minus: f64,
    /// The trace of I + C.
    pub trace_plus: f64,
    pub det: f64,
    pub one_minus_det: f64,
    /// det(I - C).
    pub det_minus: f64,
    /// det(I + C).
    pub det_plus: f64,
}

impl Invariants {
    pub fn ln_radius(&self) -> f64 {
        // (tr C)^2 - 4 det C is the same for I - C and I + C: the smallest trace cancels least.
        let polynomials =
            [(self.trace, self.det), (self.trace_minus, self.det_minus), (self.trace_plus, self.det_plus)];
        let least = polynomials.into_iter().min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let (trace, det) = least.unwrap_or(polynomials[0]);
        let discriminant = trace * trace - 4.0 * det;
        if discriminant < 0.0 {
            // A complex pair: |mu|^2 = det C
            return 0.5 * ln_near_one(self.det, self.one_minus_det);
        }
        let distance = discriminant.sqrt();
        let most = Factor {
            value: largest_root(self.trace, self.det, distance),
            one_minus: smallest_root(self.trace_minus, self.det_minus, distance),
            one_plus: 2.0,
        };
        let least = Factor {
            value: smallest_root(self.trace, self.det, distance),
            one_minus: 2.0,
            one_plus: smallest_root(self.trace_plus, self.det_plus, distance),
        };
        most.ln_abs().max(least.ln_abs())
    }
}

/// The largest root of `z^2 - trace z + det`, the roots being `distance` apart.
fn largest_root(trace: f64, det: f64, distance: f64) -> f64 {
    if trace >= 0.0 { (trace + distance) / 2.0 } else { 2.0 * det / (trace - distance) }
}

/// The smallest root.
fn smallest_root(trace: f64, det: f64, distance: f64) -> f64 {
    -largest_root(-trace, det, distance)
}
