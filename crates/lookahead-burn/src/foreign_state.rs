//! States of rules that are not ours, reached through Burn's own flattening (host copies, at syncs only).

use std::any::Any;
use std::collections::BTreeMap;

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{DType, Device, Tensor, TensorData};
use lookahead::{Alpha, kernels};

use crate::rule_state::RuleState;

/// The name under which a per-parameter Lookahead keeps its slow weights; they are weights, not a moment.
pub(crate) const SLOW_LEAF: &str = "lookahead_slow";

/// App. C.5 "interpolate" for the state of any rule; no anchor stands for zeros. Ours move on the device.
pub(crate) fn interpolate<O: Optimizer, const D: usize>(
    state: O::State<D>,
    anchor: Option<&O::State<D>>,
    alpha: Alpha,
    device: &Device,
) -> O::State<D> {
    if let Some(ours) = (&state as &dyn Any).downcast_ref::<RuleState<D>>() {
        let anchor = anchor.and_then(|anchor| (anchor as &dyn Any).downcast_ref());
        let moved: Box<dyn Any> = Box::new(ours.clone().pull_back(anchor, alpha));
        // The same type by another name: `ours` is `state`.
        return moved.downcast().map_or(state, |moved| *moved);
    }
    let anchors: BTreeMap<_, _> = anchor.map(|anchor| flatten(anchor).tensors.into_iter().collect()).unwrap_or_default();
    edit(state, device, |leaf, data| {
        if leaf.ends_with(SLOW_LEAF) { data } else { interpolate_data(data, anchors.get(leaf), alpha) }
    })
}

/// Sets the slow weights of per-parameter Lookaheads inside to `weights`.
pub(crate) fn rebase<O: Optimizer, const D: usize>(state: O::State<D>, weights: &Tensor<D>) -> O::State<D> {
    let slow = weights.clone().into_data();
    edit(state, &weights.device(), |leaf, data| if leaf.ends_with(SLOW_LEAF) { slow.clone() } else { data })
}

/// The names and types of the tensors in a rule's state, seen in one made for the purpose.
pub(crate) fn probe<O: Optimizer>(rule: &O) -> Vec<(String, DType)> {
    let device = Device::flex();
    let (weights, gradient) = (Tensor::<2>::zeros([2, 2], &device), Tensor::<2>::ones([2, 2], &device));
    let (_, state) = rule.step(1e-3, weights, gradient, None);
    let tensors = state.map(|state| flatten(&state).tensors).unwrap_or_default();
    tensors.into_iter().map(|(leaf, data)| (leaf, data.dtype())).collect()
}

fn flatten<S: RecordState>(state: &S) -> StateSink {
    let mut sink = StateSink::default();
    state.state_flatten("state", &mut sink);
    sink
}

fn edit<S: RecordState>(state: S, device: &Device, change: impl Fn(&str, TensorData) -> TensorData) -> S {
    let sink = flatten(&state);
    let mut source = StateSource::new(sink.scalars.into_iter().collect());
    for (leaf, data) in sink.tensors {
        let data = change(&leaf, data);
        source.insert_tensor(leaf, data);
    }
    // A state reads back what it wrote: the leaves are all there, of the same shapes and types.
    S::state_unflatten("state", &mut source, device).unwrap_or(state)
}

/// `s <- anchor - alpha (anchor - s)` in the precision of the tensor (through f64 for half precision).
fn interpolate_data(data: TensorData, anchor: Option<&TensorData>, alpha: Alpha) -> TensorData {
    let (shape, dtype) = (data.shape().clone(), data.dtype());
    let mut moment: Vec<f64> = data.iter::<f64>().collect();
    let anchor: Vec<f64> = anchor.map_or_else(|| vec![0.0; moment.len()], |anchor| anchor.iter::<f64>().collect());
    kernels::interpolate(&mut moment, &anchor, alpha);
    TensorData::new(moment, shape).convert_dtype(dtype)
}
