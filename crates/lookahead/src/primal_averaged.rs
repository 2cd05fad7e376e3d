//! An optimizer that trains near the average of its own weights, and is evaluated on it.

use std::borrow::Cow;

use crate::beside::{Beside, Waiting, go_along, pass, wait};
use crate::buffer::Slot;
use crate::inner_state::{buffers_fit, clone_in_place, counts_fit, interpolate_all};
use crate::kernels::interpolate_scalar;
use crate::kernels::primal::{self, Coefficients, average};
use crate::{
    Alpha, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, ParamSet,
    PrimalAveraging, PrimalRates, Schedule, SecondMoment, SyncPeriod,
};

/// An inner optimizer steps z, an average x follows it, and gradients are taken between both: [`ScheduleFree`] and
/// [`Gpa`].
///
/// ```text
/// g at y = (1 - mu_y) z + mu_y x;   z <- z + A(g, z);   x <- x - c (x - z)
/// ```
///
/// The parameters hold y; z is kept beside them (4 bytes a weight in f32), and x follows from both. So the weights to
/// evaluate come from [`evaluate`](Optimizer::evaluate), which is given the parameters; nothing is swapped.
///
/// Inside a Lookahead z is part of the inner state: under "interpolate" y, z and x are all pulled back, under
/// "maintain" z stays where it is, under "reset" z and x begin anew at the slow weights.
///
/// ```
/// use lookahead::{Grads, Optimizer, ParamSet, PrimalAveraged, ScheduleFree, rules::Sgd};
/// let mut params = ParamSet::new();
/// params.push("w", [1], vec![4.0_f64])?;
/// let optimizer = PrimalAveraged::new(Sgd::new(), ScheduleFree::new());
/// let mut state = optimizer.init(&params);
/// for _ in 0..3 {
///     let grads = Grads::new(&params, [Some(vec![1.0])])?;
///     optimizer.step(1.0, &mut params, &grads, &mut state);
/// }
/// let x = optimizer.evaluate(&params, &state)[0][0];     // the mean of 3, 2 and 1
/// assert!((x - 2.0).abs() < 1e-12 && (params.slice(0)[0] - 1.9).abs() < 1e-12);
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// [`ScheduleFree`]: crate::ScheduleFree
/// [`Gpa`]: crate::Gpa
#[derive(Debug, Clone, PartialEq)]
pub struct PrimalAveraged<A> {
    inner: A,
    averaging: PrimalAveraging,
    // A tensor without a gradient moves with a Lookahead below.
    all_move: bool,
}

/// z of each tensor, the sum of the weights in its mean, the steps, and the state of the optimizer below.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "T: Float, S: serde::Serialize", deserialize = "T: Float, S: serde::Deserialize<'de>"))
)]
pub struct PrimalAveragedState<T, S> {
    z: Vec<Buffer<T>>,
    sums: Vec<f64>,
    steps: u64,
    largest_rate: f64,
    inner: S,
}

clone_in_place!(PrimalAveragedState<T, S> { z, sums, steps, largest_rate, inner });

impl<T, S> PrimalAveragedState<T, S> {
    /// The state of the optimizer below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The weights z that it steps, tensor by tensor.
    pub fn z(&self) -> &[Buffer<T>] {
        &self.z
    }
}

impl<A: Cadence> PrimalAveraged<A> {
    /// Trains where `averaging` says, around `inner`.
    #[must_use]
    pub fn new(inner: A, averaging: impl Into<PrimalAveraging>) -> Self {
        let all_move = !inner.sync_periods().is_empty();
        Self { inner, averaging: averaging.into(), all_move }
    }

    /// The optimizer below.
    #[must_use]
    pub fn inner(&self) -> &A {
        &self.inner
    }

    /// How it averages.
    #[must_use]
    pub fn averaging(&self) -> &PrimalAveraging {
        &self.averaging
    }
}

impl<A: Cadence> Cadence for PrimalAveraged<A> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<A: Describe> Describe for PrimalAveraged<A> {
    fn describe(&self) -> Description {
        self.averaging.describe().around(self.inner.describe())
    }
}

impl<A> PrimalAveraged<A> {
    /// Works on y and z, or z and x, of each tensor that has a gradient.
    fn pass<T: Float>(
        &self,
        (params, z, sums): (&mut ParamSet<'_, T>, &mut [Buffer<T>], &[f64]),
        grads: &Grads<'_, T>,
        rates: &PrimalRates,
        work: impl Fn(&mut [T], &mut [T], Coefficients<T>) + Sync,
    ) {
        let (elements, averaging) = (params.elements(), self.averaging);
        let tensors = params.iter_mut().zip(z).zip(sums).enumerate();
        let tensors = tensors.filter(|(index, _)| grads.get(*index).is_some());
        let tensors = tensors.map(move |(_, ((param, kept), &sum))| Beside {
            weights: param.values_mut(),
            kept,
            coefficients: averaging.coefficients(rates, sum).in_precision(),
        });
        pass(elements, tensors, work);
    }

    /// Puts z in the place of y, around Lookaheads, where a tensor takes no gradient step.
    fn step_back<T: Float>(
        &self,
        params: &mut ParamSet<'_, T>,
        grads: Option<&Grads<'_, T>>,
        z: &[Buffer<T>],
    ) -> Vec<Waiting<T>> {
        wait(params, grads, |index, _| self.all_move.then(|| z[index].to_vec()))
    }

    /// Puts y back there: x stays, z moves, and y goes along.
    fn go_along<T: Float>(&self, params: &mut ParamSet<'_, T>, waiting: Vec<Waiting<T>>, z: &mut [Buffer<T>]) {
        let rest = T::from_f64(1.0 - self.averaging.interpolation());
        go_along(params, waiting, rest, |index, moved| z[index].copy_from_slice(moved));
    }
}

impl<T: Float, A: Optimizer<T>> Optimizer<T> for PrimalAveraged<A> {
    type State = PrimalAveragedState<T, A::State>;

    fn init(&self, params: &ParamSet<'_, T>) -> Self::State {
        let inner = self.inner.init(params);
        let mut state = PrimalAveragedState { z: Vec::new(), sums: Vec::new(), steps: 0, largest_rate: 0.0, inner };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        state.steps = state.steps.saturating_add(1);
        let rates = self.averaging.rates(lr, state.steps, &mut state.largest_rate);
        let moving = state.sums.iter_mut().enumerate().filter(|(index, _)| grads.get(*index).is_some());
        moving.for_each(|(_, sum)| *sum += rates.weight);
        let waiting = self.step_back(params, Some(grads), &state.z);
        self.pass(
            (params, &mut state.z, &state.sums),
            grads,
            &rates,
            #[inline(always)]
            |y, z, c| primal::open(y, z, c),
        );
        self.inner.step(rates.inner, params, grads, &mut state.inner);
        self.pass(
            (params, &mut state.z, &state.sums),
            grads,
            &rates,
            #[inline(always)]
            |z, x, c| primal::close(z, x, c),
        );
        self.go_along(params, waiting, &mut state.z);
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        state.z.iter_mut().zip(params.iter()).for_each(|(z, param)| z.copy_from_slice(param.values()));
        state.sums.fill(0.0);
        (state.steps, state.largest_rate) = (0, 0.0);
        self.inner.reset(params, &mut state.inner);
    }

    fn adapt(&self, params: &ParamSet<'_, T>, state: &mut Self::State) -> Result<(), Error> {
        self.inner.adapt(params, &mut state.inner)
    }

    /// x stays, z moves, and y goes along.
    fn end_partial_cycle(&self, params: &mut ParamSet<'_, T>, state: &mut Self::State) {
        if !self.all_move {
            return;
        }
        state.adopt(params);
        let waiting = self.step_back(params, None, &state.z);
        self.inner.end_partial_cycle(params, &mut state.inner);
        self.go_along(params, waiting, &mut state.z);
    }

    fn second_moment<'s>(&self, state: &'s Self::State) -> Option<SecondMoment<'s, T>> {
        self.inner.second_moment(&state.inner)
    }

    /// x.
    fn evaluate<'s>(&self, params: &'s ParamSet<'_, T>, state: &'s Self::State) -> Vec<Cow<'s, [T]>> {
        let interpolation = T::from_f64(self.averaging.interpolation());
        let tensors = params.iter().enumerate();
        let x = |(index, param): (usize, &'s crate::Param<'_, T>)| match state.z.get(index) {
            Some(z) => Cow::Owned(average(param.values(), z, interpolation)),
            None => Cow::Borrowed(param.values()),
        };
        tensors.map(x).collect()
    }
}

impl<T: Float, S: InnerState<T>> InnerState<T> for PrimalAveragedState<T, S> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        let known = self.z.len();
        self.z.extend(params.iter().skip(known).map(|param| Buffer::copy_of(param.values(), Slot::Mean)));
        self.sums.resize(params.len(), 0.0);
        self.inner.adopt(params);
    }

    fn coasts(&self, tensor: usize) -> bool {
        self.inner.coasts(tensor)
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        interpolate_all(&mut self.z, &anchor.z, alpha);
        self.sums
            .iter_mut()
            .zip(&anchor.sums)
            .for_each(|(sum, anchor)| *sum = interpolate_scalar(*sum, *anchor, alpha));
        self.inner.pull_back(&anchor.inner, alpha);
    }

    /// The Lookaheads inside are around z.
    fn rebase<'w>(&mut self, _y: impl Iterator<Item = &'w [T]> + Clone)
    where
        T: 'w,
    {
        self.inner.rebase(self.z.iter().map(|z| &z[..]));
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("z", &self.z, params)?;
        counts_fit("sums of weights", self.sums.len(), params)?;
        self.inner.fits(params)
    }
}
