//! Algorithm 1: k steps forward, 1 step back. Here t counts the outer steps and i the steps within one.

use std::borrow::Cow;

use crate::lookahead_state::LookaheadState;
use crate::slow_weights::SlowWeights;
use crate::step_size::alpha_sums;
use crate::{
    Adaptive, Cadence, ChosenAlpha, Describe, Description, Error, Float, Grads, InnerState, InnerStatePolicy,
    LookaheadConfig, Optimizer, ParamSet, Schedule, SecondMoment, SquaredGradients, StepSize, SyncClock, SyncPeriod,
    SyncReport, Tick,
};

/// Lookahead around the inner optimizer `A`; itself an [`Optimizer`], so that it nests.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookahead<A> {
    inner: A,
    config: LookaheadConfig,
}

impl<A: Cadence> Lookahead<A> {
    /// Algorithm 1, one gradient step of it. `gradient_at` is asked for an adaptive alpha alone.
    fn advance<'g, T: Float>(
        &self,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut LookaheadState<T, A::State>,
        gradient_at: impl FnOnce(&ParamSet<'_, T>) -> Option<Grads<'g, T>>,
    ) where
        A: Optimizer<T>,
    {
        state.meet(lr, params, grads); // phi_0 <- theta_0, of every tensor that joins
        let Tick::Sync { outer } = state.clock.tick(self.config.sync_period()) else {
            // theta_{t,i} <- theta_{t,i-1} + A(L, theta_{t,i-1}, d), for i < k
            return self.inner.step(lr, params, grads, &mut state.inner);
        };
        // the same for i = k, then phi_t <- phi_{t-1} + alpha (theta_{t,k} - phi_{t-1}) and theta_{t+1,0} <- phi_t
        let sync = match self.config.step_size() {
            StepSize::Fixed(_) | StepSize::Outer(_) => {
                let (alpha, plan) = (self.alpha_without_gradient(outer, state), self.config.outer_step());
                state.sync(outer, alpha, plan, |inner, pull_back| {
                    self.inner.step_and_pull_back(lr, params, grads, inner, pull_back)
                })
            }
            StepSize::Adaptive(adaptive) => {
                self.inner.step(lr, params, grads, &mut state.inner);
                let alpha = self.estimate_alpha(adaptive, params, grads, state, gradient_at);
                state.sync(outer, alpha, None, |inner, pull_back| pull_back.carry_out(params, inner))
            }
        };
        self.settle_inner_state(params, state, sync); // maintain, interpolate or reset (App. C.5)
    }

    /// Prop. 1 at theta_{t,k}.
    fn estimate_alpha<'g, T: Float>(
        &self,
        adaptive: &Adaptive,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut LookaheadState<T, A::State>,
        gradient_at: impl FnOnce(&ParamSet<'_, T>) -> Option<Grads<'g, T>>,
    ) -> ChosenAlpha
    where
        A: Optimizer<T>,
    {
        self.inner.end_partial_cycle(params, &mut state.inner);
        let at_theta_k = gradient_at(params);
        let own = state.curvature.as_ref().map(SquaredGradients::second_moment);
        let second = own.or_else(|| self.inner.second_moment(&state.inner));
        let sums = second.map(|second| {
            alpha_sums(&state.slow, params, at_theta_k.as_ref().unwrap_or(grads), second, adaptive.curvature())
        });
        adaptive.choose(sums.unwrap_or_default())
    }

    /// The inner state's part of a sync that has been carried out.
    fn settle_inner_state<T: Float>(
        &self,
        params: &ParamSet<'_, T>,
        state: &mut LookaheadState<T, A::State>,
        SyncReport { outer, refused, .. }: SyncReport,
    ) where
        A: Optimizer<T>,
    {
        match self.config.inner_state() {
            _ if refused > 0 => {
                log::warn!(
                    "sync {outer}: {refused} elements were not finite; they keep their slow weights, the inner state is reset"
                );
                self.inner.reset(params, &mut state.inner);
                if let Some(curvature) = &mut state.curvature {
                    curvature.reset();
                }
            }
            // "interpolate" was part of the pull-back itself
            InnerStatePolicy::Maintain | InnerStatePolicy::Interpolate => {}
            InnerStatePolicy::Reset => self.inner.reset(params, &mut state.inner),
        }
        state.inner.rebase(params.slices());
        match &mut state.anchor {
            Some(anchor) if refused > 0 => anchor.clone_from(&state.inner),
            Some(anchor) => anchor.rebase(params.slices()),
            None => {}
        }
    }
}

impl<A: Cadence> Lookahead<A> {
    /// Lookahead with alpha = 0.5 and k = 5 around an inner optimizer; around Lookaheads, five of their cycles.
    #[must_use]
    pub fn new(inner: A) -> Self {
        let config = LookaheadConfig::around(&inner.sync_periods());
        Self { inner, config }
    }

    /// Lookahead with hyperparameters of one's own.
    ///
    /// # Errors
    /// [`Error::PeriodsDoNotNest`] where a Lookahead inside would be caught in the middle of its cycle,
    /// [`Error::AdaptiveOverRounded`] and [`Error::MomentumOverRounded`].
    pub fn with_config(inner: A, config: LookaheadConfig) -> Result<Self, Error> {
        config.check()?;
        config.nests_around(&inner.sync_periods())?;
        Ok(Self { inner, config })
    }

    /// The inner optimizer.
    #[must_use]
    pub fn inner(&self) -> &A {
        &self.inner
    }

    /// The hyperparameters.
    #[must_use]
    pub fn config(&self) -> &LookaheadConfig {
        &self.config
    }
}

impl<A: Cadence> Cadence for Lookahead<A> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        // those further inside end with this one's cycles
        vec![self.config.sync_period().clone()]
    }
}

impl<A: Describe> Describe for Lookahead<A> {
    fn describe(&self) -> Description {
        self.config.describe().around(self.inner.describe())
    }
}

impl<T: Float, A: Optimizer<T>> Optimizer<T> for Lookahead<A> {
    type State = LookaheadState<T, A::State>;

    fn init(&self, params: &ParamSet<'_, T>) -> Self::State {
        let inner = self.inner.init(params);
        let mut state = LookaheadState {
            slow: SlowWeights::new(self.config.slow_storage(), self.config.outer_step().is_some()),
            anchor: (self.config.inner_state() == InnerStatePolicy::Interpolate).then(|| inner.clone()),
            curvature: self.keeps_curvature::<T>(&inner).then(SquaredGradients::for_curvature),
            inner,
            clock: SyncClock::default(),
            last_sync: None,
            refused: 0,
        };
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut Self::State) {
        self.advance(lr, params, grads, state, |_| None);
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut Self::State) {
        state.adopt(params);
        state.slow.restart(params);
        self.inner.reset(params, &mut state.inner);
        if let Some(anchor) = &mut state.anchor {
            anchor.clone_from(&state.inner);
        }
        if let Some(curvature) = &mut state.curvature {
            curvature.reset();
        }
        (state.clock, state.last_sync, state.refused) = (SyncClock::default(), None, 0);
    }

    /// "Interpolate" begins from the inner state at hand, an average of squared gradients that was not kept is empty.
    fn adapt(&self, params: &ParamSet<'_, T>, state: &mut Self::State) -> Result<(), Error> {
        self.inner.adapt(params, &mut state.inner)?;
        state.anchor = match (self.config.inner_state(), state.anchor.take()) {
            (InnerStatePolicy::Interpolate, Some(mut anchor)) => {
                self.inner.adapt(params, &mut anchor)?;
                Some(anchor)
            }
            (InnerStatePolicy::Interpolate, None) => Some(state.inner.clone()),
            (InnerStatePolicy::Maintain | InnerStatePolicy::Reset, _) => None,
        };
        state.curvature = match (self.keeps_curvature::<T>(&state.inner), state.curvature.take()) {
            (true, known) => Some(known.unwrap_or_else(SquaredGradients::for_curvature)),
            (false, _) => None,
        };
        state.slow.adapt(self.config.outer_step().is_some());
        state.adopt(params);
        Ok(())
    }

    fn end_partial_cycle(&self, params: &mut ParamSet<'_, T>, state: &mut Self::State) {
        self.inner.end_partial_cycle(params, &mut state.inner);
        if let Some(outer) = state.clock.end_partial_cycle() {
            let (alpha, plan) = (self.alpha_without_gradient(outer, state), self.config.outer_step());
            let sync = state.sync(outer, alpha, plan, |inner, pull_back| pull_back.carry_out(params, inner));
            self.settle_inner_state(params, state, sync);
        }
    }

    fn second_moment<'s>(&self, state: &'s Self::State) -> Option<SecondMoment<'s, T>> {
        // "reset" empties it at each sync, just when an outer Lookahead asks for it
        let kept = self.config.inner_state() != InnerStatePolicy::Reset;
        kept.then(|| self.inner.second_moment(&state.inner)).flatten()
    }

    fn evaluation_weights<'s>(&self, state: &'s Self::State) -> Option<Vec<Cow<'s, [T]>>> {
        Some(state.slow())
    }
}

impl<A: Cadence> Lookahead<A> {
    /// [`step`](Optimizer::step), with the gradient of the loss at theta_k for an adaptive alpha.
    ///
    /// `gradient_at` is called only in a step that ends in a sync with adaptive alpha, on the fast weights after that
    /// step: the paper's form of Prop. 1's estimate. Plain `step` takes the gradient at theta_{k-1} instead.
    pub fn step_with<'g, T: Float>(
        &self,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        grads: &Grads<'_, T>,
        state: &mut LookaheadState<T, A::State>,
        gradient_at: impl FnOnce(&ParamSet<'_, T>) -> Grads<'g, T>,
    ) where
        A: Optimizer<T>,
    {
        self.advance(lr, params, grads, state, |params| Some(gradient_at(params)));
    }

    /// Ends a partial cycle: a sync with the same alpha and policy, after which a new cycle starts. Changes nothing
    /// right after a sync.
    ///
    /// An adaptive alpha has no gradient to go by here: it is that of the last sync, or alpha_low before the first.
    pub fn sync_now<T: Float>(&self, params: &mut ParamSet<'_, T>, state: &mut LookaheadState<T, A::State>)
    where
        A: Optimizer<T>,
    {
        self.end_partial_cycle(params, state);
    }

    /// Whether an adaptive alpha needs squared gradients of its own.
    fn keeps_curvature<T: Float>(&self, inner: &A::State) -> bool
    where
        A: Optimizer<T>,
    {
        matches!(self.config.step_size(), StepSize::Adaptive(_)) && self.inner.second_moment(inner).is_none()
    }

    fn alpha_without_gradient<T: Float>(&self, outer: u64, state: &LookaheadState<T, A::State>) -> ChosenAlpha
    where
        A: Optimizer<T>,
    {
        match self.config.step_size() {
            StepSize::Fixed(schedule) => schedule.at(outer).into(),
            StepSize::Adaptive(adaptive) => state.last_sync.map_or(adaptive.low(), |sync| sync.alpha).into(),
            StepSize::Outer(step) => step.alpha(outer),
        }
    }
}
