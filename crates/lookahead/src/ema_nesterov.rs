//! EMA-Nesterov: an optimizer that takes its gradients where an average of its own steps leads.

mod config;

use std::borrow::Cow;

use crate::beside::{Beside, Waiting, go_along, pass, wait};
use crate::buffer::Slot;
use crate::inner_state::{adopt_zeros, buffers_fit, clone_in_place, counts_fit, interpolate_all, zero_all};
use crate::kernels::look_ahead::{self, Coefficients, behind};
use crate::{
    Alpha, Buffer, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, ParamSet, Schedule,
    SecondMoment, SyncPeriod,
};

pub use config::EmaNesterovConfig;

/// An inner optimizer A steps from where m, an exponential average of the steps, leads (Yau et al. 2026,
/// [2605.25395](https://arxiv.org/abs/2605.25395)).
///
/// ```text
/// p = theta + beta m;   theta' = p + A(g at p, p);   m <- gamma m + (1 - gamma) (theta' - theta)
/// ```
///
/// The parameters hold p, where the next gradient is taken; theta, which is evaluated, comes from
/// [`evaluate`](Optimizer::evaluate). m is kept beside them, 4 bytes a weight in f32, and `theta = p - beta m` follows from
/// both, to rounding: the authors' code keeps it too, with 8. The inner optimizer steps from p, so its weight decay acts
/// there, as in their code. A step makes two passes over p and m around the inner one.
///
/// With beta = 0 it is the inner optimizer, to the bit; with gamma = 0 around SGD Nesterov's momentum beta; and without
/// weight decay, at a constant learning rate, p is the y of [`Gpa`](crate::Gpa) with `mu_x = gamma + (1 - gamma) beta` and
/// `mu_y = beta` at `1 / (1 - beta)` times the rate.
///
/// A tensor without a gradient keeps its p and m. A Lookahead around it works on p, one below on theta: where that moves
/// theta without a gradient, p goes along. What the state of the optimizer below evaluates, slow weights or an average, is
/// evaluated here too.
///
/// ```
/// use lookahead::{EmaNesterov, EmaNesterovConfig, Grads, Optimizer, ParamSet, rules::Sgd};
/// let mut params = ParamSet::new();
/// params.push("w", [1], vec![4.0_f64])?;
/// let config = EmaNesterovConfig::new().with_beta(0.5)?.with_gamma(0.5)?;
/// let optimizer = EmaNesterov::with_config(Sgd::new(), config);
/// let mut state = optimizer.init(&params);
/// let grads = Grads::new(&params, [Some(vec![1.0])])?;
/// optimizer.step(1.0, &mut params, &grads, &mut state);
/// assert_eq!(optimizer.evaluate(&params, &state)[0][0], 3.0);     // theta = 4 - 1, m = -1 / 2
/// assert_eq!(params.slice(0), [2.75]);                            // p = 3 - 1 / 4
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmaNesterov<A> {
    inner: A,
    config: EmaNesterovConfig,
    // Lookaheads below are around theta, which only they need as a value.
    around_lookaheads: bool,
}

/// m of each tensor, by how much of it the tensor looks ahead, the steps, and the state of the optimizer below.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "T: Float, S: serde::Serialize", deserialize = "T: Float, S: serde::Deserialize<'de>"))
)]
pub struct EmaNesterovState<T, S> {
    momentum: Vec<Buffer<T>>,
    betas: Vec<f64>,
    steps: u64,
    around_lookaheads: bool,
    inner: S,
}

clone_in_place!(EmaNesterovState<T, S> { momentum, betas, steps, around_lookaheads, inner });

impl<T: Float, S> EmaNesterovState<T, S> {
    /// The state of the optimizer below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// m, tensor by tensor.
    pub fn momentum(&self) -> &[Buffer<T>] {
        &self.momentum
    }

    /// theta of each tensor that the state knows.
    fn behind<'w>(&self, weights: impl Iterator<Item = &'w [T]>) -> Vec<Vec<T>> {
        let kept = self.momentum.iter().zip(&self.betas);
        weights.zip(kept).map(|(p, (m, &beta))| behind(p, m, T::from_f64(beta))).collect()
    }
}

impl<A: Cadence> EmaNesterov<A> {
    /// Around `inner`, with beta = 0.3 and gamma = 0.99.
    #[must_use]
    pub fn new(inner: A) -> Self {
        Self::with_config(inner, EmaNesterovConfig::new())
    }

    /// Around `inner`.
    #[must_use]
    pub fn with_config(inner: A, config: EmaNesterovConfig) -> Self {
        let around_lookaheads = !inner.sync_periods().is_empty();
        Self { inner, config, around_lookaheads }
    }

    /// The optimizer below.
    #[must_use]
    pub fn inner(&self) -> &A {
        &self.inner
    }

    /// Its hyperparameters.
    #[must_use]
    pub fn config(&self) -> &EmaNesterovConfig {
        &self.config
    }
}

impl<A: Cadence> Cadence for EmaNesterov<A> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<A: Describe> Describe for EmaNesterov<A> {
    fn describe(&self) -> Description {
        self.config.describe().around(self.inner.describe())
    }
}

impl<A> EmaNesterov<A> {
    /// Works on the weights and m of each tensor that has a gradient.
    fn pass<T: Float>(
        &self,
        (params, momentum, betas): (&mut ParamSet<'_, T>, &mut [Buffer<T>], &[f64]),
        grads: &Grads<'_, T>,
        next: f64,
        work: impl Fn(&mut [T], &mut [T], Coefficients<T>) + Sync,
    ) {
        let (elements, config) = (params.elements(), self.config);
        let tensors = params.iter_mut().zip(momentum).zip(betas).enumerate();
        let tensors = tensors.filter(|(index, _)| grads.get(*index).is_some());
        let tensors = tensors.map(move |(_, ((param, kept), &now))| Beside {
            weights: param.values_mut(),
            kept,
            coefficients: config.coefficients(now, next).in_precision(),
        });
        pass(elements, tensors, work);
    }

    /// Puts theta in the place of p, around Lookaheads, where a tensor looks ahead and takes no gradient step.
    fn step_back<T: Float, S>(
        &self,
        params: &mut ParamSet<'_, T>,
        grads: Option<&Grads<'_, T>>,
        state: &EmaNesterovState<T, S>,
    ) -> Vec<Waiting<T>> {
        wait(params, grads, |index, p| {
            let beta = state.betas[index];
            (self.around_lookaheads && beta != 0.0).then(|| behind(p, &state.momentum[index], T::from_f64(beta)))
        })
    }
}

impl<T: Float, A: Optimizer<T>> Optimizer<T> for EmaNesterov<A> {
    type State = EmaNesterovState<T, A::State>;

    fn init(&self, params: &ParamSet<'_, T>) -> Self::State {
        let (around_lookaheads, inner) = (self.around_lookaheads, self.inner.init(params));
        let mut state =
            EmaNesterovState { momentum: Vec::new(), betas: Vec::new(), steps: 0, around_lookaheads, inner };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        state.steps = state.steps.saturating_add(1);
        let next = self.config.beta_after(state.steps, lr);
        let waiting = self.step_back(params, Some(grads), state);
        self.pass(
            (params, &mut state.momentum, &state.betas),
            grads,
            next,
            #[inline(always)]
            |p, m, c| look_ahead::open(p, m, c),
        );
        self.inner.step(lr, params, grads, &mut state.inner);
        self.pass(
            (params, &mut state.momentum, &state.betas),
            grads,
            next,
            #[inline(always)]
            |theta, kept, c| look_ahead::close(theta, kept, c),
        );
        go_along(params, waiting, T::from_f64(1.0), |_, _| {});
        let moved = state.betas.iter_mut().enumerate().filter(|(index, _)| grads.get(*index).is_some());
        moved.for_each(|(_, beta)| *beta = next);
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        zero_all(&mut state.momentum);
        state.betas.fill(0.0);
        state.steps = 0;
        self.inner.reset(params, &mut state.inner);
    }

    fn adapt(&self, params: &ParamSet<'_, T>, state: &mut Self::State) -> Result<(), Error> {
        self.inner.adapt(params, &mut state.inner)
    }

    /// theta moves, m stays, and p goes along.
    fn end_partial_cycle(&self, params: &mut ParamSet<'_, T>, state: &mut Self::State) {
        if !self.around_lookaheads {
            return;
        }
        state.adopt(params);
        let waiting = self.step_back(params, None, state);
        self.inner.end_partial_cycle(params, &mut state.inner);
        go_along(params, waiting, T::from_f64(1.0), |_, _| {}); // p <- p - (theta - theta')
    }

    fn second_moment<'s>(&self, state: &'s Self::State) -> Option<SecondMoment<'s, T>> {
        self.inner.second_moment(&state.inner)
    }

    fn evaluation_weights<'s>(&self, state: &'s Self::State) -> Option<Vec<Cow<'s, [T]>>> {
        self.inner.evaluation_weights(&state.inner)
    }

    /// What the optimizer below evaluates at theta: theta, unless it has weights of its own for that.
    fn evaluate<'s>(&self, params: &'s ParamSet<'_, T>, state: &'s Self::State) -> Vec<Cow<'s, [T]>> {
        if state.betas.iter().all(|&beta| beta == 0.0) {
            return self.inner.evaluate(params, &state.inner);
        }
        let theta = params.at(state.behind(params.slices()));
        let evaluated = self.inner.evaluate(&theta, &state.inner).into_iter();
        evaluated.map(|weights| Cow::Owned(weights.into_owned())).collect()
    }
}

impl<T: Float, S: InnerState<T>> InnerState<T> for EmaNesterovState<T, S> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        adopt_zeros(&mut self.momentum, params, Slot::OuterMomentum);
        self.betas.resize(params.len(), 0.0);
        self.inner.adopt(params);
    }

    fn coasts(&self, tensor: usize) -> bool {
        self.inner.coasts(tensor)
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        interpolate_all(&mut self.momentum, &anchor.momentum, alpha);
        self.inner.pull_back(&anchor.inner, alpha);
    }

    /// The Lookaheads inside are around theta.
    fn rebase<'w>(&mut self, weights: impl Iterator<Item = &'w [T]> + Clone)
    where
        T: 'w,
    {
        if self.around_lookaheads {
            let theta = self.behind(weights);
            self.inner.rebase(theta.iter().map(|theta| &theta[..]));
        }
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        buffers_fit("the momentum", &self.momentum, params)?;
        counts_fit("look-aheads", self.betas.len(), params)?;
        self.inner.fits(params)
    }
}
