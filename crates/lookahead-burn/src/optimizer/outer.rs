//! The outer step: which one a sync takes, and the momentum of it.

use lookahead::{Alpha, StepSize};

use super::Lookahead;
use crate::curvature::Chosen;
use crate::momentum::Momentum;
use crate::pull_back::Update;
use crate::{InnerOptimizer, PullBack, Weights};

impl<I: InnerOptimizer> Lookahead<I> {
    /// The buffers b of an [`OuterStep`](lookahead::OuterStep), beside the slow weights; `None` without one. Of
    /// [`DeltaOverLearningRate`](lookahead::BufferUnit::DeltaOverLearningRate) the learning rate is the base of a
    /// [`ModuleLearningRate`](burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate).
    #[must_use]
    pub fn momentum(&self) -> Option<&Weights> {
        self.slow.momentum().map(Momentum::buffers)
    }

    /// Starts the buffers of an [`OuterStep`](lookahead::OuterStep) afresh, at 0. Changes nothing without one.
    pub fn restart_momentum(&mut self) {
        self.slow.restart_momentum();
    }

    pub(super) fn alpha_without_gradient(&self, outer: u64) -> Chosen {
        Chosen::Known(match self.config.step_size() {
            StepSize::Fixed(schedule) => schedule.at(outer).into(),
            StepSize::Adaptive(adaptive) => self.last_sync().map_or(adaptive.low(), |sync| sync.alpha).into(),
            StepSize::Outer(step) => step.alpha(outer),
        })
    }

    /// A measured alpha as a number where the host takes part in the sync: for slow weights there, and under "interpolate".
    pub(super) fn known_where_asked_for(&self, chosen: Chosen) -> Chosen {
        let is_asked_for = self.anchor.is_some() || self.slow.are_on_host();
        if !is_asked_for {
            return chosen;
        }
        Chosen::Known(self.known(&chosen).unwrap_or_else(|error| panic!("{error}")))
    }

    /// A sync with this alpha, and the inner optimizer that it concerns.
    pub(super) fn pull_back(&mut self, outer: u64, chosen: &Chosen) -> (PullBack<'_, I>, &mut I) {
        let step = self.config.outer_step().and_then(|plan| self.slow.next_step(plan, outer));
        let (alpha, measured) = match chosen {
            Chosen::Known(chosen) => (chosen.alpha, None),
            Chosen::OnDevice { alpha, .. } => (Alpha::ONE, Some(alpha.clone())),
        };
        let update = Update { alpha, measured, outer, step };
        (PullBack { slow: &mut self.slow, update, anchor: self.anchor.as_mut() }, &mut self.inner)
    }
}
