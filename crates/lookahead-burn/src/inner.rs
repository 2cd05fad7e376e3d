//! The inner optimizer of the module-level Lookahead: whatever moves a module and lets its state be seen.

use std::borrow::Cow;
use std::collections::BTreeSet;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{Alpha, Cadence, Description, InnerStatePolicy};

use crate::parameters::parameters;
use crate::record::{Record, RecordReader, RecordWriter};
use crate::{Error, PullBack, Refused, Weights, read_back};

/// Moves a module along gradients, and gives the module-level [`Lookahead`](crate::Lookahead) its hold on the state.
///
/// [`RuleSet`](crate::RuleSet) implements it for rules, [`BlackBox`](crate::BlackBox) for Burn's `ModuleOptimizer`, and
/// Lookahead and [`Averaged`](crate::Averaged) for themselves, so that they nest. The twin of [`lookahead::Optimizer`].
///
/// An optimizer of one's own keeps three promises: it drops the state of parameters that the module no longer has (or
/// whose shape has changed); it moves a parameter that stands at several places once and leaves the same tensor at all of
/// them (see [`tie_parameters`](crate::tie_parameters)); and it writes all that its next step depends on. Here is one that
/// divides the learning rate by the number of its steps:
///
/// ```
/// use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
/// use burn::module::Module;
/// use burn::optim::GradientsParams;
/// use lookahead_burn::lookahead::{Alpha, Cadence, Description, InnerStatePolicy};
/// use lookahead_burn::{Error, InnerOptimizer, Lookahead, RecordReader, RecordWriter, RuleSet, Sgd};
///
/// #[derive(Clone)]
/// struct Decaying {
///     rules: RuleSet<Sgd>,
///     steps: u64,
/// }
///
/// impl Cadence for Decaying {}
///
/// impl InnerOptimizer for Decaying {
///     fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
///         self.steps += 1;
///         self.rules.step(lr.base() / self.steps as f64, module, grads)
///     }
///     fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
///         self.rules.accepts(policy)
///     }
///     fn reset(&mut self) {
///         self.rules.reset();
///         self.steps = 0;
///     }
///     fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
///         self.rules.interpolate(&anchor.rules, alpha);
///     }
///     fn follow<M: Module>(&mut self, module: &M, grads: Option<&GradientsParams>) {
///         self.rules.follow(module, grads);
///     }
///     fn describe(&self) -> Description {
///         Description::of("Decaying").around(self.rules.describe())
///     }
///     fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
///         record.number("steps", self.steps)?;
///         self.rules.save(&mut record.within("rules"))
///     }
///     fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
///         self.steps = record.number("steps")?;
///         self.rules.load(&mut record.within("rules"))
///     }
/// }
///
/// let decaying = Decaying { rules: RuleSet::new(Sgd::new()), steps: 0 };
/// let optimizer = Lookahead::around(decaying, Default::default())?;
/// # let _ = optimizer;
/// # Ok::<(), Error>(())
/// ```
pub trait InnerOptimizer: Cadence + Clone {
    /// One gradient step. A parameter without a gradient stays as it is.
    ///
    /// # Panics
    /// Those of this crate panic with [`Error::TornParameter`] where one `ParamId` stands at several places of the module
    /// that do not hold the same tensor: no step could be meant by that. And with [`Error::UnsupportedPrecision`]
    /// where a device cannot compute in the precision of a parameter.
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M;

    /// One gradient step, then a sync. Gives the module and how many elements the sync refused as not finite.
    /// A rule set does both in one pass.
    fn advance_and_pull_back<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        sync: PullBack<'_, Self>,
    ) -> (M, Refused) {
        let module = self.advance(lr, module, grads);
        let module = self.end_partial_cycle(module);
        sync.carry_out(module, self)
    }

    /// Ends partial cycles of Lookaheads inside, before an outer one syncs off its beat.
    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        module
    }

    /// Whether a policy for its state can be kept, as far as it can be known by now: whether the state of a rule that is
    /// not of this crate can be interpolated is seen in the state itself, from its first step on.
    ///
    /// # Errors
    /// [`Error::HiddenState`], [`Error::NotInterpolable`] or [`Error::NotReadBack`].
    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error>;

    /// Forgets everything: as new.
    fn reset(&mut self);

    /// App. C.5 "interpolate": every moment moves back toward its value in `anchor`.
    ///
    /// # Panics
    /// If a state turns out not to allow it; [`accepts`](Self::accepts) says so before.
    fn interpolate(&mut self, anchor: &Self, alpha: Alpha);

    /// Takes the module's weights as the slow weights of Lookaheads inside.
    fn rebase<M: Module>(&mut self, _module: &M) {}

    /// Forgets what belongs to parameters that the module no longer has, and takes up those that have become trainable or
    /// have a gradient, as the next step would: before it is saved, and wherever no step comes first.
    fn follow<M: Module>(&mut self, _module: &M, _grads: Option<&GradientsParams>) {}

    /// Whether it keeps second moments.
    fn keeps_second_moment(&self) -> bool {
        false
    }

    /// The second moment of a parameter and its bias correction, if the rule keeps one.
    fn second_moment<const D: usize>(&self, _id: ParamId) -> Option<(Tensor<D>, f64)> {
        None
    }

    /// The weights to evaluate, where they are not the module's own.
    fn evaluation_weights<M: Module>(&self, _module: &M) -> Option<Cow<'_, Weights>> {
        None
    }

    /// What it is, for the record.
    fn describe(&self) -> Description;

    /// Writes its state, which [`follow`](Self::follow) has fitted to the module whose parameters the writer knows.
    ///
    /// # Errors
    /// [`Error::WrittenTwice`].
    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error>;

    /// Reads its state.
    ///
    /// # Errors
    /// [`Error`] naming the entry that is missing or does not fit.
    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error>;

    /// Everything the next steps depend on but the module itself, as it stands. Changes nothing.
    ///
    /// # Errors
    /// [`Error::TornParameter`] or [`Error::SamePath`] for a module of which no record can be made; [`Error::ReadBack`] if a
    /// device fails.
    fn to_record<M: Module>(&self, module: &M) -> Result<Record, Error> {
        let (parameters, mut followed) = (parameters(module)?, self.clone());
        read_back::wait_for(&parameters)?;
        followed.follow(module, None);
        let mut record = Record::new(self.describe());
        followed.save(&mut RecordWriter::new(&mut record, &parameters))?;
        Ok(record)
    }

    /// Continues where the record was made, for a module of the same structure.
    ///
    /// # Errors
    /// See [`Lookahead::load_record`](crate::Lookahead::load_record).
    fn load_record<M: Module>(self, record: &Record, module: &M) -> Result<Self, Error> {
        self.describe().compare(record.optimizer()).map_err(other_optimizer)?;
        read(self, record, module)
    }

    /// Continues where the record was made under other hyperparameters, for a fine-tuning with another alpha, say.
    ///
    /// # Errors
    /// See [`Lookahead::load_record_under_new_hyperparameters`](crate::Lookahead::load_record_under_new_hyperparameters).
    fn load_record_under_new_hyperparameters<M: Module>(self, record: &Record, module: &M) -> Result<Self, Error> {
        self.describe().compare_form(record.optimizer()).map_err(other_optimizer)?;
        read(self, record, module)
    }
}

fn read<I: InnerOptimizer, M: Module>(mut optimizer: I, record: &Record, module: &M) -> Result<I, Error> {
    let (parameters, mut used) = (parameters(module)?, BTreeSet::new());
    let mut reader = RecordReader::new(record, &parameters, &mut used);
    optimizer.load(&mut reader)?;
    reader.finish()?;
    Ok(optimizer)
}

/// The core's error as one of a record.
fn other_optimizer(error: lookahead::Error) -> Error {
    match error {
        lookahead::Error::OtherOptimizer { name, expected, found } => Error::OtherOptimizer { name, expected, found },
        error => error.into(),
    }
}
