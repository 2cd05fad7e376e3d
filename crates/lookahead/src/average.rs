//! The paper's baselines: Polyak averaging, running and exponential, and NT-ASGD (Merity et al. 2018).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::buffer::Slot;
use crate::error::accept;
use crate::inner_state::buffers_fit;
use crate::kernels::Pass;
use crate::{Alpha, Buffer, Cadence, Error, Float, Grads, InnerState, Optimizer, ParamSet, SecondMoment, SyncPeriod};

/// When to average, and with which weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Averaging {
    /// Polyak and Ruppert: the mean of all weights after step `start`.
    Running {
        /// The first step (counted from 1) whose result enters the mean is `start + 1`.
        start: u64,
    },
    /// An exponential moving average from the first step on; see [`Averaging::exponential`].
    Exponential(Decay),
    /// NT-ASGD: the running mean from the moment the validation loss stalls; see [`NonMonotonicTrigger`].
    NonMonotonic {
        /// The trigger's n.
        patience: usize,
    },
}

/// How much of an exponential average stays at each step, in [0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Decay(f64);

impl TryFrom<f64> for Decay {
    type Error = Error;
    fn try_from(value: f64) -> Result<Self, Error> {
        accept("decay", value, (0.0..1.0).contains(&value), "at least 0 and below 1").map(Self)
    }
}

impl From<Decay> for f64 {
    fn from(decay: Decay) -> Self {
        decay.0
    }
}

impl Averaging {
    /// `mean <- decay mean + (1 - decay) theta`, starting at the weights after the first step.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential(decay: f64) -> Result<Self, Error> {
        decay.try_into().map(Self::Exponential)
    }

    /// How far the mean moves toward the weights when they enter it as number `count`, counted from 1.
    #[must_use]
    pub fn weight_of(&self, count: u64) -> f64 {
        match self {
            Self::Exponential(decay) if count > 1 => 1.0 - decay.0,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

/// The mean, how many weights it holds, and the state of the optimizer below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float, S: InnerState<T>")]
pub struct AveragedState<T, S> {
    mean: Vec<Buffer<T>>,
    count: u64,
    steps: u64,
    trigger: NonMonotonicTrigger,
    inner: S,
}

impl<T, S> AveragedState<T, S> {
    /// The state of the optimizer below.
    pub fn inner(&self) -> &S {
        &self.inner
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
    fn sync_periods(&self) -> Vec<SyncPeriod> {
        self.inner.sync_periods()
    }
}

impl<T: Float, A: Optimizer<T>> Optimizer<T> for Averaged<A> {
    type State = AveragedState<T, A::State>;

    fn init(&self, params: &ParamSet<'_, T>) -> Self::State {
        let (trigger, mean) = (NonMonotonicTrigger::default(), Vec::new());
        let mut state = AveragedState { mean, count: 0, steps: 0, trigger, inner: self.inner.init(params) };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        self.inner.step(lr, params, grads, &mut state.inner);
        state.steps = state.steps.saturating_add(1);
        if self.averaging.includes(state.steps, &state.trigger) {
            state.count = state.count.saturating_add(1);
            let weight = self.averaging.weight_of(state.count);
            let tensors = state.mean.iter_mut().zip(params.iter());
            let tensors = tensors.map(|(mean, param)| (&mut mean[..], param.values()));
            Pass::new().for_each(
                params.elements(),
                tensors,
                #[inline(always)]
                |(mean, values)| average(mean, values, weight),
            );
        }
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
        if state.count > 0 { Some(mean()) } else { self.inner.evaluation_weights(&state.inner) }
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
        self.inner.fits(params)
    }
}
