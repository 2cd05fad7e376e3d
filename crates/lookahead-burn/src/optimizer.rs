//! Algorithm 1 on a Burn module: one clock, one alpha, slow weights that are a value.

mod proposal;

use std::borrow::Cow;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::Tensor;
use lookahead::{
    Alpha, Cadence, ChosenAlpha, InnerStatePolicy, LookaheadConfig, StepSize, SyncClock, SyncPeriod, SyncReport, Tick,
};

use crate::curvature::{SquaredGradients, choose_alpha};
use crate::record::{Record, RecordReader, RecordWriter};
use crate::rule::five_cycles;
use crate::slow_weights::SlowWeights;
use crate::traversal::shared;
use crate::{BlackBox, Error, InnerOptimizer, PullBack, RuleSet, Weights};

/// Lookahead around an inner optimizer, for a whole module: the paper's algorithm to the letter.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Distribution, Tensor};
/// use lookahead_burn::{Lookahead, Sgd};
///
/// let device = Device::flex().autodiff();
/// let mut model = LinearConfig::new(4, 2).init(&device);
/// let mut optimizer = Lookahead::new(Sgd::new());         // the one line; k = 5, alpha = 0.5
/// for _ in 0..10 {
///     let input = Tensor::<2>::random([8, 4], Distribution::Default, &device);
///     let loss = model.forward(input).powf_scalar(2.0).mean();
///     let grads = GradientsParams::from_grads(loss.backward(), &model);
///     model = optimizer.step(0.1, model, grads);          // move the module in: its buffers are written in place
/// }
/// let evaluated = optimizer.slow_model(&model);           // a value of its own; training goes on undisturbed
/// # let _ = evaluated;
/// ```
///
/// On the CPU the arithmetic is the core's, in place; on other devices it is tensor operations, where a compiler may
/// contract multiplications and additions.
#[derive(Clone)]
pub struct Lookahead<I> {
    inner: I,
    config: LookaheadConfig,
    slow: SlowWeights,
    // The inner optimizer as of the last sync, under "interpolate".
    anchor: Option<I>,
    // The curvature for an adaptive alpha where the inner optimizer keeps none.
    squares: Option<SquaredGradients>,
    clock: SyncClock,
    last_sync: Option<SyncReport>,
    refused: u64,
}

impl<O: Optimizer> Lookahead<RuleSet<O>> {
    /// Lookahead with k = 5 and alpha = 0.5 around a rule: ours or any of Burn's.
    pub fn new(rule: O) -> Self {
        let config = LookaheadConfig::new().with_sync_period(five_cycles(&rule));
        Self::unchecked(RuleSet::new(rule), config)
    }

    /// Lookahead with hyperparameters of one's own around a rule.
    ///
    /// # Errors
    /// See [`around`](Self::around).
    pub fn with_config(rule: O, config: LookaheadConfig) -> Result<Self, Error> {
        Self::around(RuleSet::new(rule), config)
    }
}

impl Lookahead<BlackBox> {
    /// Lookahead around a `ModuleOptimizer`, whose state cannot be seen: maintain and reset only, and an adaptive alpha
    /// keeps an average of squared gradients of its own.
    ///
    /// # Errors
    /// [`Error::HiddenState`] under "interpolate".
    pub fn from_module_optimizer(optimizer: ModuleOptimizer, config: LookaheadConfig) -> Result<Self, Error> {
        Self::around(BlackBox::new(optimizer), config)
    }
}

impl<I: InnerOptimizer> Lookahead<I> {
    /// Lookahead around any inner optimizer: rules in groups, another Lookahead, an average.
    ///
    /// # Errors
    /// [`lookahead::Error::PeriodsDoNotNest`] where an inner Lookahead would be caught in mid-cycle, or what
    /// [`InnerOptimizer::accepts`] says of the policy.
    pub fn around(inner: I, config: LookaheadConfig) -> Result<Self, Error> {
        config.nests_around(&inner.sync_periods())?;
        inner.accepts(config.inner_state)?;
        Ok(Self::unchecked(inner, config))
    }

    fn unchecked(inner: I, config: LookaheadConfig) -> Self {
        let anchor = (config.inner_state == InnerStatePolicy::Interpolate).then(|| inner.clone());
        let slow = SlowWeights::new(config.slow_storage);
        let keeps_squares = matches!(config.step_size, StepSize::Adaptive(_)) && !inner.keeps_second_moment();
        Self {
            inner,
            config,
            slow,
            anchor,
            squares: keeps_squares.then(SquaredGradients::default),
            clock: SyncClock::default(),
            last_sync: None,
            refused: 0,
        }
    }

    /// One gradient step, with a sync after every k-th. The learning rate is a number or what a Burn scheduler gives.
    ///
    /// Move the module in: a clone of it elsewhere makes every step copy the weights.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.step_at(&lr.into(), module, grads, |_| None)
    }

    /// [`step`](Self::step), with the gradient at theta_k for an adaptive alpha: the paper's form of Prop. 1.
    ///
    /// `gradient_at` is called only in a step that ends in a sync with adaptive alpha, on the module after that step.
    /// Plain `step` takes the gradient at theta_{k-1}, which it has anyway, instead.
    pub fn step_with<M: Module>(
        &mut self,
        lr: impl Into<ModuleLearningRate>,
        module: M,
        grads: GradientsParams,
        gradient_at: impl FnOnce(&M) -> GradientsParams,
    ) -> M {
        self.step_at(&lr.into(), module, grads, |module| Some(gradient_at(module)))
    }

    /// Ends a partial cycle: a sync with the same alpha and policy, after which a new cycle starts. Changes nothing
    /// right after a sync.
    ///
    /// An adaptive alpha has no gradient to go by here: it is that of the last sync, or alpha_low before the first.
    pub fn sync_now<M: Module>(&mut self, module: M) -> M {
        let module = self.inner.end_partial_cycle(module);
        let Some(outer) = self.clock.end_partial_cycle() else { return module };
        let alpha = match &self.config.step_size {
            StepSize::Fixed(schedule) => schedule.at(outer),
            StepSize::Adaptive(adaptive) => self.last_sync.map_or(adaptive.low, |sync| sync.alpha),
        };
        let (sync, inner) = self.pull_back(outer, alpha);
        let (module, refused) = sync.carry_out(module, inner);
        self.finish_sync(&module, outer, ChosenAlpha { alpha, clipped: false }, refused);
        module
    }

    /// A copy of the module on the slow weights, in evaluation mode: a value, with nothing to switch back.
    ///
    /// It owns its buffers. Batch-norm statistics in it are those of the fast weights; see
    /// [`re_estimate_batch_norm`](crate::re_estimate_batch_norm). Before the first step it is the module itself.
    #[must_use]
    pub fn slow_model<M: Module>(&self, module: &M) -> M {
        self.slow.weights().apply(module)
    }

    /// The slow weights. Copies only where they are stored as bf16.
    #[must_use]
    pub fn slow(&self) -> Cow<'_, Weights> {
        self.slow.weights()
    }

    /// Keeps the slow weights in host memory, for a model on a GPU: they are touched in every k-th step only, and then
    /// the weights travel to the host and back. Without effect on the CPU, or with bf16 slow weights, which always live
    /// there. Call it before the first step.
    #[must_use]
    pub fn with_slow_weights_on_host(mut self) -> Self {
        self.slow.keep_on_host();
        self
    }

    /// The inner optimizer.
    #[must_use]
    pub fn inner(&self) -> &I {
        &self.inner
    }

    /// The inner optimizer, to tell it what only it needs to know (such as a validation loss).
    pub fn inner_mut(&mut self) -> &mut I {
        &mut self.inner
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

    /// Everything the next steps depend on but the module itself.
    ///
    /// A parameter that has become trainable since the last step is not in it yet: it joins at the next one.
    #[must_use]
    pub fn to_record(&self) -> Record {
        InnerOptimizer::to_record(self)
    }

    /// Continues where the record was made, for a module of the same structure: its parameters are found by module
    /// path, whatever their ids are in this process.
    ///
    /// # Errors
    /// [`Error::OtherOptimizer`] for other hyperparameters, [`Error::LeftInRecord`], [`Error::MissingInRecord`] and
    /// [`Error::OtherShape`] naming the first entry that does not belong; nothing is skipped silently.
    pub fn load_record<M: Module>(self, record: &Record, module: &M) -> Result<Self, Error> {
        InnerOptimizer::load_record(self, record, module)
    }

    fn step_at<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        gradient_at: impl FnOnce(&M) -> Option<GradientsParams>,
    ) -> M {
        // theta_0, of every parameter that is new
        self.slow.adopt(&module, &grads, self.clock.outer());
        if let Some(squares) = &mut self.squares {
            squares.observe(&module, &grads);
        }
        let tick = self.clock.tick(&self.config.sync_period);
        let Tick::Sync { outer } = tick else {
            // theta_i <- theta_{i-1} + A(L, theta_{i-1}, d)
            return self.inner.advance(lr, module, grads);
        };
        let (chosen, (module, refused)) = match &self.config.step_size {
            StepSize::Fixed(schedule) => {
                let alpha = schedule.at(outer);
                let (sync, inner) = self.pull_back(outer, alpha);
                (ChosenAlpha { alpha, clipped: false }, inner.advance_and_pull_back(lr, module, grads, sync))
            }
            StepSize::Adaptive(adaptive) => {
                let last_gradient = shared(&module, &grads);
                let module = self.inner.advance(lr, module, grads);
                let module = self.inner.end_partial_cycle(module);
                let gradient = gradient_at(&module).unwrap_or(last_gradient);
                let chosen = choose_alpha(adaptive, &module, &self.slow, &gradient, &self.inner, self.squares.as_ref());
                let (sync, inner) = self.pull_back(outer, chosen.alpha);
                (chosen, sync.carry_out(module, inner))
            }
        };
        self.finish_sync(&module, outer, chosen, refused);
        module
    }

    /// A sync with this alpha, and the inner optimizer that it concerns.
    fn pull_back(&mut self, outer: u64, alpha: Alpha) -> (PullBack<'_, I>, &mut I) {
        (PullBack { slow: &mut self.slow, alpha, outer, anchor: self.anchor.as_mut() }, &mut self.inner)
    }

    /// The inner state's part of a sync (App. C.5), and the record of it.
    fn finish_sync<M: Module>(
        &mut self,
        module: &M,
        outer: u64,
        ChosenAlpha { alpha, clipped }: ChosenAlpha,
        refused: u64,
    ) {
        match self.config.inner_state {
            _ if refused > 0 => {
                log::warn!(
                    "sync {outer}: {refused} elements were not finite; they keep their slow weights, the inner state is reset"
                );
                self.inner.reset();
                self.squares = self.squares.take().map(|_| SquaredGradients::default());
            }
            // "interpolate" was part of the sync itself
            InnerStatePolicy::Maintain | InnerStatePolicy::Interpolate => {}
            InnerStatePolicy::Reset => self.inner.reset(),
        }
        self.inner.rebase(module);
        match &mut self.anchor {
            Some(anchor) if refused > 0 => *anchor = self.inner.clone(),
            Some(anchor) => anchor.rebase(module),
            None => {}
        }
        self.refused = self.refused.saturating_add(refused);
        self.last_sync = Some(SyncReport { outer, alpha, clipped, refused });
    }
}

impl<I: InnerOptimizer> Cadence for Lookahead<I> {
    fn sync_periods(&self) -> Vec<SyncPeriod> {
        self.config.sync_period.values().chain(self.inner.sync_periods()).collect()
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
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.inner.interpolate(&anchor.inner, alpha);
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        self.slow.rebase(module, self.clock.outer());
        self.inner.rebase(module);
        self.anchor = self.anchor.take().map(|_| self.inner.clone());
    }

    fn keeps_second_moment(&self) -> bool {
        // "reset" empties it at each sync, just when an outer Lookahead asks for it
        self.config.inner_state != InnerStatePolicy::Reset && self.inner.keeps_second_moment()
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        self.inner.second_moment(id)
    }

    fn evaluation_weights(&self) -> Option<Cow<'_, Weights>> {
        Some(self.slow())
    }

    fn describe(&self) -> String {
        format!("{:?} around {}", self.config, self.inner.describe())
    }

    fn save(&self, record: &mut RecordWriter<'_>) {
        self.slow.save(&mut record.within("slow"));
        self.inner.save(&mut record.within("inner"));
        if let Some(anchor) = &self.anchor {
            anchor.save(&mut record.within("anchor"));
        }
        if let Some(squares) = &self.squares {
            squares.save(&mut record.within("squares"));
        }
        record.number("phase", self.clock.phase());
        record.number("outer", self.clock.outer());
        record.number("refused", self.refused);
        if let Some(sync) = &self.last_sync {
            let mut record = record.within("last_sync");
            record.number("outer", sync.outer);
            record.number("alpha", sync.alpha.get());
            record.number("clipped", sync.clipped);
            record.number("refused", sync.refused);
        }
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.slow.load(&mut record.within("slow"))?;
        self.inner.load(&mut record.within("inner"))?;
        if let Some(anchor) = &mut self.anchor {
            anchor.load(&mut record.within("anchor").partial())?;
        }
        if let Some(squares) = &mut self.squares {
            *squares = SquaredGradients::load(&mut record.within("squares"))?;
        }
        self.clock = SyncClock::at(record.number("phase")?, record.number("outer")?);
        self.refused = record.number("refused")?;
        self.last_sync = None;
        if self.clock.outer() > 0 {
            let mut record = record.within("last_sync");
            self.last_sync = Some(SyncReport {
                outer: record.number("outer")?,
                alpha: Alpha::new(record.number("alpha")?)?,
                clipped: record.number("clipped")?,
                refused: record.number("refused")?,
            });
        }
        Ok(())
    }
}
