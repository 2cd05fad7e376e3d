//! States of rules that are not ours, reached through Burn's own flattening (host copies, at syncs only), and the
//! per-parameter Lookaheads among them, whose slow weights, anchors and clocks are told apart by their names.

use std::any::Any;
use std::collections::BTreeMap;

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{DType, Device, Element, Tensor, TensorData};
use burn_pack::Scalar;
use lookahead::{Alpha, Float, kernels};

use crate::read_back::values_or_panic;
use crate::rule_state::{FIRST_WEIGHT_LEAF, RuleState, SECOND_WEIGHT_LEAF};
use crate::weights::widened;
use crate::{AdaFactorState, Error};

/// Under this name a per-parameter Lookahead keeps its slow weights; they are weights, not a moment.
pub(crate) const SLOW_LEAF: &str = "lookahead_slow";
/// Under this name it keeps the buffer of an outer momentum, which is a moment.
pub(crate) const BUFFER_LEAF: &str = "lookahead_buffer";
/// Under this name it keeps the number of what the buffer is measured in.
pub(crate) const BUFFER_UNIT_LEAF: &str = "lookahead_buffer_unit";
/// Under this name it keeps how large that was at the last sync.
pub(crate) const BUFFER_SIZE_LEAF: &str = "lookahead_buffer_size";
/// Under this name it keeps how many elements were refused since that was last looked at, if any were.
pub(crate) const UNSEEN_LEAF: &str = "lookahead_unseen";
/// Under this name it keeps the phase of its clock.
pub(crate) const PHASE_LEAF: &str = "lookahead_phase";
/// Under this name it keeps the number of its syncs.
pub(crate) const OUTER_LEAF: &str = "lookahead_outer";
/// Under this name it keeps the inner state.
pub(crate) const INNER_LEAF: &str = "lookahead_inner";
/// Under this name it keeps the inner state as of the last sync.
pub(crate) const ANCHOR_LEAF: &str = "lookahead_anchor";

/// App. C.5 "interpolate" for the state of any rule; no anchor stands for zeros. Ours move on the device.
pub(crate) fn interpolate<O: Optimizer, const D: usize>(
    state: O::State<D>,
    anchor: Option<&O::State<D>>,
    alpha: Alpha,
    device: &Device,
) -> Result<O::State<D>, Error> {
    let ours = interpolate_as(&state, anchor, |state: RuleState<D>, anchor| state.pull_back(anchor, alpha))
        .or_else(|| interpolate_as(&state, anchor, |state: AdaFactorState<D>, anchor| state.pull_back(anchor, alpha)));
    if let Some(moved) = ours {
        return Ok(moved);
    }
    check_interpolable::<_, D>(&state, device)?;
    let anchor = anchor.map(flatten).unwrap_or_default();
    let anchor_tensors: BTreeMap<_, _> = anchor.tensors.into_iter().collect();
    let anchor_scalars: BTreeMap<_, _> = anchor.scalars.into_iter().collect();
    let mut sink = flatten(&state);
    for (leaf, data) in sink.tensors.iter_mut().filter(|(leaf, _)| !leaf.ends_with(SLOW_LEAF)) {
        *data = interpolate_data(data, anchor_tensors.get(leaf), alpha);
    }
    // Our bias corrections move with their moments, inside a per-parameter Lookahead too.
    for (leaf, scalar) in &mut sink.scalars {
        if let Scalar::Float(weight) = scalar
            && (leaf.ends_with(FIRST_WEIGHT_LEAF) || leaf.ends_with(SECOND_WEIGHT_LEAF))
        {
            let anchor = anchor_scalars.get(leaf).and_then(|anchor| f64::try_from(*anchor).ok()).unwrap_or_default();
            *weight = kernels::interpolate_scalar(*weight, anchor, alpha);
        }
    }
    rebuild(sink, device).ok_or(Error::NotReadBack)
}

/// Moves a state that is one of ours by its own name; `None` for any other.
fn interpolate_as<Ours: Any + Clone, S: Any>(
    state: &S,
    anchor: Option<&S>,
    pull_back: impl FnOnce(Ours, Option<&Ours>) -> Ours,
) -> Option<S> {
    let ours = (state as &dyn Any).downcast_ref::<Ours>()?.clone();
    let anchor = anchor.and_then(|anchor| (anchor as &dyn Any).downcast_ref());
    let moved: Box<dyn Any> = Box::new(pull_back(ours, anchor));
    moved.downcast().ok().map(|moved| *moved)
}

/// After an outer sync: the slow weights of per-parameter Lookaheads inside are `weights`, and partial cycles are over.
/// Their anchors are the state already: both were that at the inner sync just before, and have moved alike.
pub(crate) fn rebase<O: Optimizer, const D: usize>(state: O::State<D>, weights: &Tensor<D>) -> O::State<D> {
    let slow = values_or_panic(widened(weights.clone()));
    let mut sink = flatten(&state);
    for (_, data) in sink.tensors.iter_mut().filter(|(leaf, _)| leaf.ends_with(SLOW_LEAF)) {
        *data = slow.clone();
    }
    end_partial_cycles(&mut sink.scalars);
    rebuild(sink, &weights.device()).unwrap_or(state)
}

fn end_partial_cycles(scalars: &mut [(String, Scalar)]) {
    let in_mid_cycle = |(leaf, phase): &(String, Scalar)| leaf.ends_with(PHASE_LEAF) && *phase != Scalar::UInt(0);
    let clocks = scalars.iter().filter(|scalar| in_mid_cycle(scalar));
    let clocks: Vec<String> = clocks.map(|(leaf, _)| leaf.replace(PHASE_LEAF, OUTER_LEAF)).collect();
    for (leaf, scalar) in scalars {
        match scalar {
            phase if leaf.ends_with(PHASE_LEAF) => *phase = Scalar::UInt(0),
            Scalar::UInt(outer) if clocks.contains(leaf) => *outer += 1,
            _ => {}
        }
    }
}

/// Whether a rule's state can be interpolated: it is one of ours, or has float tensors only and reads back what it writes.
pub(crate) fn check_interpolable<S: RecordState, const D: usize>(state: &S, device: &Device) -> Result<(), Error> {
    let any: &dyn Any = state;
    if any.is::<RuleState<D>>() || any.is::<AdaFactorState<D>>() {
        return Ok(());
    }
    let written = flatten(state);
    if let Some((leaf, _)) = written.tensors.iter().find(|(_, data)| !data.dtype().is_float()) {
        return Err(Error::NotInterpolable { leaf: leaf.clone() });
    }
    let leaves = written.tensors.len();
    match rebuild::<S>(written, device) {
        Some(read) if flatten(&read).tensors.len() == leaves => Ok(()),
        _ => Err(Error::NotReadBack),
    }
}

fn flatten<S: RecordState>(state: &S) -> StateSink {
    let mut sink = StateSink::default();
    state.state_flatten("state", &mut sink);
    sink
}

/// A state reads back what it wrote: the leaves are all there, of the same shapes and types.
fn rebuild<S: RecordState>(sink: StateSink, device: &Device) -> Option<S> {
    let mut source = StateSource::new(sink.scalars.into_iter().collect());
    sink.tensors.into_iter().for_each(|(leaf, data)| source.insert_tensor(leaf, data));
    S::state_unflatten("state", &mut source, device)
}

/// `s <- anchor - alpha (anchor - s)`: in f64 for f64, else in f32, as in place.
fn interpolate_data(data: &TensorData, anchor: Option<&TensorData>, alpha: Alpha) -> TensorData {
    match data.dtype() {
        DType::F64 => interpolate_values::<f64>(data, anchor, alpha),
        _ => interpolate_values::<f32>(data, anchor, alpha),
    }
}

fn interpolate_values<T: Float + Element>(data: &TensorData, anchor: Option<&TensorData>, alpha: Alpha) -> TensorData {
    let mut moment: Vec<T> = data.iter().collect();
    let anchor = anchor.map_or_else(|| vec![T::ZERO; moment.len()], |anchor| anchor.iter().collect());
    kernels::interpolate(&mut moment, &anchor, alpha);
    TensorData::new(moment, data.shape().clone()).convert_dtype(data.dtype())
}
