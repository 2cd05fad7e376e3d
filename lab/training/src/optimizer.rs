//! The optimizer that a configuration describes: any nesting, as one type.

use std::borrow::Cow;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{
    Alpha, Averaging, Cadence, Description, InnerStatePolicy, LookaheadConfig, PowerWarmUp, Schedule, SyncPeriod,
    SyncReport,
};
use lookahead_burn::{
    AdaFactor, Adam, AdamW, Averaged, EmaNesterov, InnerOptimizer, Lookahead, Observed, PrimalAveraged, PullBack,
    RecordReader, RecordWriter, Refused, RuleSet, Sgd, Weights,
};

use crate::Error;
use crate::config::{AverageConfig, EmaNesterovTable, GpaTable, OptimizerConfig, ScheduleFreeTable, WarmUp};

/// A rule, a Lookahead or an average, around any other. An enum, because an optimizer of modules is no object: Burn's modules
/// are walked by code that is generic in the rank of their tensors.
#[derive(Clone)]
pub enum AnyOptimizer {
    /// SGD.
    Sgd(RuleSet<Sgd>),
    /// Adam.
    Adam(RuleSet<Adam>),
    /// AdamW.
    AdamW(RuleSet<AdamW>),
    /// AdaFactor.
    AdaFactor(RuleSet<AdaFactor>),
    /// Lookahead around another.
    Lookahead(Box<Lookahead<AnyOptimizer>>),
    /// An average that trains where it evaluates, around another.
    PrimalAveraged(Box<PrimalAveraged<AnyOptimizer>>),
    /// Looking ahead along its steps.
    EmaNesterov(Box<EmaNesterov<AnyOptimizer>>),
    /// An average of another's weights.
    Averaged(Box<Averaged<AnyOptimizer>>),
}

impl AnyOptimizer {
    /// Builds what a configuration describes; `steps_of` counts the steps of so many epochs.
    ///
    /// # Errors
    /// [`Error::Optimizer`]; never for a configuration that was read from a file.
    pub fn new(config: &OptimizerConfig, steps_of: &dyn Fn(u32) -> u64) -> Result<Self, Error> {
        Ok(match config {
            OptimizerConfig::Sgd(sgd) => Self::Sgd(RuleSet::new(sgd.rule()?.into())),
            OptimizerConfig::Adam(adam) => Self::Adam(RuleSet::new(adam.adam()?.into())),
            OptimizerConfig::AdamW(adamw) => Self::AdamW(RuleSet::new(adamw.adamw()?.into())),
            OptimizerConfig::AdaFactor(adafactor) => Self::AdaFactor(RuleSet::new(adafactor.rule()?.into())),
            OptimizerConfig::Lookahead(outer) => Self::around(&outer.inner, outer.config(steps_of)?, steps_of)?,
            OptimizerConfig::Snoo(outer)
            | OptimizerConfig::MuLoCo(outer)
            | OptimizerConfig::DiLoCo(outer)
            | OptimizerConfig::SlowMo(outer) => Self::around(&outer.inner, outer.config()?, steps_of)?,
            OptimizerConfig::ScheduleFree(ScheduleFreeTable { averaging, inner }) => {
                Self::PrimalAveraged(Box::new(PrimalAveraged::new(Self::new(inner, steps_of)?, *averaging)))
            }
            OptimizerConfig::Gpa(GpaTable { averaging, inner }) => {
                Self::PrimalAveraged(Box::new(PrimalAveraged::new(Self::new(inner, steps_of)?, *averaging)))
            }
            OptimizerConfig::EmaNesterov(EmaNesterovTable { config, inner }) => {
                Self::EmaNesterov(Box::new(EmaNesterov::with_config(Self::new(inner, steps_of)?, *config)))
            }
            OptimizerConfig::Averaged(averaged) => {
                let averaging = match averaged.average {
                    AverageConfig::Running { start } => Averaging::Running { start },
                    AverageConfig::Exponential { decay, warm_up, initial_weights } => {
                        let exponential = match warm_up {
                            WarmUp::None => Averaging::exponential(decay)?,
                            WarmUp::Ratio => Averaging::exponential_with_warm_up(decay)?,
                            WarmUp::Power => Averaging::exponential_with_power_warm_up(decay, PowerWarmUp::new())?,
                        };
                        if initial_weights { exponential.with_initial_weights() } else { exponential }
                    }
                    AverageConfig::NonMonotonic { patience } => {
                        Averaging::NonMonotonic { patience: patience.get() as usize }
                    }
                };
                Self::Averaged(Box::new(Averaged::new(Self::new(&averaged.inner, steps_of)?, averaging)))
            }
        })
    }

    fn around(inner: &OptimizerConfig, config: LookaheadConfig, steps_of: &dyn Fn(u32) -> u64) -> Result<Self, Error> {
        Ok(Self::Lookahead(Box::new(Lookahead::around(Self::new(inner, steps_of)?, config)?)))
    }

    /// One gradient step. `gradient_at` is called where the adaptive alpha of the outermost Lookahead asks for the gradient at
    /// theta_k.
    pub fn step<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        model: M,
        grads: GradientsParams,
        gradient_at: impl FnOnce(&M) -> GradientsParams,
    ) -> M {
        match self {
            Self::Lookahead(lookahead) => lookahead.step_with(lr.clone(), model, grads, gradient_at),
            other => other.advance(lr, model, grads),
        }
    }

    /// The fast weights theta_{t,k} that the next step of the outermost Lookahead will pull back, if it syncs then.
    #[must_use]
    pub fn proposal<M: Module>(&self, lr: &ModuleLearningRate, model: &M, grads: &GradientsParams) -> Option<M> {
        match self {
            Self::Lookahead(lookahead) => lookahead.proposal(lr.clone(), model, grads),
            _ => None,
        }
    }

    /// A copy of the model on the weights to evaluate: slow weights, an average, or its own. It owns its buffers.
    #[must_use]
    pub fn evaluation_model<M: Module>(&self, model: &M) -> M {
        self.evaluation_weights(model).map_or_else(|| model.valid(), |weights| weights.apply(model))
    }
}

/// Hands a call to whichever optimizer it is.
macro_rules! each {
    ($self:expr, $optimizer:ident => $call:expr) => {
        match $self {
            AnyOptimizer::Sgd($optimizer) => $call,
            AnyOptimizer::Adam($optimizer) => $call,
            AnyOptimizer::AdamW($optimizer) => $call,
            AnyOptimizer::AdaFactor($optimizer) => $call,
            AnyOptimizer::Lookahead($optimizer) => $call,
            AnyOptimizer::PrimalAveraged($optimizer) => $call,
            AnyOptimizer::EmaNesterov($optimizer) => $call,
            AnyOptimizer::Averaged($optimizer) => $call,
        }
    };
}

impl Cadence for AnyOptimizer {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        each!(self, optimizer => optimizer.sync_periods())
    }
}

impl Observed for AnyOptimizer {
    fn latest_sync(&self) -> Option<SyncReport> {
        each!(self, optimizer => optimizer.latest_sync())
    }

    fn all_refused(&self) -> u64 {
        each!(self, optimizer => optimizer.all_refused())
    }

    fn averages_began(&self) -> Option<bool> {
        each!(self, optimizer => optimizer.averages_began())
    }

    fn observe_loss(&mut self, loss: f64) {
        each!(self, optimizer => optimizer.observe_loss(loss));
    }
}

impl InnerOptimizer for AnyOptimizer {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        each!(self, optimizer => optimizer.advance(lr, module, grads))
    }

    fn advance_and_pull_back<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        sync: PullBack<'_, Self>,
    ) -> (M, Refused) {
        // The anchor was cloned from this optimizer, so it is of the same kind.
        macro_rules! wrapped {
            ($optimizer:ident, $kind:ident($anchor:ident) => $inside:expr) => {{
                let sync = sync.of_wrapped(|anchor| match anchor {
                    Self::$kind($anchor) => Some($inside),
                    _ => None,
                });
                $optimizer.advance_and_pull_back(lr, module, grads, sync)
            }};
        }
        match self {
            Self::Sgd(optimizer) => wrapped!(optimizer, Sgd(anchor) => anchor),
            Self::Adam(optimizer) => wrapped!(optimizer, Adam(anchor) => anchor),
            Self::AdamW(optimizer) => wrapped!(optimizer, AdamW(anchor) => anchor),
            Self::AdaFactor(optimizer) => wrapped!(optimizer, AdaFactor(anchor) => anchor),
            Self::Lookahead(optimizer) => wrapped!(optimizer, Lookahead(anchor) => &mut **anchor),
            Self::PrimalAveraged(optimizer) => wrapped!(optimizer, PrimalAveraged(anchor) => &mut **anchor),
            Self::EmaNesterov(optimizer) => wrapped!(optimizer, EmaNesterov(anchor) => &mut **anchor),
            Self::Averaged(optimizer) => wrapped!(optimizer, Averaged(anchor) => &mut **anchor),
        }
    }

    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        each!(self, optimizer => optimizer.end_partial_cycle(module))
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), lookahead_burn::Error> {
        each!(self, optimizer => optimizer.accepts(policy))
    }

    fn reset(&mut self) {
        each!(self, optimizer => optimizer.reset());
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        // The anchor was cloned from this optimizer, so it is of the same kind.
        match (self, anchor) {
            (Self::Sgd(optimizer), Self::Sgd(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::Adam(optimizer), Self::Adam(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::AdamW(optimizer), Self::AdamW(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::AdaFactor(optimizer), Self::AdaFactor(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::Lookahead(optimizer), Self::Lookahead(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::PrimalAveraged(optimizer), Self::PrimalAveraged(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::EmaNesterov(optimizer), Self::EmaNesterov(anchor)) => optimizer.interpolate(anchor, alpha),
            (Self::Averaged(optimizer), Self::Averaged(anchor)) => optimizer.interpolate(anchor, alpha),
            _ => {}
        }
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        each!(self, optimizer => optimizer.rebase(module));
    }

    fn follow<M: Module>(&mut self, module: &M, grads: Option<&GradientsParams>) {
        each!(self, optimizer => optimizer.follow(module, grads));
    }

    fn keeps_second_moment(&self) -> bool {
        each!(self, optimizer => optimizer.keeps_second_moment())
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        each!(self, optimizer => optimizer.second_moment(id))
    }

    fn evaluation_weights<M: Module>(&self, module: &M) -> Option<Cow<'_, Weights>> {
        each!(self, optimizer => optimizer.evaluation_weights(module))
    }

    fn describe(&self) -> Description {
        each!(self, optimizer => optimizer.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), lookahead_burn::Error> {
        each!(self, optimizer => optimizer.save(record))
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), lookahead_burn::Error> {
        each!(self, optimizer => optimizer.load(record))
    }
}
