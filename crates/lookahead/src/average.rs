//! An optimizer whose weights are averaged: the paper's baselines.

use std::borrow::Cow;

use crate::buffer::Slot;
use crate::inner_state::{buffers_fit, clone_in_place, counts_fit};
use crate::kernels::{Pass, Pieces};
use crate::optimizer::with_joined;
use crate::{
    Alpha, Averaging, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, NonMonotonicTrigger,
    Optimizer, ParamSet, Schedule, SecondMoment, SyncPeriod,
};

/// An optimizer whose weights are averaged after each step; the average is what is evaluated.
///
/// ```
/// use lookahead::{Averaged, Averaging, Grads, Optimizer, ParamSet, rules::Sgd};
/// let mut params = ParamSet::new();
/// params.push("w", [1], vec![4.0_f64])?;
/// let polyak = Averaged::new(Sgd::new(), Averaging::Running { start: 0 });
/// let mut state = polyak.init(&params);
/// for _ in 0..2 {
///     let grads = Grads::new(&params, [Some(vec![1.0])])?;
///     polyak.step(1.0, &mut params, &grads, &mut state);
/// }
/// assert_eq!(polyak.evaluation_weights(&state).map(|mean| mean[0][0]), Some(2.5));  // of 3 and 2
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Averaged<A> {
    inner: A,
    averaging: Averaging,
}

/// The mean of each tensor, how many of its weights are in it, and the state of the optimizer below.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "T: Float, S: serde::Serialize", deserialize = "T: Float, S: serde::Deserialize<'de>"))
)]
pub struct AveragedState<T, S> {
    mean: Vec<Buffer<T>>,
    counts: Vec<u64>,
    steps: u64,
    trigger: NonMonotonicTrigger,
    inner: S,
}

clone_in_place!(AveragedState<T, S> { mean, counts, steps, trigger, inner });

impl<T, S> AveragedState<T, S> {
    /// The state of the optimizer below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn has_begun(&self) -> bool {
        self.counts.iter().any(|&count| count > 0)
    }

    fn seed(&mut self, params: &ParamSet<'_, T>)
    where
        T: Float,
    {
        self.mean.iter_mut().zip(params.iter()).for_each(|(mean, param)| mean.copy_from_slice(param.values()));
    }
}

impl<A> Averaged<A> {
    /// Averages the weights that `inner` steps through.
    #[must_use]
    pub fn new(inner: A, averaging: Averaging) -> Self {
        Self { inner, averaging }
    }

    /// The optimizer below.
    #[must_use]
    pub fn inner(&self) -> &A {
        &self.inner
    }

    /// Takes a validation loss, for [`Averaging::NonMonotonic`]; says whether averaging is on by now.
    pub fn observe_validation_loss<T, S>(&self, loss: f64, state: &mut AveragedState<T, S>) -> bool {
        match self.averaging {
            Averaging::NonMonotonic { patience } => state.trigger.observe(loss, patience),
            _ => self.averaging.includes(state.steps + 1, &state.trigger),
        }
    }
}

impl<A: Cadence> Cadence for Averaged<A> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<A: Describe> Describe for Averaged<A> {
    fn describe(&self) -> Description {
        self.averaging.describe().around(self.inner.describe())
    }
}

impl<T: Float, A: Optimizer<T>> Optimizer<T> for Averaged<A> {
    type State = AveragedState<T, A::State>;

    fn init(&self, params: &ParamSet<'_, T>) -> Self::State {
        let (trigger, inner) = (NonMonotonicTrigger::default(), self.inner.init(params));
        let mut state = AveragedState { mean: Vec::new(), counts: Vec::new(), steps: 0, trigger, inner };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        if state.steps == 0 && !state.has_begun() {
            state.seed(params); // a state of another average may have come to these weights
        }
        self.inner.step(lr, params, grads, &mut state.inner);
        state.steps = state.steps.saturating_add(1);
        if self.averaging.includes(state.steps, &state.trigger) {
            state.counts.iter_mut().for_each(|count| *count = count.saturating_add(1));
            // a tensor that joins late has a mean, and so weights, of its own: they go along with each share of it
            let tensors = state.mean.iter_mut().zip(&state.counts).zip(params.iter());
            let (averaging, step) = (self.averaging, state.steps);
            let tensors = tensors.map(|((mean, &count), param)| Entering {
                mean,
                values: param.values(),
                weight: averaging.weight_of(step, count),
            });
            Pass::new().for_each(
                params.elements(),
                tensors,
                #[inline(always)]
                |Entering { mean, values, weight }| average(mean, values, weight),
            );
        }
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        state.seed(params);
        state.counts.fill(0);
        (state.steps, state.trigger) = (0, NonMonotonicTrigger::default());
        self.inner.reset(params, &mut state.inner);
    }

    /// The mean so far stays, whatever it is a mean of. An exponential one begins now where there is none.
    fn adapt(&self, params: &ParamSet<'_, T>, state: &mut Self::State) -> Result<(), Error> {
        if matches!(self.averaging, Averaging::Exponential(_)) && !state.has_begun() {
            state.steps = 0;
        }
        self.inner.adapt(params, &mut state.inner)
    }

    fn end_partial_cycle(&self, params: &mut ParamSet<'_, T>, state: &mut Self::State) {
        self.inner.end_partial_cycle(params, &mut state.inner);
    }

    fn second_moment<'s>(&self, state: &'s Self::State) -> Option<SecondMoment<'s, T>> {
        self.inner.second_moment(&state.inner)
    }

    /// The mean once averaging has begun; before, what the optimizer below says.
    fn evaluation_weights<'s>(&self, state: &'s Self::State) -> Option<Vec<Cow<'s, [T]>>> {
        let mean = || state.mean.iter().map(|mean| Cow::Borrowed(&mean[..])).collect();
        if state.has_begun() { Some(mean()) } else { self.inner.evaluation_weights(&state.inner) }
    }

    fn evaluate<'s>(&self, params: &'s ParamSet<'_, T>, state: &'s Self::State) -> Vec<Cow<'s, [T]>> {
        match state.has_begun() {
            true => with_joined(self.evaluation_weights(state).unwrap_or_default(), params),
            false => self.inner.evaluate(params, &state.inner),
        }
    }
}

/// The weights of one tensor on their way into its mean.
struct Entering<'a, T> {
    mean: &'a mut [T],
    values: &'a [T],
    weight: f64,
}

impl<T> Pieces for Entering<'_, T> {
    fn len(&self) -> usize {
        self.mean.len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        Self { mean: self.mean.take_first(count), values: self.values.take_first(count), weight: self.weight }
    }
}

/// `mean <- mean - weight (mean - theta)`; an element whose result is not finite keeps its mean. Gives their number.
#[inline(always)]
fn average<T: Float>(mean: &mut [T], values: &[T], weight: f64) -> usize {
    let mut refused = 0;
    let is_first = weight == 1.0;
    let weight = T::from_f64(weight);
    for (mean, &theta) in mean.iter_mut().zip(values) {
        let moved = if is_first { theta } else { *mean - weight * (*mean - theta) };
        let finite = moved.is_finite();
        *mean = if finite { moved } else { *mean };
        refused += usize::from(!finite);
    }
    refused
}

impl<T: Float, S: InnerState<T>> InnerState<T> for AveragedState<T, S> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        let known = self.mean.len();
        self.mean.extend(params.iter().skip(known).map(|param| Buffer::copy_of(param.values(), Slot::Mean)));
        self.counts.resize(params.len(), 0);
        self.inner.adopt(params);
    }

    fn coasts(&self, tensor: usize) -> bool {
        self.inner.coasts(tensor)
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.pull_back(&anchor.inner, alpha);
    }

    fn rebase<'w>(&mut self, weights: impl Iterator<Item = &'w [T]> + Clone)
    where
        T: 'w,
    {
        self.inner.rebase(weights);
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("the average", &self.mean, params)?;
        counts_fit("counts of the average", self.counts.len(), params)?;
        self.inner.fits(params)
    }
}
