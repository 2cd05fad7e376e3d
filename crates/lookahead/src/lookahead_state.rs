//! What Lookahead remembers: slow weights, the inner optimizer's state, the clock, and what the last sync was.

use std::borrow::Cow;

use crate::inner_state::clone_in_place;
use crate::slow_weights::SlowWeights;
use crate::{
    Alpha, Buffer, ChosenAlpha, Error, Float, Grads, InnerState, OuterStep, ParamSet, PullBack, SquaredGradients,
    SyncClock,
};

/// The slow weights, the inner optimizer's state and the clock.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "T: Float, S: serde::Serialize", deserialize = "T: Float, S: serde::Deserialize<'de>"))
)]
pub struct LookaheadState<T, S> {
    pub(crate) slow: SlowWeights<T>,
    pub(crate) inner: S,
    // The inner state at the last sync, under "interpolate".
    pub(crate) anchor: Option<S>,
    // The curvature for an adaptive alpha where the inner optimizer keeps none.
    pub(crate) curvature: Option<SquaredGradients<T>>,
    pub(crate) clock: SyncClock,
    pub(crate) last_sync: Option<SyncReport>,
    pub(crate) refused: u64,
}

clone_in_place!(LookaheadState<T, S> { slow, inner, anchor, curvature, clock, last_sync, refused });

impl<T: Float, S: InnerState<T>> InnerState<T> for LookaheadState<T, S> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        self.slow.adopt(params, self.clock.outer());
        self.inner.adopt(params);
        if let Some(anchor) = &mut self.anchor {
            anchor.adopt(params);
        }
        if let Some(curvature) = &mut self.curvature {
            curvature.adopt(params);
        }
    }

    fn coasts(&self, tensor: usize) -> bool {
        let momentum = self.slow.momentum().and_then(|buffers| buffers.get(tensor));
        momentum.is_some_and(|b| b.iter().any(|&b| b != T::ZERO)) || self.inner.coasts(tensor)
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.pull_back(&anchor.inner, alpha);
        self.slow.pull_back_momentum(&anchor.slow, alpha);
    }

    fn rebase<'w>(&mut self, weights: impl Iterator<Item = &'w [T]> + Clone)
    where
        T: 'w,
    {
        self.slow.rebase(weights.clone(), self.clock.outer());
        self.inner.rebase(weights);
        if let Some(anchor) = &mut self.anchor {
            anchor.clone_from(&self.inner);
        }
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        self.slow.fits(params)?;
        self.inner.fits(params)?;
        self.anchor.as_ref().map_or(Ok(()), |anchor| anchor.fits(params))?;
        self.curvature.as_ref().map_or(Ok(()), |curvature| curvature.fits(params))
    }
}

impl<T: Float, S: InnerState<T>> LookaheadState<T, S> {
    /// The slow weights phi, tensor by tensor: evaluate on these. Copies only where they are stored as bf16.
    #[must_use]
    pub fn slow(&self) -> Vec<Cow<'_, [T]>> {
        self.slow.values()
    }

    /// Takes in the tensors that join, each with its slow weights, and looks at the gradients of a step.
    pub(crate) fn meet(&mut self, lr: f64, params: &ParamSet<'_, T>, grads: &Grads<'_, T>) {
        self.adopt(params);
        if let Some(curvature) = &mut self.curvature {
            curvature.observe(grads);
        }
        // momentum comes from gradients alone: what has none as a cycle begins coasts in no step of it
        let begins = self.clock.phase() == 0;
        self.slow.observe(grads, |tensor| begins && self.inner.coasts(tensor));
        self.slow.observe_rate(lr);
    }

    /// The sync that ends outer step `outer`: `carry_out` is given the inner state and the pull-back, and gives the number
    /// of elements refused.
    pub(crate) fn sync(
        &mut self,
        outer: u64,
        chosen: ChosenAlpha,
        plan: Option<&OuterStep>,
        carry_out: impl FnOnce(&mut S, PullBack<'_, T, S>) -> usize,
    ) -> SyncReport {
        let step = plan.and_then(|plan| self.slow.next_step(plan, outer));
        let pull_back =
            PullBack { slow: &mut self.slow, alpha: chosen.alpha, outer, step, anchor: self.anchor.as_mut() };
        let refused = carry_out(&mut self.inner, pull_back) as u64;
        let report = SyncReport::new(outer, chosen, refused);
        self.refused = self.refused.saturating_add(refused);
        self.last_sync = Some(report);
        report
    }

    /// The buffers b of an [`OuterStep`], tensor by tensor; `None` where there is no momentum.
    #[must_use]
    pub fn momentum(&self) -> Option<&[Buffer<T>]> {
        self.slow.momentum()
    }

    /// Starts the buffers of an [`OuterStep`] afresh, at 0. Changes nothing where there is no momentum.
    pub fn restart_momentum(&mut self) {
        self.slow.restart_momentum();
    }

    /// The inner optimizer's state.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The clock: phase and outer step.
    #[must_use]
    pub fn clock(&self) -> SyncClock {
        self.clock
    }

    /// The last sync: its alpha, whether that was clipped, and the elements refused as not finite.
    #[must_use]
    pub fn last_sync(&self) -> Option<&SyncReport> {
        self.last_sync.as_ref()
    }

    /// The number of elements that any sync so far refused as not finite.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// What happened at one sync.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SyncReport {
    /// The outer step t that it ended, from 0.
    pub outer: u64,
    /// The step size taken; with an [`OuterStep`] its eta, at most 1.
    pub alpha: Alpha,
    /// Whether an adaptive alpha was clipped to its range, or an eta to 1.
    pub clipped: bool,
    /// Elements whose result was not finite: they kept their old slow weight, and the inner state was reset.
    pub refused: u64,
}

impl SyncReport {
    /// A report of the sync that ended outer step `outer`, for an engine of one's own.
    #[must_use]
    pub fn new(outer: u64, ChosenAlpha { alpha, clipped }: ChosenAlpha, refused: u64) -> Self {
        Self { outer, alpha, clipped, refused }
    }
}
