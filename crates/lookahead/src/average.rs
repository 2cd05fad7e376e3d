//! The paper's baselines: Polyak averaging, running and exponential, and NT-ASGD (Merity et al. 2018).

use std::borrow::Cow;

use crate::buffer::Slot;
use crate::error::accept;
use crate::inner_state::{buffers_fit, clone_in_place, counts_fit};
use crate::kernels::{Pass, Pieces};
use crate::{
    Alpha, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, ParamSet, Schedule,
    SecondMoment, SyncPeriod,
};

/// When to average, and with which weights.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Averaging {
    /// Polyak and Ruppert: the mean of all weights after step `start`; of a tensor that joins late, of all its own.
    Running {
        /// The first step (counted from 1) whose result enters the mean is `start + 1`.
        start: u64,
    },
    /// An exponential moving average from the first step on, of a tensor that joins late from its value then; see
    /// [`Averaging::exponential`] and [`Averaging::exponential_with_warm_up`].
    Exponential(Decay),
    /// NT-ASGD: the running mean from the moment the validation loss stalls; see [`NonMonotonicTrigger`].
    NonMonotonic {
        /// The trigger's n.
        patience: usize,
    },
}

/// How much of an exponential average stays at each step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct Decay {
    decay: f64,
    warm_up: bool,
}

/// A [`Decay`] as it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Unchecked {
    decay: f64,
    #[serde(default)]
    warm_up: bool,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Decay {
    type Error = Error;
    fn try_from(Unchecked { decay, warm_up }: Unchecked) -> Result<Self, Error> {
        Self::new(decay, warm_up)
    }
}

impl Decay {
    fn new(decay: f64, warm_up: bool) -> Result<Self, Error> {
        let decay = accept("decay", decay, (0.0..1.0).contains(&decay), "at least 0 and below 1")?;
        Ok(Self { decay, warm_up })
    }

    /// The part of a mean of `count` weights that stays when the next one enters.
    fn after(self, count: u64) -> f64 {
        let n = count as f64;
        if self.warm_up { self.decay.min((1.0 + n) / (10.0 + n)) } else { self.decay }
    }
}

impl Describe for Averaging {
    fn describe(&self) -> Description {
        let averaged = Description::of("Averaged");
        match self {
            Self::Running { start } => averaged.with("average", "running").with("start", *start),
            Self::Exponential(Decay { decay, warm_up }) => {
                averaged.with("average", "exponential").with("decay", *decay).with_new("warm_up", *warm_up, false)
            }
            Self::NonMonotonic { patience } => {
                averaged.with("average", "non_monotonic").with("patience", *patience as u64)
            }
        }
    }
}

impl Averaging {
    /// `mean <- decay mean + (1 - decay) theta`, starting at the weights after the first step.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential(decay: f64) -> Result<Self, Error> {
        Decay::new(decay, false).map(Self::Exponential)
    }

    /// An exponential average whose decay begins small, so that it soon forgets the first weights: with n weights in the
    /// mean, `min(decay, (1 + n) / (10 + n))`. A decay of 0.999 is reached after 8990 steps, one of 0.9 after 80.
    ///
    /// ```
    /// use lookahead::Averaging;
    /// let warm = Averaging::exponential_with_warm_up(0.9)?;
    /// let weights = [1, 2, 3, 80, 81, 82].map(|step| warm.weight_of(step, step));
    /// assert_eq!(weights, [1.0, 1.0 - 2.0 / 11.0, 1.0 - 3.0 / 12.0, 1.0 - 80.0 / 89.0, 1.0 - 0.9, 1.0 - 0.9]);
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential_with_warm_up(decay: f64) -> Result<Self, Error> {
        Decay::new(decay, true).map(Self::Exponential)
    }

    /// How far the mean of a tensor moves toward its weights in step `step` of a run, when they enter it as number
    /// `count`, both counted from 1.
    #[must_use]
    pub fn weight_of(&self, step: u64, count: u64) -> f64 {
        match self {
            Self::Exponential(decay) if step > 1 => 1.0 - decay.after(count.saturating_sub(1)),
            Self::Exponential(_) => 1.0,
            Self::Running { .. } | Self::NonMonotonic { .. } => 1.0 / count as f64,
        }
    }

    /// Whether the result of step `step` (counted from 1) enters the mean.
    #[must_use]
    pub fn includes(&self, step: u64, trigger: &NonMonotonicTrigger) -> bool {
        match self {
            Self::Running { start } => step > *start,
            Self::Exponential(_) => true,
            Self::NonMonotonic { .. } => trigger.has_fired(),
        }
    }
}

/// Merity et al.'s trigger: fires once the validation loss is above the best of all but the last n checks before it.
///
/// ```
/// use lookahead::NonMonotonicTrigger;
/// let mut trigger = NonMonotonicTrigger::default();
/// let fired: Vec<bool> = [5.0, 4.0, 4.5, 4.2].iter().map(|&loss| trigger.observe(loss, 1)).collect();
/// assert_eq!(fired, [false, false, false, true]);     // 4.2 is above 4.0, the best but for the last one (4.5)
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NonMonotonicTrigger {
    losses: Vec<f64>,
    fired: bool,
}

impl NonMonotonicTrigger {
    /// Takes the next validation loss, with n = `patience`, and says whether the trigger has fired by now.
    pub fn observe(&mut self, loss: f64, patience: usize) -> bool {
        // t > n and loss_t > min over losses before the last n
        let before = self.losses.len().saturating_sub(patience);
        self.fired |= self.losses[..before].iter().any(|&best| loss > best);
        self.losses.push(loss);
        self.fired
    }

    /// The validation losses so far, in order.
    #[must_use]
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// A trigger as a record describes it.
    #[must_use]
    pub fn restore(losses: Vec<f64>, fired: bool) -> Self {
        Self { losses, fired }
    }

    /// Whether it has fired.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        self.fired
    }
}

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
        state.mean.iter_mut().zip(params.iter()).for_each(|(mean, param)| mean.copy_from_slice(param.values()));
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

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.pull_back(&anchor.inner, alpha);
    }

    fn rebase(&mut self, params: &ParamSet<'_, T>) {
        self.inner.rebase(params);
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("the average", &self.mean, params)?;
        counts_fit("counts of the average", self.counts.len(), params)?;
        self.inner.fits(params)
    }
}
