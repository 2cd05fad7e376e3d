//! The inner optimizer of the module-level Lookahead: whatever moves a module and lets its state be seen.

use std::borrow::Cow;
use std::collections::BTreeSet;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{Alpha, Cadence, InnerStatePolicy};

use crate::record::{Record, RecordReader, RecordWriter};
use crate::traversal::params;
use crate::{Error, PullBack, Weights};

/// Moves a module along gradients, and gives the module-level [`Lookahead`](crate::Lookahead) its hold on the state.
///
/// [`RuleSet`](crate::RuleSet) implements it for rules, [`BlackBox`](crate::BlackBox) for Burn's `ModuleOptimizer`, and
/// Lookahead and [`Averaged`](crate::Averaged) for themselves, so that they nest. The twin of [`lookahead::Optimizer`].
pub trait InnerOptimizer: Cadence + Clone {
    /// One gradient step. A parameter without a gradient stays as it is.
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M;

    /// One gradient step, then a sync. Gives the module and the number of elements that the sync refused as not finite.
    /// A rule set does both in one pass.
    fn advance_and_pull_back<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        sync: PullBack<'_, Self>,
    ) -> (M, u64) {
        let module = self.advance(lr, module, grads);
        let module = self.end_partial_cycle(module);
        sync.carry_out(module, self)
    }

    /// Ends partial cycles of Lookaheads inside, before an outer one syncs off its beat.
    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        module
    }

    /// Whether a policy for its state can be kept.
    ///
    /// # Errors
    /// [`Error::HiddenState`], [`Error::NotInterpolable`] or [`Error::NotReadBack`].
    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error>;

    /// Forgets everything: as new.
    fn reset(&mut self);

    /// App. C.5 "interpolate": every moment moves back toward its value in `anchor`.
    fn interpolate(&mut self, anchor: &Self, alpha: Alpha);

    /// Takes the module's weights as the slow weights of Lookaheads inside.
    fn rebase<M: Module>(&mut self, _module: &M) {}

    /// Whether it keeps second moments.
    fn keeps_second_moment(&self) -> bool {
        false
    }

    /// The second moment of a parameter and its bias correction, if the rule keeps one.
    fn second_moment<const D: usize>(&self, _id: ParamId) -> Option<(Tensor<D>, f64)> {
        None
    }

    /// The weights to evaluate, where they are not the module's own.
    fn evaluation_weights(&self) -> Option<Cow<'_, Weights>> {
        None
    }

    /// Its hyperparameters as text, for the record.
    fn describe(&self) -> String;

    /// Writes its state.
    fn save(&self, record: &mut RecordWriter<'_>);

    /// Reads its state.
    ///
    /// # Errors
    /// [`Error`] naming the entry that is missing or does not fit.
    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error>;

    /// Everything the next steps depend on but the module itself.
    fn to_record(&self) -> Record {
        let mut record = Record::new(self.describe());
        self.save(&mut RecordWriter::new(&mut record));
        record
    }

    /// Continues where the record was made, for a module of the same structure.
    ///
    /// # Errors
    /// See [`Lookahead::load_record`](crate::Lookahead::load_record).
    fn load_record<M: Module>(mut self, record: &Record, module: &M) -> Result<Self, Error> {
        let expected = self.describe();
        if expected != record.optimizer() {
            return Err(Error::OtherOptimizer { expected, found: record.optimizer().to_owned() });
        }
        let (model, mut used) = (params(module), BTreeSet::new());
        let mut reader = RecordReader::new(record, &model, &mut used);
        self.load(&mut reader)?;
        reader.finish()?;
        Ok(self)
    }
}
