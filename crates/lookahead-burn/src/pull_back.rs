//! Eq. 1 and App. C.5 on tensors: the core's kernels in place on the CPU, tensor operations elsewhere.

use burn::tensor::Tensor;
use lookahead::Alpha;
use lookahead::kernels::Pass;

use crate::flex::{Values, opens};
use crate::read_back::{self, moved_to};
use crate::weights::in_precision;

/// Elements refused as not finite: counted at once on the CPU, still on the device elsewhere.
#[derive(Default)]
pub(crate) struct Refused {
    counted: u64,
    pending: Vec<Tensor<1>>,
}

impl Refused {
    pub(crate) fn count(&mut self, elements: usize) {
        self.counted += elements as u64;
    }

    /// The number, waiting for the device once.
    ///
    /// # Panics
    /// If the device fails.
    pub(crate) fn total(self) -> u64 {
        let pending = read_back::numbers(self.pending).unwrap_or_else(|error| panic!("{error}"));
        self.counted + pending.iter().sum::<f64>() as u64
    }
}

/// Eq. 1, `phi <- phi - alpha (phi - theta)`, `theta <- phi`; an element that is not finite keeps its phi. Gives
/// `(slow, fast)`, equal bit for bit.
pub(crate) fn pull_back<const D: usize>(
    slow: Tensor<D>,
    fast: Tensor<D>,
    alpha: Alpha,
    refused: &mut Refused,
) -> (Tensor<D>, Tensor<D>) {
    if opens(&slow) && opens(&fast) {
        let (mut slow, mut fast) = (Values::of(slow), Values::of(fast));
        refused.count(Pass::new().pull_back(slow.as_mut_slice(), fast.as_mut_slice(), alpha));
        return (slow.into_tensor(), fast.into_tensor());
    }
    let moved = if alpha == Alpha::ONE { fast } else { slow.clone() - (slow.clone() - fast) * alpha.get() };
    let finite = moved.clone().is_finite();
    refused.pending.push(finite.clone().bool_not().float().sum());
    let slow = slow.mask_where(finite, moved);
    (slow.clone(), slow)
}

/// [`pull_back`] where phi may lie on another device, or be wider than a half-precision theta.
///
/// Then theta takes the half-precision number nearest to phi. So what equals that number has not moved since the last
/// sync, and keeps its phi: rounding alone moves nothing.
pub(crate) fn settle<const D: usize>(
    slow: Tensor<D>,
    fast: Tensor<D>,
    alpha: Alpha,
    refused: &mut Refused,
) -> (Tensor<D>, Tensor<D>) {
    let (device, dtype) = (fast.device(), fast.dtype());
    let near = moved_to(fast, &slow.device());
    if slow.dtype() == dtype {
        let (slow, near) = pull_back(slow, near, alpha, refused);
        return (slow, moved_to(near, &device));
    }
    let rests = in_precision(slow.clone(), dtype).equal(near.clone());
    let near = in_precision(near, slow.dtype());
    let (moved, _) = pull_back(slow.clone(), near, alpha, refused);
    let slow = moved.mask_where(rests, slow);
    let fast = moved_to(in_precision(slow.clone(), dtype), &device);
    (slow, fast)
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
    anchor.clone() - (anchor - moment) * alpha.get()
}
