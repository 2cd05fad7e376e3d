//! The paper's baselines on a module: Polyak averaging, running and exponential, and NT-ASGD.

use std::borrow::Cow;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{Alpha, Averaging, Cadence, InnerStatePolicy, NonMonotonicTrigger, SyncPeriod};

use crate::record::{RecordReader, RecordWriter};
use crate::traversal::Lifted;
use crate::{Error, InnerOptimizer, Weights};

/// An inner optimizer whose weights are averaged after each step; the average is what is evaluated.
///
/// ```
/// use lookahead_burn::{Averaged, RuleSet, Sgd, lookahead::Averaging};
/// let polyak = Averaged::new(RuleSet::new(Sgd::new()), Averaging::Running { start: 0 });
/// ```
#[derive(Clone)]
pub struct Averaged<I> {
    inner: I,
    averaging: Averaging,
    mean: Weights,
    count: u64,
    steps: u64,
    trigger: NonMonotonicTrigger,
}

impl<I: InnerOptimizer> Averaged<I> {
    /// Averages the weights that `inner` steps through.
    #[must_use]
    pub fn new(inner: I, averaging: Averaging) -> Self {
        let (mean, trigger) = (Weights::default(), NonMonotonicTrigger::default());
        Self { inner, averaging, mean, count: 0, steps: 0, trigger }
    }

    /// One step of the module, whose result joins the average.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    /// A copy of the module on the average, in evaluation mode; before averaging has begun, on what the optimizer
    /// below evaluates. It owns its buffers.
    #[must_use]
    pub fn average_model<M: Module>(&self, module: &M) -> M {
        self.evaluation_weights().map_or_else(|| module.valid(), |weights| weights.apply(module))
    }

    /// Takes a validation loss, for [`Averaging::NonMonotonic`]; says whether averaging is on by now.
    pub fn observe_validation_loss(&mut self, loss: f64) -> bool {
        match self.averaging {
            Averaging::NonMonotonic { patience } => self.trigger.observe(loss, patience),
            _ => self.averaging.includes(self.steps + 1, &self.trigger),
        }
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
    fn sync_periods(&self) -> Vec<SyncPeriod> {
        self.inner.sync_periods()
    }
}

impl<I: InnerOptimizer> InnerOptimizer for Averaged<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.mean.adopt(&module, &grads, None);
        let module = self.inner.advance(lr, module, grads);
        self.steps = self.steps.saturating_add(1);
        if self.averaging.includes(self.steps, &self.trigger) {
            self.count = self.count.saturating_add(1);
            let weight = self.averaging.weight_of(self.count);
            module.visit(&mut Average { mean: &mut self.mean, weight });
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
        self.mean = Weights::default();
        (self.count, self.steps, self.trigger) = (0, 0, NonMonotonicTrigger::default());
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.interpolate(&anchor.inner, alpha);
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        self.inner.rebase(module);
    }

    fn keeps_second_moment(&self) -> bool {
        self.inner.keeps_second_moment()
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        self.inner.second_moment(id)
    }

    fn evaluation_weights(&self) -> Option<Cow<'_, Weights>> {
        if self.count > 0 { Some(Cow::Borrowed(&self.mean)) } else { self.inner.evaluation_weights() }
    }

    fn describe(&self) -> String {
        format!("{:?} average of {}", self.averaging, self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) {
        self.mean.save(&mut record.within("mean"));
        self.inner.save(&mut record.within("inner"));
        record.number("count", self.count);
        record.number("steps", self.steps);
        record.number("fired", self.trigger.has_fired());
        let losses = self.trigger.losses();
        record.number("losses", losses.len() as u64);
        let mut record = record.within("loss");
        losses.iter().enumerate().for_each(|(index, &loss)| record.number(&index.to_string(), loss));
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.mean = Weights::load(&mut record.within("mean"), None)?;
        self.inner.load(&mut record.within("inner"))?;
        self.count = record.number("count")?;
        self.steps = record.number("steps")?;
        let (fired, count) = (record.number("fired")?, record.number::<u64>("losses")?);
        let mut record = record.within("loss");
        let losses = (0..count).map(|index| record.number(&index.to_string())).collect::<Result<_, _>>()?;
        self.trigger = NonMonotonicTrigger::restore(losses, fired);
        Ok(())
    }
}

struct Average<'a> {
    mean: &'a mut Weights,
    weight: f64,
}

impl ModuleVisitor for Average<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some((path, mean)) = self.mean.take::<D>(param.id) else { return };
        let (_, weights) = Lifted::lower(param.val());
        // mean <- mean - weight (mean - theta); an element whose result is not finite keeps its mean
        let is_first = self.weight == 1.0;
        let moved = if is_first { weights } else { mean.clone() - (mean.clone() - weights) * self.weight };
        let mean = mean.mask_where(moved.clone().is_finite(), moved);
        self.mean.insert(param.id, path, mean);
    }
}
