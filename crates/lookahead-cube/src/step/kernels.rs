//! The kernels: element i of a parameter, of everything that belongs to it.

use burn::cubecl;
use burn::cubecl::prelude::*;
use burn::cubecl::std::tensor::layout::linear::{LinearView, LinearViewMut};

/// The rule that a kernel is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Plain,
    HeavyBall,
    Nesterov,
    Adam,
}

/// The outer step that a kernel is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outer {
    /// Eq. 1.
    PullBack,
    HeavyBall,
    Nesterov,
    /// An outer step without momentum: its buffer is kept all the same.
    NoMomentum,
}

/// The numbers of a rule's step: [`lookahead::kernels::sgd::Coefficients`].
#[derive(CubeType, CubeLaunch)]
pub(crate) struct SgdNumbers {
    pub(crate) lr: f32,
    pub(crate) weight_decay: f32,
    pub(crate) momentum: f32,
    pub(crate) gradient_weight: f32,
}

/// The numbers of a rule's step: [`lookahead::kernels::adam::Coefficients`].
#[derive(CubeType, CubeLaunch)]
pub(crate) struct AdamNumbers {
    pub(crate) first_rest: f32,
    pub(crate) beta2: f32,
    pub(crate) second_rest: f32,
    pub(crate) step_size: f32,
    pub(crate) inverse_root: f32,
    pub(crate) epsilon: f32,
    pub(crate) coupled_decay: f32,
    pub(crate) keep: f32,
}

/// The numbers of a sync: alpha or eta, mu, and what stays of the buffer.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct OuterNumbers {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
    pub(crate) kept: f32,
}

/// Theta after the rule's step; its moments are written.
#[cube]
#[expect(clippy::too_many_arguments, reason = "a kernel names each of its buffers")]
fn rule(
    i: usize,
    theta: f32,
    g: f32,
    first: &mut LinearViewMut<'_, f32>,
    second: &mut LinearViewMut<'_, f32>,
    sgd: &SgdNumbers,
    adam: &AdamNumbers,
    #[comptime] kind: Kind,
) -> f32 {
    match comptime!(kind) {
        Kind::Plain => {
            let g = g + sgd.weight_decay * theta;
            theta - sgd.lr * g
        }
        Kind::HeavyBall => {
            let g = g + sgd.weight_decay * theta;
            let v = sgd.momentum * first.read(i) + sgd.gradient_weight * g;
            first.write(i, v);
            theta - sgd.lr * v
        }
        Kind::Nesterov => {
            let g = g + sgd.weight_decay * theta;
            let v = sgd.momentum * first.read(i) + sgd.gradient_weight * g;
            first.write(i, v);
            theta - sgd.lr * (g + sgd.momentum * v)
        }
        Kind::Adam => {
            let g = g + adam.coupled_decay * theta;
            let m = first.read(i);
            let m = m + adam.first_rest * (g - m);
            let v = adam.beta2 * second.read(i) + adam.second_rest * g * g;
            first.write(i, m);
            second.write(i, v);
            let denominator = v.sqrt() * adam.inverse_root + adam.epsilon;
            theta * adam.keep - adam.step_size * m / denominator
        }
    }
}

/// A step of the rule, in f32 whatever the precisions `T` of theta and `G` of the gradient.
#[cube(launch)]
#[expect(clippy::too_many_arguments, reason = "a kernel names each of its buffers")]
pub(crate) fn step<T: Float, G: Float>(
    mut theta: LinearViewMut<'_, T>,
    mut first: LinearViewMut<'_, f32>,
    mut second: LinearViewMut<'_, f32>,
    grad: LinearView<'_, G>,
    sgd: SgdNumbers,
    adam: AdamNumbers,
    #[comptime] kind: Kind,
    #[define(T, G)] _dtypes: [ElemType; 2],
) {
    let i = ABSOLUTE_POS;
    if !theta.is_in_bounds(i) {
        terminate!();
    }
    let (fast, g) = (f32::cast_from(theta.read(i)), f32::cast_from(grad.read(i)));
    let moved = rule(i, fast, g, &mut first, &mut second, &sgd, &adam, kind);
    theta.write(i, T::cast_from(moved));
}

/// A step of the rule and the sync that follows it, with `delta = phi - theta`:
/// `phi <- phi - alpha delta`, or `b <- mu rho b + delta` and `phi <- phi - eta d`; then `theta <- phi`. Where the
/// buffer `begins`, nothing of it stays; where the slow weight `takes` theta, alpha is 1. A theta that `is_half` precise takes
/// the number nearest to phi: what equals that number has not moved since the last sync, and counts as phi.
#[cube(launch)]
#[expect(clippy::too_many_arguments, reason = "a kernel names each of its buffers")]
pub(crate) fn step_and_sync<T: Float, G: Float>(
    mut theta: LinearViewMut<'_, T>,
    mut first: LinearViewMut<'_, f32>,
    mut second: LinearViewMut<'_, f32>,
    mut slow: LinearViewMut<'_, f32>,
    mut buffer: LinearViewMut<'_, f32>,
    grad: LinearView<'_, G>,
    refused: &mut Tensor<Atomic<i32>>,
    sgd: SgdNumbers,
    adam: AdamNumbers,
    numbers: OuterNumbers,
    #[comptime] kind: Kind,
    #[comptime] outer: Outer,
    #[comptime] begins: bool,
    #[comptime] takes: bool,
    #[comptime] is_half: bool,
    #[define(T, G)] _dtypes: [ElemType; 2],
) {
    let i = ABSOLUTE_POS;
    if !theta.is_in_bounds(i) {
        terminate!();
    }
    let (fast, g) = (f32::cast_from(theta.read(i)), f32::cast_from(grad.read(i)));
    let moved = rule(i, fast, g, &mut first, &mut second, &sgd, &adam, kind);
    let phi = slow.read(i);
    let fast = if comptime!(is_half) {
        let stepped = T::cast_from(moved);
        select(stepped == T::cast_from(phi), phi, f32::cast_from(stepped))
    } else {
        moved
    };
    let delta = phi - fast;
    let b = match comptime!(outer) {
        Outer::PullBack => delta,
        Outer::HeavyBall | Outer::Nesterov | Outer::NoMomentum => {
            if comptime!(begins) {
                delta
            } else {
                numbers.kept * buffer.read(i) + delta
            }
        }
    };
    let moved = match comptime!(outer) {
        Outer::PullBack | Outer::NoMomentum => {
            if comptime!(takes) {
                fast
            } else {
                phi - numbers.rate * delta
            }
        }
        Outer::HeavyBall => phi - numbers.rate * b,
        Outer::Nesterov => phi - numbers.rate * (delta + numbers.momentum * b),
    };
    // Half precision has no number for what is finite, but beyond its range.
    let near = f32::cast_from(T::cast_from(moved));
    let is_finite = !(near.is_nan() || near.is_inf());
    let settled = select(is_finite, moved, phi);
    if !is_finite {
        refused[0].fetch_add(1);
    }
    slow.write(i, settled);
    theta.write(i, T::cast_from(settled));
    match comptime!(outer) {
        Outer::PullBack => {}
        Outer::HeavyBall | Outer::Nesterov | Outer::NoMomentum => {
            let is_kept = is_finite && !(b.is_nan() || b.is_inf());
            buffer.write(i, select(is_kept, b, 0.0f32));
        }
    }
}
