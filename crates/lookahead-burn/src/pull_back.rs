//! Eq. 1 and App. C.5 on tensors: the core's kernels in place on the CPU, tensor operations elsewhere.

use burn::tensor::Tensor;
use lookahead::Alpha;
use lookahead::kernels::Pass;
use lookahead::kernels::momentum::Coefficients;

use crate::flex::{Values, is_later, opens};
use crate::read_back::{Number, moved_to};
use crate::refused::Refused;
use crate::weights::in_precision;

/// The numbers of one sync.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    /// How far the inner state goes under "interpolate", and, where there is no momentum, the slow weights.
    pub(crate) alpha: Alpha,
    /// An alpha that is still on its device, in place of the other for the slow weights.
    pub(crate) measured: Option<Number>,
    /// The outer step that it ends.
    pub(crate) outer: u64,
    /// The step of the slow weights with an outer momentum.
    pub(crate) step: Option<Coefficients<f64>>,
}

/// Eq. 1, `phi <- phi - alpha (phi - theta)`, `theta <- phi`; an element that is not finite keeps its phi. Gives
/// `(slow, fast)`, equal bit for bit.
fn pull_back<const D: usize>(
    slow: Tensor<D>,
    fast: Tensor<D>,
    Update { alpha, measured, .. }: &Update,
    refused: &mut Refused,
) -> (Tensor<D>, Tensor<D>) {
    if opens(&slow) && opens(&fast) {
        let (mut slow, mut fast) = (Values::of(slow), Values::of(fast));
        refused.count(Pass::new().pull_back(slow.as_mut_slice(), fast.as_mut_slice(), *alpha));
        return (slow.into_tensor(), fast.into_tensor());
    }
    let moved = match measured {
        Some(Number::OnDevice(alpha)) => {
            let alpha = in_precision(Tensor::clone(alpha), slow.dtype()).reshape([1; D]);
            slow.clone() - (slow.clone() - fast) * alpha
        }
        _ if *alpha == Alpha::ONE => fast,
        _ => slow.clone() - (slow.clone() - fast) * alpha.get(),
    };
    let finite = moved.clone().is_finite();
    refused.count_later(finite.clone());
    let slow = slow.mask_where(finite, moved);
    (slow.clone(), slow)
}

/// `b <- mu rho b + delta`, `phi <- phi - eta d`, `theta <- phi`, with `delta = phi - theta` and d as [`OuterStep`] says;
/// where the result is not finite phi stays and b begins anew. Gives `(slow, buffer, fast)`.
///
/// [`OuterStep`]: lookahead::OuterStep
fn outer_step<const D: usize>(
    slow: Tensor<D>,
    buffer: Tensor<D>,
    fast: Tensor<D>,
    step: Coefficients<f64>,
    refused: &mut Refused,
) -> (Tensor<D>, Tensor<D>, Tensor<D>) {
    if [&slow, &buffer, &fast].into_iter().all(opens) {
        let [mut slow, mut buffer, mut fast] = [slow, buffer, fast].map(Values::of);
        let (phi, b, theta) = (slow.as_mut_slice(), buffer.as_mut_slice(), fast.as_mut_slice());
        refused.count(Pass::new().outer_step(phi, b, theta, step.in_precision()));
        return (slow.into_tensor(), buffer.into_tensor(), fast.into_tensor());
    }
    let Coefficients { rate, momentum, kept, nesterov } = step;
    let delta = slow.clone() - fast.clone();
    let buffer = if kept == 0.0 { delta.clone() } else { buffer * kept + delta.clone() };
    let moved = match (momentum == 0.0, nesterov) {
        (true, _) if rate == 1.0 => fast,
        (true, _) => slow.clone() - delta * rate,
        (false, true) => slow.clone() - (delta + buffer.clone() * momentum) * rate,
        (false, false) => slow.clone() - buffer.clone() * rate,
    };
    let finite = moved.clone().is_finite();
    refused.count_later(finite.clone());
    let kept = finite.clone().bool_and(buffer.clone().is_finite());
    let buffer = buffer.zeros_like().mask_where(kept, buffer);
    let slow = slow.mask_where(finite, moved);
    (slow.clone(), buffer, slow)
}

/// A sync where phi may lie on another device, or be wider than a half-precision theta; a buffer that is not there is 0.
/// Gives `(slow, buffer, fast)`.
///
/// Theta takes the half-precision number nearest to phi. So what equals that number has not moved since the last sync,
/// and counts as phi: rounding alone moves nothing. What is too large for it keeps its phi, as what is not finite does.
pub(crate) fn settle<const D: usize>(
    slow: Tensor<D>,
    buffer: Option<Tensor<D>>,
    fast: Tensor<D>,
    update: &Update,
    refused: &mut Refused,
) -> (Tensor<D>, Option<Tensor<D>>, Tensor<D>) {
    let (device, dtype, is_half) = (fast.device(), fast.dtype(), slow.dtype() != fast.dtype());
    let mut near = moved_to(fast, &slow.device());
    if is_half {
        let rests = in_precision(slow.clone(), dtype).equal(near.clone());
        near = in_precision(near, slow.dtype()).mask_where(rests, slow.clone());
    }
    let before = is_half.then(|| slow.clone());
    let (slow, buffer, near) = match update.step {
        Some(step) => {
            let buffer = buffer.unwrap_or_else(|| slow.zeros_like());
            let (slow, buffer, near) = outer_step(slow, buffer, near, step, refused);
            (slow, Some(buffer), near)
        }
        None => {
            let (slow, near) = pull_back(slow, near, update, refused);
            (slow, None, near)
        }
    };
    let Some(before) = before else { return (slow, buffer, moved_to(near, &device)) };
    // Half precision has no number for what is finite, but beyond its range.
    let finite = in_precision(slow.clone(), dtype).is_finite();
    refused.count_later(finite.clone());
    let slow = before.mask_where(finite.clone(), slow);
    let buffer = buffer.map(|buffer| buffer.zeros_like().mask_where(finite, buffer));
    let near = in_precision(slow.clone(), dtype);
    (slow, buffer, moved_to(near, &device))
}

/// phi <- theta, of a parameter that has been frozen since the last sync; phi stays where it is a wider form of theta.
pub(crate) fn follow<const D: usize>(slow: Tensor<D>, fast: &Tensor<D>) -> Tensor<D> {
    let near = moved_to(fast.clone(), &slow.device());
    if slow.dtype() == near.dtype() {
        return near;
    }
    let rests = in_precision(slow.clone(), near.dtype()).equal(near.clone());
    in_precision(near, slow.dtype()).mask_where(rests, slow)
}

/// App. C.5, `s <- anchor - alpha (anchor - s)`; no anchor stands for zeros.
pub(crate) fn interpolate<const D: usize>(moment: Tensor<D>, anchor: Option<Tensor<D>>, alpha: Alpha) -> Tensor<D> {
    if alpha == Alpha::ONE {
        return moment;
    }
    let anchor = anchor.map_or_else(|| moment.zeros_like(), |anchor| moved_to(anchor, &moment.device()));
    if opens(&moment) && opens(&anchor) {
        let (mut moment, anchor) = (Values::of(moment), Values::of(anchor));
        Pass::new().interpolate(moment.as_mut_slice(), anchor.as_slice(), alpha);
        return moment.into_tensor();
    }
    let moved = anchor.clone() - (anchor.clone() - moment.clone()) * alpha.get();
    // An anchor of before the look at what was refused may be spoilt.
    if is_later(&moved.device()) { moment.mask_where(anchor.is_finite(), moved) } else { moved }
}
