//! The slow weights phi, and what a sync does to them: Eq. 1 and App. C.5 over all tensors.

use std::borrow::Cow;

use crate::buffer::Slot;
use crate::inner_state::{adopt_zeros, buffers_fit, interpolate_all, lengths_fit, zero_all};
use crate::kernels::bf16::{Rounding, store, widen};
use crate::kernels::momentum::Coefficients;
use crate::kernels::{Pass, Slow, SlowValues, TensorSync};
use crate::{Alpha, Buffer, BufferScale, Error, Float, Grads, InnerState, OuterStep, ParamSet};

/// How the slow weights are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SlowStorage {
    /// In the precision of the fast weights: after a sync both are equal bit for bit. The default.
    #[default]
    Full,
    /// As bf16 numbers: 2 bytes a weight.
    ///
    /// At a sync theta takes the result of Eq. 1 in its own precision, and phi one of its two bf16 neighbours, the nearer
    /// one the more often, so that the mean is theta: moves much smaller than a bf16 step add up as they should. Each
    /// sync is off by less than 2^-7 of the weight, with mean zero and a standard deviation of at most 2^-8 of it; the next
    /// sync pulls theta toward that rounded phi. What is drawn depends on `seed`, sync, tensor and element alone.
    ///
    /// A tensor that has had no gradient since the last sync is left alone, unless the momentum of a Lookahead inside
    /// may move it. An element whose gradient is zero is not: it takes part in the rounding.
    Bf16 {
        /// The seed of the rounding.
        seed: u64,
    },
}

/// The slow weights of all tensors.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub(crate) enum SlowWeights<T> {
    Full(Vec<Buffer<T>>),
    Bf16 {
        values: Vec<Buffer<u16>>,
        stepped: Vec<bool>,
        seed: u64,
    },
    /// With the buffers of an outer momentum.
    Momentum {
        values: Vec<Buffer<T>>,
        buffers: Vec<Buffer<T>>,
        scale: BufferScale,
    },
}

impl<T: Clone> Clone for SlowWeights<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Full(slow) => Self::Full(slow.clone()),
            Self::Bf16 { values, stepped, seed } => {
                Self::Bf16 { values: values.clone(), stepped: stepped.clone(), seed: *seed }
            }
            Self::Momentum { values, buffers, scale } => {
                Self::Momentum { values: values.clone(), buffers: buffers.clone(), scale: *scale }
            }
        }
    }

    fn clone_from(&mut self, source: &Self) {
        match (self, source) {
            (Self::Full(slow), Self::Full(source)) => slow.clone_from(source),
            (Self::Bf16 { values, stepped, seed }, Self::Bf16 { values: from, stepped: marks, seed: other }) => {
                values.clone_from(from);
                stepped.clone_from(marks);
                *seed = *other;
            }
            (
                Self::Momentum { values, buffers, scale },
                Self::Momentum { values: from, buffers: others, scale: its_scale },
            ) => {
                values.clone_from(from);
                buffers.clone_from(others);
                *scale = *its_scale;
            }
            (slow, source) => *slow = source.clone(),
        }
    }
}

impl<T: Float> SlowWeights<T> {
    pub(crate) fn new(storage: SlowStorage, with_momentum: bool) -> Self {
        let full = match storage {
            SlowStorage::Full => Self::Full(Vec::new()),
            SlowStorage::Bf16 { seed } => Self::Bf16 { values: Vec::new(), stepped: Vec::new(), seed },
        };
        full.with_momentum(with_momentum)
    }

    /// The same with buffers for a momentum, or without.
    fn with_momentum(self, wanted: bool) -> Self {
        match self {
            Self::Full(values) if wanted => {
                Self::Momentum { values, buffers: Vec::new(), scale: BufferScale::default() }
            }
            Self::Momentum { values, .. } if !wanted => Self::Full(values),
            slow => slow,
        }
    }

    /// Begins a momentum that was not kept, or lets it go.
    pub(crate) fn adapt(&mut self, with_momentum: bool) {
        let slow = std::mem::replace(self, Self::Full(Vec::new()));
        *self = slow.with_momentum(with_momentum);
    }

    /// theta_0 of every tensor that joins, before its first step in outer step `outer`.
    pub(crate) fn adopt(&mut self, params: &ParamSet<'_, T>, outer: u64) {
        match self {
            Self::Full(slow) => adopt_copies(slow, params),
            Self::Momentum { values, buffers, .. } => {
                adopt_copies(values, params);
                adopt_zeros(buffers, params, Slot::OuterMomentum);
            }
            Self::Bf16 { values, stepped, seed } => {
                for (index, param) in params.iter().enumerate().skip(values.len()) {
                    let mut slow = Buffer::zeros(param.values().len(), Slot::Slow);
                    store(&mut slow, param.values(), Rounding::at_joining(*seed, outer, index as u64));
                    values.push(slow);
                }
                stepped.resize(values.len(), false);
            }
        }
    }

    /// Notes which tensors move: by a gradient, or without one where they coast.
    pub(crate) fn observe(&mut self, grads: &Grads<'_, T>, coasts: impl Fn(usize) -> bool) {
        if let Self::Bf16 { stepped, .. } = self {
            for (index, stepped) in stepped.iter_mut().enumerate() {
                *stepped = *stepped || grads.get(index).is_some() || coasts(index);
            }
        }
    }

    /// Notes the learning rate of a gradient step.
    pub(crate) fn observe_rate(&mut self, rate: f64) {
        if let Self::Momentum { scale, .. } = self {
            scale.lr = rate;
        }
    }

    /// The numbers of `plan` for outer step `outer`, if there is a momentum.
    pub(crate) fn next_step(&mut self, plan: &OuterStep, outer: u64) -> Option<Coefficients<T>> {
        match self {
            Self::Momentum { scale, .. } => Some(plan.coefficients(outer, scale).in_precision()),
            Self::Full(_) | Self::Bf16 { .. } => None,
        }
    }

    /// The buffers of the momentum.
    pub(crate) fn momentum(&self) -> Option<&[Buffer<T>]> {
        match self {
            Self::Momentum { buffers, .. } => Some(buffers),
            Self::Full(_) | Self::Bf16 { .. } => None,
        }
    }

    /// The momentum forgets all it has seen.
    pub(crate) fn restart_momentum(&mut self) {
        if let Self::Momentum { buffers, scale, .. } = self {
            zero_all(buffers);
            scale.size = 0.0;
        }
    }

    /// App. C.5 "interpolate" for the momentum of a Lookahead inside another.
    pub(crate) fn pull_back_momentum(&mut self, anchor: &Self, alpha: Alpha) {
        if let (Self::Momentum { buffers, .. }, Some(anchors)) = (self, anchor.momentum()) {
            interpolate_all(buffers, anchors, alpha);
        }
    }

    /// Takes the fast weights as theta_0, before the first step.
    pub(crate) fn restart(&mut self, params: &ParamSet<'_, T>) {
        self.rebase(params.slices(), 0);
        self.restart_momentum();
        if let Self::Bf16 { stepped, .. } = self {
            stepped.fill(false);
        }
    }

    /// Takes the fast weights: an outer Lookahead has moved them.
    pub(crate) fn rebase<'w>(&mut self, weights: impl Iterator<Item = &'w [T]>, outer: u64)
    where
        T: 'w,
    {
        match self {
            Self::Full(slow) | Self::Momentum { values: slow, .. } => {
                slow.iter_mut().zip(weights).for_each(|(slow, weights)| slow.copy_from_slice(weights));
            }
            Self::Bf16 { values, seed, .. } => {
                for (index, (slow, weights)) in values.iter_mut().zip(weights).enumerate() {
                    store(slow, weights, Rounding::at_joining(*seed, outer, index as u64));
                }
            }
        }
    }

    /// The values of each tensor.
    pub(crate) fn values(&self) -> Vec<Cow<'_, [T]>> {
        match self {
            Self::Full(slow) | Self::Momentum { values: slow, .. } => {
                slow.iter().map(|slow| Cow::Borrowed(&slow[..])).collect()
            }
            Self::Bf16 { values, .. } => {
                values.iter().map(|slow| slow.iter().map(|&bits| T::from_f32(widen(bits))).collect()).collect()
            }
        }
    }

    /// The values of one tensor, as they are stored.
    pub(crate) fn tensor(&self, index: usize) -> SlowValues<'_, T> {
        match self {
            Self::Full(slow) | Self::Momentum { values: slow, .. } => SlowValues::Full(&slow[index]),
            Self::Bf16 { values, .. } => SlowValues::Bf16(&values[index]),
        }
    }

    /// Each tensor's part of the sync that ends outer step `outer`; `None` for one that is left alone.
    fn tensors(
        &mut self,
        outer: u64,
        step: Option<Coefficients<T>>,
    ) -> impl Iterator<Item = Option<Slow<'_, T>>> + Send {
        let (mut full, mut rounded, mut momentum) = (None, None, None);
        match (self, step) {
            (Self::Momentum { values, buffers, .. }, Some(step)) => {
                let tensors = values.iter_mut().zip(buffers);
                momentum = Some(tensors.map(move |(slow, buffer)| Some(Slow::Momentum { slow, buffer, step })));
            }
            (Self::Full(slow) | Self::Momentum { values: slow, .. }, _) => full = Some(slow.iter_mut()),
            (Self::Bf16 { values, stepped, seed }, _) => {
                let tensors = values.iter_mut().zip(stepped.iter_mut()).enumerate();
                let seed = *seed;
                rounded = Some(tensors.map(move |(index, (slow, stepped))| {
                    let rounding = Rounding::at_sync(seed, outer, index as u64);
                    std::mem::take(stepped).then_some(Slow::Bf16(slow, rounding))
                }));
            }
        }
        let full = full.into_iter().flatten().map(|slow| Some(Slow::Full(slow)));
        full.chain(rounded.into_iter().flatten()).chain(momentum.into_iter().flatten())
    }

    /// The outer update of all tensors, in a pass of its own. Gives the number of elements refused as not finite.
    pub(crate) fn pull_back(
        &mut self,
        params: &mut ParamSet<'_, T>,
        alpha: Alpha,
        outer: u64,
        step: Option<Coefficients<T>>,
    ) -> usize {
        let elements = params.elements();
        let tensors = self.tensors(outer, step).zip(params.iter_mut().map(crate::Param::values_mut));
        Pass::new().for_each(
            elements,
            tensors.filter_map(|(slow, fast)| Some((slow?, fast))),
            #[inline(always)]
            |(slow, fast)| slow.pull_back(fast, alpha),
        )
    }

    pub(crate) fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        match self {
            Self::Full(slow) => buffers_fit("the slow weights", slow, params),
            Self::Momentum { values, buffers, .. } => {
                buffers_fit("the outer momentum", buffers, params)?;
                buffers_fit("the slow weights", values, params)
            }
            Self::Bf16 { values, stepped, .. } => {
                crate::inner_state::counts_fit("marks", stepped.len(), params)?;
                lengths_fit("the slow weights", values.iter().map(|slow| slow.len()), params)
            }
        }
    }
}

/// A sync with a known alpha, still to be carried out: the outer update, and "interpolate" for the inner state.
#[derive(Debug)]
pub struct PullBack<'s, T, S> {
    pub(crate) slow: &'s mut SlowWeights<T>,
    pub(crate) alpha: Alpha,
    pub(crate) outer: u64,
    pub(crate) step: Option<Coefficients<T>>,
    pub(crate) anchor: Option<&'s mut S>,
}

impl<T: Float, S: InnerState<T>> PullBack<'_, T, S> {
    /// alpha. With an [`OuterStep`] its eta, at most 1: how far the inner state goes under "interpolate".
    #[must_use]
    pub fn alpha(&self) -> Alpha {
        self.alpha
    }

    /// Under "interpolate", the inner state as of the last sync. After this sync it has to equal the state itself.
    pub fn anchor(&mut self) -> Option<&mut S> {
        self.anchor.as_deref_mut()
    }

    /// Each tensor's part, `moments` giving the anchor's moments tensor by tensor. For a rule's own
    /// [`step_and_pull_back`](crate::Optimizer::step_and_pull_back).
    pub fn tensors<'a, const M: usize, I: Iterator<Item = [&'a mut [T]; M]> + Send>(
        &'a mut self,
        moments: impl FnOnce(&'a mut S) -> I,
    ) -> impl Iterator<Item = Option<TensorSync<'a, T, M>>> + Send {
        let alpha = self.alpha;
        let mut anchors = self.anchor.as_deref_mut().map(moments);
        self.slow.tensors(self.outer, self.step).map(move |slow| {
            let anchors = anchors.as_mut().and_then(Iterator::next);
            slow.map(|slow| TensorSync { slow, alpha, anchors })
        })
    }

    /// The whole sync, in a pass of its own. Gives the number of elements refused as not finite.
    pub fn carry_out(self, params: &mut ParamSet<'_, T>, state: &mut S) -> usize {
        let alpha = self.alpha;
        let refused = self.slow.pull_back(params, alpha, self.outer, self.step);
        if let Some(anchor) = self.anchor {
            state.pull_back(anchor, alpha);
            anchor.clone_from(state);
        }
        refused
    }
}

/// Appends a copy of each tensor that `slow` does not cover yet.
fn adopt_copies<T: Float>(slow: &mut Vec<Buffer<T>>, params: &ParamSet<'_, T>) {
    slow.extend(params.iter().skip(slow.len()).map(|param| Buffer::copy_of(param.values(), Slot::Slow)));
}
