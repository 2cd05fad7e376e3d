//! An optimizer that trains near the average of its own weights, and is evaluated on it, on a module.

mod pass;

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::kernels::interpolate_scalar;
use lookahead::{Alpha, Cadence, Describe, Description, InnerStatePolicy, PrimalAveraging, Schedule, SyncPeriod};

use crate::learning_rate::Rates;
use crate::places::Places;
use crate::record::{RecordReader, RecordWriter};
use crate::{Error, InnerOptimizer, Weights};
pub(crate) use pass::in_place;
use pass::{Close, Mean, Open, Opened};

/// An inner optimizer steps z, an average x follows it, and gradients are taken between both: [`ScheduleFree`] and
/// [`Gpa`].
///
/// ```text
/// g at y = (1 - mu_y) z + mu_y x;   z <- z + A(g, z);   x <- x - c (x - z)
/// ```
///
/// The module holds y; z is kept beside it (4 bytes a weight in f32), and x follows from both. Beside a module in half
/// precision x is kept too, in f32: y would be too coarse to give it. There z is what the inner optimizer leaves, a
/// number in half precision, so that a small step or decay may round away. [`average_model`](Self::average_model)
/// evaluates x.
///
/// Of a [`ModuleLearningRate`] with groups, the weights of a mean go by the largest rate of any parameter; weight decay
/// goes by each parameter's own, and a warm-up scales all.
///
/// Inside a [`Lookahead`](crate::Lookahead) z is part of the inner state: under "interpolate" y, z and x are all pulled
/// back, under "maintain" z stays where it is, under "reset" z and x begin anew at the slow weights. The twin of
/// [`lookahead::PrimalAveraged`], whose numbers and sources are in [`lookahead::family`].
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use lookahead_burn::lookahead::ScheduleFree;
/// use lookahead_burn::{PrimalAveraged, RuleSet, Sgd};
///
/// let device = Device::flex().autodiff();
/// let mut model = LinearConfig::new(4, 2).init(&device);
/// let mut optimizer = PrimalAveraged::new(RuleSet::new(Sgd::new()), ScheduleFree::new());
/// let loss = model.forward(Tensor::<2>::ones([8, 4], &device)).powf_scalar(2.0).mean();
/// let grads = GradientsParams::from_grads(loss.backward(), &model);
/// model = optimizer.step(1.0, model, grads);          // no schedule is needed
/// let evaluated = optimizer.average_model(&model);
/// # let _ = evaluated;
/// ```
///
/// [`ScheduleFree`]: lookahead::ScheduleFree
/// [`Gpa`]: lookahead::Gpa
#[derive(Debug, Clone)]
pub struct PrimalAveraged<I> {
    inner: I,
    averaging: PrimalAveraging,
    // A parameter without a gradient moves with a Lookahead below.
    all_move: bool,
    z: Weights,
    // x of the parameters in half precision.
    x: Weights,
    // The sum of the weights in each mean.
    sums: BTreeMap<ParamId, f64>,
    steps: u64,
    largest_rate: f64,
}

impl<I: InnerOptimizer> PrimalAveraged<I> {
    /// Trains where `averaging` says, around `inner`.
    #[must_use]
    pub fn new(inner: I, averaging: impl Into<PrimalAveraging>) -> Self {
        let all_move = !inner.sync_periods().is_empty();
        let (z, x, sums) = (Weights::default(), Weights::default(), BTreeMap::new());
        Self { inner, averaging: averaging.into(), all_move, z, x, sums, steps: 0, largest_rate: 0.0 }
    }

    /// One step of the module. The learning rate is a number or a Burn scheduler's; the module is best moved in.
    ///
    /// # Panics
    /// See [`InnerOptimizer::advance`].
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    /// A copy of the module on x, in evaluation mode: a value, with nothing to switch back. Before the first step it is
    /// the module itself.
    ///
    /// It owns its buffers. Batch-norm statistics in it are those of y; see
    /// [`re_estimate_batch_norm`](crate::re_estimate_batch_norm).
    #[must_use]
    pub fn average_model<M: Module>(&self, module: &M) -> M {
        self.mean_of(module).apply(module)
    }

    /// The weights z that the optimizer below steps.
    #[must_use]
    pub fn z(&self) -> &Weights {
        &self.z
    }

    /// How it averages.
    #[must_use]
    pub fn averaging(&self) -> &PrimalAveraging {
        &self.averaging
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

    /// x of each parameter that is known.
    fn mean_of<M: Module>(&self, module: &M) -> Weights {
        let mut mean =
            Mean { z: &self.z, x: &self.x, interpolation: self.averaging.interpolation(), of: Weights::default() };
        module.visit(&mut mean);
        mean.of
    }

    /// Forgets parameters that the module no longer has, and takes up those that join: z and x begin at y.
    fn meet<M: Module>(&mut self, module: &M, places: &Places, grads: Option<&GradientsParams>) {
        self.z.retain(places);
        let joined = self.z.follow(module, grads, None);
        joined.iter().for_each(|id| self.x.remove(*id));
        self.x.retain_known(&self.z);
        self.sums.retain(|id, _| self.z.contains(*id) && !joined.contains(id));
    }

    /// Puts z in the place of y.
    fn open<M: Module>(
        &mut self,
        module: M,
        places: &Places,
        grads: &GradientsParams,
        rates: &Rates,
        weight: f64,
    ) -> (M, Opened) {
        let Self { averaging, all_move, z, x, sums, steps, .. } = self;
        let (step, all_move, opened) = (*steps, *all_move, Opened::default());
        let mut open = Open { averaging, step, weight, rates, grads, all_move, z, x, sums, opened };
        let module = places.map(module, &mut open);
        (module, open.opened)
    }

    /// Puts y back.
    fn close<M: Module>(&mut self, module: M, places: &Places, opened: Opened) -> M {
        let Self { averaging, all_move, z, x, .. } = self;
        let interpolation = averaging.interpolation();
        places.map(module, &mut Close { opened, interpolation, heals: *all_move, z, x })
    }
}

impl<I: InnerOptimizer> Cadence for PrimalAveraged<I> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<I: InnerOptimizer> InnerOptimizer for PrimalAveraged<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        let places = Places::to_move(&module, Some(&grads), |id| self.z.contains(id));
        self.meet(&module, &places, Some(&grads));
        self.steps = self.steps.saturating_add(1);
        let rates = Rates::of(lr, &module, &places);
        let largest = rates.largest();
        let of_step = self.averaging.rates(largest, self.steps, &mut self.largest_rate);
        let (module, opened) = self.open(module, &places, &grads, &rates, of_step.weight);
        let module = if of_step.inner == largest {
            self.inner.advance(lr, module, grads)
        } else {
            self.inner.advance(&rates.scaled(of_step.inner / largest), module, grads)
        };
        self.close(module, &places, opened)
    }

    /// x stays, z moves, and y goes along.
    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        if !self.all_move {
            return module;
        }
        let places = Places::to_move(&module, None, |id| self.z.contains(id));
        let (module, opened) = self.open(module, &places, &GradientsParams::new(), &Rates::default(), 0.0);
        let module = self.inner.end_partial_cycle(module);
        self.close(module, &places, opened)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.inner.accepts(policy)
    }

    fn reset(&mut self) {
        self.inner.reset();
        (self.z, self.x, self.sums) = (Weights::default(), Weights::default(), BTreeMap::new());
        (self.steps, self.largest_rate) = (0, 0.0);
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.z.interpolate(&anchor.z, alpha);
        for (id, sum) in &mut self.sums {
            *sum = interpolate_scalar(*sum, anchor.sums.get(id).copied().unwrap_or_default(), alpha);
        }
        self.inner.interpolate(&anchor.inner, alpha);
    }

    /// The Lookaheads inside are around z.
    fn rebase<M: Module>(&mut self, module: &M) {
        if self.all_move {
            self.inner.rebase(&self.z.apply(module));
        }
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
        Some(Cow::Owned(self.mean_of(module)))
    }

    fn describe(&self) -> Description {
        self.averaging.describe().around(self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.z.save(&mut record.within("z"))?;
        self.x.save(&mut record.within("x"))?;
        self.inner.save(&mut record.within("inner"))?;
        record.number("steps", self.steps)?;
        record.number("largest_rate", self.largest_rate)?;
        record.within("sum").numbers(&self.z, &self.sums)
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.z = Weights::load(&mut record.within("z"), None)?;
        self.x = Weights::load(&mut record.within("x").partial(), None)?;
        self.inner.load(&mut record.within("inner"))?;
        (self.steps, self.largest_rate) = (record.number("steps")?, record.number("largest_rate")?);
        self.sums = record.within("sum").numbers(&self.z)?;
        Ok(())
    }
}
