//! The paper's baselines on a module: Polyak averaging, running and exponential, and NT-ASGD.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{
    Alpha, Averaging, Cadence, Describe, Description, InnerStatePolicy, NonMonotonicTrigger, Schedule, SyncPeriod,
};

use crate::places::Places;
use crate::read_back::moved_to;
use crate::record::{RecordReader, RecordWriter};
use crate::traversal::Lifted;
use crate::weights::widened;
use crate::{Error, InnerOptimizer, Weights};

/// An inner optimizer whose weights are averaged after each step; the average is what is evaluated.
///
/// ```
/// use lookahead_burn::{Averaged, RuleSet, Sgd, lookahead::Averaging};
/// let polyak = Averaged::new(RuleSet::new(Sgd::new()), Averaging::Running { start: 0 });
/// ```
#[derive(Debug, Clone)]
pub struct Averaged<I> {
    inner: I,
    averaging: Averaging,
    mean: Weights,
    // How many of a parameter's weights are in its mean: one that joins late has a mean of its own.
    counts: BTreeMap<ParamId, u64>,
    steps: u64,
    trigger: NonMonotonicTrigger,
}

impl<I: InnerOptimizer> Averaged<I> {
    /// Averages the weights that `inner` steps through.
    #[must_use]
    pub fn new(inner: I, averaging: Averaging) -> Self {
        let (mean, trigger) = (Weights::default(), NonMonotonicTrigger::default());
        Self { inner, averaging, mean, counts: BTreeMap::new(), steps: 0, trigger }
    }

    /// One step of the module, whose result joins the average.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    /// A copy of the module on the average, in evaluation mode; before averaging has begun, on what the optimizer
    /// below evaluates. It owns its buffers.
    #[must_use]
    pub fn average_model<M: Module>(&self, module: &M) -> M {
        self.evaluation_weights(module).map_or_else(|| module.valid(), |weights| weights.apply(module))
    }

    /// Whether some step has joined the average: before, there is none to evaluate.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.counts.is_empty()
    }

    /// Takes a validation loss, for [`Averaging::NonMonotonic`]; says whether averaging is on by now.
    pub fn observe_validation_loss(&mut self, loss: f64) -> bool {
        match self.averaging {
            Averaging::NonMonotonic { patience } => self.trigger.observe(loss, patience),
            _ => self.averaging.includes(self.steps + 1, &self.trigger),
        }
    }

    /// Forgets parameters that the module no longer has, and takes up those that join, each with a mean of its own.
    fn meet<M: Module>(&mut self, module: &M, places: &Places, grads: Option<&GradientsParams>) {
        self.mean.retain(places);
        let joined = self.mean.follow(module, grads, None);
        self.counts.retain(|id, _| self.mean.contains(*id) && !joined.contains(id));
    }

    /// The optimizer below.
    #[must_use]
    pub fn inner(&self) -> &I {
        &self.inner
    }

    /// The optimizer below, to tell it what only it needs to know.
    pub fn inner_mut(&mut self) -> &mut I {
        &mut self.inner
    }
}

impl<I: InnerOptimizer> Cadence for Averaged<I> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<I: InnerOptimizer> InnerOptimizer for Averaged<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        let places = Places::to_move(&module, Some(&grads), |id| self.mean.contains(id));
        self.meet(&module, &places, Some(&grads));
        let module = self.inner.advance(lr, module, grads);
        self.steps = self.steps.saturating_add(1);
        if self.averaging.includes(self.steps, &self.trigger) {
            let Self { averaging, mean, counts, steps, .. } = self;
            let step = *steps;
            places.visit(&module, &mut Average { averaging, mean, counts, step });
        }
        module
    }

    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        self.inner.end_partial_cycle(module)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.inner.accepts(policy)
    }

    fn reset(&mut self) {
        self.inner.reset();
        (self.mean, self.counts) = (Weights::default(), BTreeMap::new());
        (self.steps, self.trigger) = (0, NonMonotonicTrigger::default());
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.interpolate(&anchor.inner, alpha);
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        self.inner.rebase(module);
    }

    fn follow<M: Module>(&mut self, module: &M, grads: Option<&GradientsParams>) {
        self.meet(module, &Places::of(module), grads);
        self.inner.follow(module, grads);
    }

    fn keeps_second_moment(&self) -> bool {
        self.inner.keeps_second_moment()
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        self.inner.second_moment(id)
    }

    fn evaluation_weights<M: Module>(&self, module: &M) -> Option<Cow<'_, Weights>> {
        if self.has_begun() { Some(Cow::Borrowed(&self.mean)) } else { self.inner.evaluation_weights(module) }
    }

    fn describe(&self) -> Description {
        self.averaging.describe().around(self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.mean.save(&mut record.within("mean"))?;
        self.inner.save(&mut record.within("inner"))?;
        record.within("count").numbers(&self.mean, &self.counts)?;
        record.number("steps", self.steps)?;
        record.number("begun", self.has_begun() || matches!(self.averaging, Averaging::Exponential(_)))?;
        record.number("fired", self.trigger.has_fired())?;
        let losses = self.trigger.losses();
        record.number("losses", losses.len() as u64)?;
        let mut record = record.within("loss");
        losses.iter().enumerate().try_for_each(|(index, &loss)| record.number(&index.to_string(), loss))
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.mean = Weights::load(&mut record.within("mean"), None)?;
        self.inner.load(&mut record.within("inner"))?;
        self.counts = record.within("count").numbers(&self.mean)?;
        self.counts.retain(|_, count| *count > 0);
        self.steps = record.number("steps")?;
        let has_begun = record.number_if_there("begun")?.unwrap_or(!self.counts.is_empty());
        if matches!(self.averaging, Averaging::Exponential(_)) && !has_begun {
            (self.mean, self.steps) = (Weights::default(), 0); // after another average that had not begun
        }
        let (fired, count) = (record.number("fired")?, record.number::<u64>("losses")?);
        let mut record = record.within("loss");
        let losses = (0..count).map(|index| record.number(&index.to_string())).collect::<Result<_, _>>()?;
        self.trigger = NonMonotonicTrigger::restore(losses, fired);
        Ok(())
    }
}

struct Average<'a> {
    averaging: &'a Averaging,
    mean: &'a mut Weights,
    counts: &'a mut BTreeMap<ParamId, u64>,
    step: u64,
}

impl ModuleVisitor for Average<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(mean) = self.mean.take::<D>(param.id) else { return };
        let weights = widened(Lifted::lower(param.val()).1);
        let mean = moved_to(mean, &weights.device());
        // mean <- mean - weight (mean - theta); an element whose result is not finite keeps its mean
        let count = self.counts.entry(param.id).or_default();
        *count = count.saturating_add(1);
        let weight = self.averaging.weight_of(self.step, *count);
        let moved = if weight == 1.0 { weights } else { mean.clone() - (mean.clone() - weights) * weight };
        let mean = mean.mask_where(moved.clone().is_finite(), moved);
        self.mean.insert(param.id, mean);
    }
}
