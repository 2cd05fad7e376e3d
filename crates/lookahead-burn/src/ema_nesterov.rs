//! EMA-Nesterov on a module: gradients where an average of the optimizer's own steps leads.

mod pass;

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead::{Alpha, Cadence, Describe, Description, EmaNesterovConfig, InnerStatePolicy, Schedule, SyncPeriod};

use crate::learning_rate::Rates;
use crate::places::Places;
use crate::record::{RecordReader, RecordWriter};
use crate::{Error, InnerOptimizer, Weights};
use pass::{Aside, Behind, Close, GoAlong, Open, StepBack};

/// An inner optimizer A steps from where m, an exponential average of the steps, leads.
///
/// ```text
/// p = theta + beta m;   theta' = p + A(g at p, p);   m <- gamma m + (1 - gamma) (theta' - theta)
/// ```
///
/// The module holds p; m is kept beside it (4 bytes a weight in f32), and theta, to evaluate
/// ([`evaluation_model`](Self::evaluation_model)), follows from both, to rounding. Beside a module in half precision theta is
/// kept too, in f32: p would be too coarse to give it. There a look-ahead of less than half a unit of p rounds away.
///
/// Where beta follows the learning rate, it is the largest of any parameter. A parameter without a gradient keeps its p
/// and m. A [`Lookahead`](crate::Lookahead) around it works on p, one below on theta: where that moves theta without a
/// gradient, p goes along. What the optimizer below evaluates is evaluated here too. The twin of [`lookahead::EmaNesterov`].
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use lookahead_burn::lookahead::EmaNesterovConfig;
/// use lookahead_burn::{AdamW, EmaNesterov, RuleSet};
///
/// let device = Device::flex().autodiff();
/// let mut model = LinearConfig::new(4, 2).init(&device);
/// let config = EmaNesterovConfig::new().with_beta(0.3)?.with_gamma(0.99)?;
/// let mut optimizer = EmaNesterov::with_config(RuleSet::new(AdamW::new()), config);
/// let loss = model.forward(Tensor::<2>::ones([8, 4], &device)).powf_scalar(2.0).mean();
/// let grads = GradientsParams::from_grads(loss.backward(), &model);
/// model = optimizer.step(0.001, model, grads);
/// let evaluated = optimizer.evaluation_model(&model);
/// # let _ = evaluated;
/// # Ok::<(), lookahead_burn::lookahead::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EmaNesterov<I> {
    inner: I,
    config: EmaNesterovConfig,
    // Lookaheads below are around theta.
    around_lookaheads: bool,
    momentum: Weights,
    // theta of the parameters in half precision.
    theta: Weights,
    // By how much of m each parameter looks ahead.
    betas: BTreeMap<ParamId, f64>,
    steps: u64,
}

impl<I: InnerOptimizer> EmaNesterov<I> {
    /// Around `inner`, with beta = 0.3 and gamma = 0.99.
    #[must_use]
    pub fn new(inner: I) -> Self {
        Self::with_config(inner, EmaNesterovConfig::new())
    }

    /// Around `inner`.
    #[must_use]
    pub fn with_config(inner: I, config: EmaNesterovConfig) -> Self {
        let around_lookaheads = !inner.sync_periods().is_empty();
        let (momentum, theta, betas) = (Weights::default(), Weights::default(), BTreeMap::new());
        Self { inner, config, around_lookaheads, momentum, theta, betas, steps: 0 }
    }

    /// One step of the module. The learning rate is a number or a Burn scheduler's; the module is best moved in.
    ///
    /// # Panics
    /// See [`InnerOptimizer::advance`].
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    /// A copy of the module on theta, or on what the optimizer below evaluates there, in evaluation mode: a value, with
    /// nothing to switch back. Before the first step it is the module itself.
    ///
    /// It owns its buffers. Batch-norm statistics in it are those of p; see
    /// [`re_estimate_batch_norm`](crate::re_estimate_batch_norm).
    #[must_use]
    pub fn evaluation_model<M: Module>(&self, module: &M) -> M {
        self.evaluated(module).apply(module)
    }

    /// m.
    #[must_use]
    pub fn momentum(&self) -> &Weights {
        &self.momentum
    }

    /// Its hyperparameters.
    #[must_use]
    pub fn config(&self) -> &EmaNesterovConfig {
        &self.config
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

    /// theta of each parameter that is known.
    fn behind<M: Module>(&self, module: &M) -> Weights {
        let Self { momentum, theta, betas, .. } = self;
        let mut behind = Behind { momentum, theta, betas, of: Weights::default() };
        module.visit(&mut behind);
        behind.of
    }

    fn evaluated<M: Module>(&self, module: &M) -> Cow<'_, Weights> {
        let theta = self.behind(module);
        let below = self.inner.evaluation_weights(&theta.apply(module));
        below.unwrap_or(Cow::Owned(theta))
    }

    /// Puts theta in the place of p, around Lookaheads, where a parameter looks ahead and takes no gradient step.
    fn step_back<M: Module>(&self, module: M, places: &Places, grads: Option<&GradientsParams>) -> (M, Aside) {
        if !self.around_lookaheads {
            return (module, Aside::default());
        }
        let Self { momentum, theta, betas, .. } = self;
        let mut back = StepBack { grads, momentum, theta, betas, aside: Aside::default() };
        let module = places.map(module, &mut back);
        (module, back.aside)
    }

    /// Puts p back there, as far on as theta has moved.
    fn go_along<M: Module>(&mut self, module: M, places: &Places, aside: Aside) -> M {
        if aside.is_empty() {
            return module;
        }
        places.map(module, &mut GoAlong { aside, theta: &mut self.theta })
    }

    /// Forgets parameters that the module no longer has, and takes up those that join: their m is 0.
    fn meet<M: Module>(&mut self, module: &M, places: &Places, grads: Option<&GradientsParams>) {
        self.momentum.retain(places);
        for id in self.momentum.follow(module, grads, None) {
            self.momentum.zero(id);
            self.theta.remove(id);
            self.betas.remove(&id);
        }
        self.theta.retain_known(&self.momentum);
        self.betas.retain(|id, _| self.momentum.contains(*id));
    }
}

impl<I: InnerOptimizer> Cadence for EmaNesterov<I> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.inner.sync_periods()
    }
}

impl<I: InnerOptimizer> InnerOptimizer for EmaNesterov<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        let places = Places::to_move(&module, Some(&grads), |id| self.momentum.contains(id));
        self.meet(&module, &places, Some(&grads));
        self.steps = self.steps.saturating_add(1);
        let next = self.config.beta_after(self.steps, Rates::of(lr, &module, &places).largest());
        let (module, aside) = self.step_back(module, &places, Some(&grads));
        let Self { config, momentum, theta, betas, .. } = self;
        let mut open = Open { config, next, grads: &grads, momentum, theta, betas, stepped: BTreeMap::new() };
        let module = places.map(module, &mut open);
        let stepped = open.stepped;
        let module = self.inner.advance(lr, module, grads);
        let Self { around_lookaheads, momentum, theta, betas, .. } = self;
        let mut close = Close { stepped: &stepped, heals: *around_lookaheads, momentum, theta, betas };
        let module = places.map(module, &mut close);
        self.go_along(module, &places, aside)
    }

    /// theta moves, m stays, and p goes along.
    fn end_partial_cycle<M: Module>(&mut self, module: M) -> M {
        if !self.around_lookaheads {
            return module;
        }
        let places = Places::to_move(&module, None, |id| self.momentum.contains(id));
        let (module, aside) = self.step_back(module, &places, None);
        let module = self.inner.end_partial_cycle(module);
        self.go_along(module, &places, aside)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.inner.accepts(policy)
    }

    fn reset(&mut self) {
        self.inner.reset();
        (self.momentum, self.theta, self.betas) = (Weights::default(), Weights::default(), BTreeMap::new());
        self.steps = 0;
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.momentum.interpolate(&anchor.momentum, alpha);
        self.inner.interpolate(&anchor.inner, alpha);
    }

    /// The Lookaheads inside are around theta.
    fn rebase<M: Module>(&mut self, module: &M) {
        if self.around_lookaheads {
            let theta = self.behind(module).apply(module);
            self.inner.rebase(&theta);
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
        Some(self.evaluated(module))
    }

    fn describe(&self) -> Description {
        self.config.describe().around(self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.momentum.save(&mut record.within("m"))?;
        self.theta.save(&mut record.within("theta"))?;
        self.inner.save(&mut record.within("inner"))?;
        record.number("steps", self.steps)?;
        record.within("beta").numbers(&self.momentum, &self.betas)
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.momentum = Weights::load(&mut record.within("m"), None)?;
        self.theta = Weights::load(&mut record.within("theta").partial(), None)?;
        self.inner.load(&mut record.within("inner"))?;
        self.steps = record.number("steps")?;
        self.betas = record.within("beta").numbers(&self.momentum)?;
        Ok(())
    }
}
