//! Lookahead as the inner optimizer of another, and what its record holds.

use std::borrow::Cow;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{
    Alpha, Cadence, ChosenAlpha, Describe, Description, InnerStatePolicy, Schedule, SyncClock, SyncPeriod,
};

use super::Lookahead;
use super::last_sync::LastSync;
use crate::curvature::{Chosen, SquaredGradients};
use crate::places::Places;
use crate::record::{RecordReader, RecordWriter};
use crate::refused::Refused;
use crate::{Error, InnerOptimizer, Weights};

/// Without clipping.
const NONE: &str = "none";

impl<I: InnerOptimizer> Cadence for Lookahead<I> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        vec![self.config.sync_period().clone()]
    }
}

impl<I: InnerOptimizer> InnerOptimizer for Lookahead<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.step_at(lr, module, grads, |_| None)
    }

    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        self.sync_now(module)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.inner.accepts(policy)
    }

    fn reset(&mut self) {
        self.inner.reset();
        self.slow.clear();
        self.anchor = self.anchor.take().map(|_| self.inner.clone());
        self.squares = self.squares.take().map(|_| SquaredGradients::default());
        self.clock = SyncClock::default();
        self.last_sync = None;
        (self.refused, self.unseen) = (0, Refused::default());
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.interpolate(&anchor.inner, alpha);
        self.slow.interpolate_momentum(&anchor.slow, alpha);
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        self.slow.rebase(module, self.clock.outer());
        self.inner.rebase(module);
        self.anchor = self.anchor.take().map(|_| self.inner.clone());
    }

    fn follow<M: Module>(&mut self, module: &M, grads: Option<&GradientsParams>) {
        let places = Places::of(module);
        self.slow.follow(module, &places, grads, self.clock.outer());
        self.inner.follow(module, grads);
        if let Some(anchor) = &mut self.anchor {
            anchor.follow(module, grads);
        }
        if let Some(squares) = &mut self.squares {
            squares.retain(&places);
        }
    }

    fn keeps_second_moment(&self) -> bool {
        // "reset" empties it at each sync, just when an outer Lookahead asks for it
        self.config.inner_state() != InnerStatePolicy::Reset && self.inner.keeps_second_moment()
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        self.inner.second_moment(id)
    }

    fn evaluation_weights<M: Module>(&self, _module: &M) -> Option<Cow<'_, Weights>> {
        Some(self.slow())
    }

    fn describe(&self) -> Description {
        let clipping = self.clipping.as_ref().map_or_else(|| NONE.to_owned(), |clipping| format!("{clipping:?}"));
        self.config.describe().with_new("grad_clipping", clipping.as_str(), NONE).around(self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.slow.save(record)?;
        self.inner.save(&mut record.within("inner"))?;
        record.number("has_anchor", self.anchor.is_some())?;
        if let Some(anchor) = &self.anchor {
            anchor.save(&mut record.within("anchor"))?;
        }
        record.number("has_squares", self.squares.is_some())?;
        if let Some(squares) = &self.squares {
            squares.save(&mut record.within("squares"))?;
        }
        record.number("phase", self.clock.phase())?;
        record.number("outer", self.clock.outer())?;
        let unseen = self.unseen.total()?;
        record.number("refused", self.refused.saturating_add(unseen))?;
        if unseen > 0 {
            record.number("unseen", unseen)?;
        }
        if let Some(sync) = self.report()? {
            let mut record = record.within("last_sync");
            record.number("outer", sync.outer)?;
            record.number("alpha", sync.alpha.get())?;
            record.number("clipped", sync.clipped)?;
            record.number("refused", sync.refused)?;
        }
        Ok(())
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.slow.load(record)?;
        self.inner.load(&mut record.within("inner"))?;
        self.inner.accepts(self.config.inner_state())?;
        // Under other hyperparameters "interpolate" begins from the state at hand, and squared gradients begin empty.
        match (&mut self.anchor, record.number("has_anchor")?) {
            (Some(anchor), true) => anchor.load(&mut record.within("anchor").partial())?,
            (Some(anchor), false) => *anchor = self.inner.clone(),
            (None, _) => drop(record.within("anchor").take_all()),
        }
        match (&mut self.squares, record.number("has_squares")?) {
            (Some(squares), true) => *squares = SquaredGradients::load(&mut record.within("squares"))?,
            (Some(_), false) => {}
            (None, _) => drop(record.within("squares").take_all()),
        }
        self.clock = SyncClock::at(record.number("phase")?, record.number("outer")?);
        let unseen: u64 = record.number_if_there("unseen")?.unwrap_or(0);
        self.refused = record.number::<u64>("refused")?.saturating_sub(unseen);
        self.unseen = unseen.into();
        self.last_sync = None;
        if self.clock.outer() > 0 {
            let mut record = record.within("last_sync");
            let (alpha, clipped) = (Alpha::new(record.number("alpha")?)?, record.number("clipped")?);
            let chosen = Chosen::Known(ChosenAlpha { alpha, clipped });
            let refused = Refused::from(record.number::<u64>("refused")?);
            self.last_sync = Some(LastSync { outer: record.number("outer")?, chosen, refused });
        }
        Ok(())
    }
}
