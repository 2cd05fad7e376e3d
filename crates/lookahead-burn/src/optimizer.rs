//! Algorithm 1 on a Burn module: one clock, one alpha, slow weights that are a value.

mod last_sync;
mod nesting;
mod outer;
mod proposal;

use std::borrow::Cow;

use burn::grad_clipping::GradientClipping;
use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer};
use lookahead::{Cadence, InnerStatePolicy, LookaheadConfig, StepSize, SyncClock, Tick};

use self::last_sync::LastSync;
use crate::clip::Clipping;
use crate::curvature::{Chosen, SquaredGradients, choose_alpha};
use crate::places::Places;
use crate::record::Record;
use crate::refused::Refused;
use crate::slow_weights::SlowWeights;
use crate::traversal::shared;
use crate::{BlackBox, Error, InnerOptimizer, RuleSet, Weights};

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
/// Slow weights are as precise as the fast ones, and at least f32. Beside a model in half precision, theta takes the
/// half-precision number nearest to phi at a sync: [`slow_model`](Self::slow_model) evaluates that, [`slow`](Self::slow) and
/// the record hold phi itself, and an element that has not moved since keeps its phi.
///
/// On the CPU the arithmetic is the core's, in place; on GPUs it is kernels of the same for SGD, Adam and AdamW in f32, and tensor
/// operations for all else, where a compiler may contract multiplications and additions. There no step waits for the device but that of every tenth sync, which looks
/// whether elements were refused as not finite. So the slow weights keep their values at once, as on the CPU, and the inner
/// state is reset up to nine syncs later.
#[derive(Debug, Clone)]
pub struct Lookahead<I> {
    inner: I,
    config: LookaheadConfig,
    slow: SlowWeights,
    // The inner optimizer as of the last sync, under "interpolate".
    anchor: Option<I>,
    // The curvature for an adaptive alpha where the inner optimizer keeps none.
    squares: Option<SquaredGradients>,
    clipping: Option<Clipping>,
    clock: SyncClock,
    last_sync: Option<LastSync>,
    // What syncs refused until the last look, which resets the inner state if there was anything, and since then.
    refused: u64,
    unseen: Refused,
}

/// Every so many syncs a device is asked whether elements were refused, so that the inner state is reset.
pub(crate) const SYNCS_BETWEEN_LOOKS: u64 = 10;

impl<O: Optimizer> Lookahead<RuleSet<O>> {
    /// Lookahead with k = 5 and alpha = 0.5 around a rule: ours or any of Burn's.
    ///
    /// A rule of Burn's comes from the `build()` of its config, and without the config's `grad_clipping`, which Burn applies
    /// in `init()` only: clip with [`with_grad_clipping`](Self::with_grad_clipping).
    ///
    /// ```
    /// use burn::grad_clipping::GradientClipping;
    /// use burn::optim::AdamConfig;
    /// use lookahead_burn::Lookahead;
    /// let optimizer = Lookahead::new(AdamConfig::new().build()).with_grad_clipping(GradientClipping::Norm(1.0))?;
    /// # let _ = optimizer;
    /// # Ok::<(), lookahead_burn::Error>(())
    /// ```
    pub fn new(rule: O) -> Self {
        let rules = RuleSet::new(rule);
        let config = LookaheadConfig::around(&rules.sync_periods());
        Self::unchecked(rules, config)
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
    /// [`lookahead::Error::PeriodsDoNotNest`] where an inner Lookahead would be caught in mid-cycle,
    /// [`lookahead::Error::AdaptiveOverRounded`], [`lookahead::Error::MomentumOverRounded`], or what
    /// [`InnerOptimizer::accepts`] says of the policy.
    pub fn around(inner: I, config: LookaheadConfig) -> Result<Self, Error> {
        config.check()?;
        config.nests_around(&inner.sync_periods())?;
        inner.accepts(config.inner_state())?;
        Ok(Self::unchecked(inner, config))
    }

    fn unchecked(inner: I, config: LookaheadConfig) -> Self {
        let anchor = (config.inner_state() == InnerStatePolicy::Interpolate).then(|| inner.clone());
        let slow = SlowWeights::new(config.slow_storage(), config.outer_step().is_some());
        let keeps_squares = matches!(config.step_size(), StepSize::Adaptive(_)) && !inner.keeps_second_moment();
        Self {
            inner,
            config,
            slow,
            anchor,
            squares: keeps_squares.then(SquaredGradients::default),
            clipping: None,
            clock: SyncClock::default(),
            last_sync: None,
            refused: 0,
            unseen: Refused::default(),
        }
    }

    /// One gradient step, with a sync after every k-th. The learning rate is a number or what a Burn scheduler gives.
    ///
    /// Move the module in: a clone of it elsewhere makes every step copy the weights.
    ///
    /// One `ParamId` is one parameter. One that stands at several places (layers made by `clone()`, tied weights) is stepped,
    /// synced and saved once, and the same tensor goes back to all of them. One that the module no longer has (a layer was
    /// replaced) is forgotten, and what stands in its place joins with its value then.
    ///
    /// # Panics
    /// With [`Error::TornParameter`] where one `ParamId` stands at places that do not hold the same tensor; see
    /// [`tie_parameters`](crate::tie_parameters). With [`Error::UnsupportedPrecision`] where a device cannot compute in the
    /// precision of a parameter, before anything has moved. Under "interpolate", after the first step, with
    /// [`Error::NotInterpolable`] or [`Error::NotReadBack`] where the state of a rule that is not of this crate turns out to
    /// be so.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.step_at(&lr.into(), module, grads, |_| None)
    }

    /// [`step`](Self::step), with the gradient at theta_k for an adaptive alpha: the paper's form of Prop. 1.
    ///
    /// `gradient_at` is called only in a step that ends in a sync with adaptive alpha, on the module after that step.
    /// Plain `step` takes the gradient at theta_{k-1}, which it has anyway, instead.
    ///
    /// A forward pass of `gradient_at` in training mode updates batch-norm statistics once more than training did, and draws
    /// new dropout masks. Where that matters, let it run on a module whose statistics are its own, such as
    /// `module.valid().train()`: a `clone` would share them.
    ///
    /// # Panics
    /// As [`step`](Self::step) does.
    pub fn step_with<M: Module>(
        &mut self,
        lr: impl Into<ModuleLearningRate>,
        module: M,
        grads: GradientsParams,
        gradient_at: impl FnOnce(&M) -> GradientsParams,
    ) -> M {
        self.step_at(&lr.into(), module, grads, |module| Some(gradient_at(module)))
    }

    /// Clips the gradient of each tensor as Burn's optimizers do, before anything else sees it: the rule, an adaptive alpha,
    /// its curvature. For clipping by the norm over all tensors call [`clip_by_global_norm`](crate::clip_by_global_norm)
    /// before the step.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`] in [`Error::Hyperparameter`] for a threshold that is not above 0 and finite.
    pub fn with_grad_clipping(mut self, clipping: GradientClipping) -> Result<Self, Error> {
        self.clipping = Some(Clipping::new(clipping)?);
        Ok(self)
    }

    /// Ends a partial cycle: a sync with the same alpha and policy, after which a new cycle starts. Changes nothing
    /// right after a sync.
    ///
    /// An adaptive alpha has no gradient to go by here: it is that of the last sync, or alpha_low before the first.
    ///
    /// # Panics
    /// As [`step`](Self::step) does.
    pub fn sync_now<M: Module>(&mut self, module: M) -> M {
        InnerOptimizer::follow(self, &module, None);
        let module = self.inner.end_partial_cycle(module);
        let Some(outer) = self.clock.end_partial_cycle() else { return module };
        let chosen = self.alpha_without_gradient(outer);
        let (sync, inner) = self.pull_back(outer, &chosen);
        let (module, refused) = sync.carry_out(module, inner);
        self.finish_sync(&module, outer, chosen, refused);
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
    /// there. Call it before the first step. With the feature `flex`, whose backend holds them.
    #[cfg(feature = "flex")]
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

    /// Everything the next steps depend on but the module itself, as it stands: what has become trainable since the last
    /// step is in it, what the module no longer has is not. Changes nothing.
    ///
    /// # Errors
    /// [`Error::TornParameter`] or [`Error::SamePath`] for a module of which no record can be made; [`Error::ReadBack`] if a
    /// device fails.
    pub fn to_record<M: Module>(&self, module: &M) -> Result<Record, Error> {
        InnerOptimizer::to_record(self, module)
    }

    /// Continues where the record was made, for a module of the same structure: its parameters are found by module
    /// path, whatever their ids are in this process.
    ///
    /// # Errors
    /// [`Error::OtherOptimizer`] naming the first hyperparameter that differs; [`Error::LeftInRecord`],
    /// [`Error::MissingInRecord`] and [`Error::OtherShape`] naming the first entry that does not belong; nothing is skipped
    /// silently.
    /// [`Error::TornParameter`] where tied layers of the module have been torn apart by loading its weights.
    pub fn load_record<M: Module>(self, record: &Record, module: &M) -> Result<Self, Error> {
        InnerOptimizer::load_record(self, record, module)
    }

    /// [`load_record`](Self::load_record) into an optimizer of the same kinds with other hyperparameters, to go on under
    /// those: a fine-tuning with another alpha, say.
    ///
    /// The state stays what it is. Where the clock is beyond a new k, the sync comes with the next step; a velocity that
    /// was not kept begins at 0; "interpolate" begins from the inner state at hand; an average stays and goes on in the new
    /// way; the squared gradients of an adaptive alpha, where the rule keeps none, begin empty; an outer momentum that was
    /// not kept begins at 0, and one that is not wanted goes.
    ///
    /// # Errors
    /// Those of [`load_record`](Self::load_record), with [`Error::OtherOptimizer`] for another kind of optimizer, or for
    /// another storage of the slow weights or seed of their rounding.
    pub fn load_record_under_new_hyperparameters<M: Module>(self, record: &Record, module: &M) -> Result<Self, Error> {
        InnerOptimizer::load_record_under_new_hyperparameters(self, record, module)
    }

    fn step_at<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        gradient_at: impl FnOnce(&M) -> Option<GradientsParams>,
    ) -> M {
        let places = Places::to_move(&module, Some(&grads), |id| self.slow.contains(id));
        let grads = self.clip(&module, &places, grads);
        // theta_0, of every parameter that is new
        self.slow.follow(&module, &places, Some(&grads), self.clock.outer());
        self.slow.observe_rate(lr.base());
        if let Some(anchor) = &mut self.anchor {
            anchor.follow(&module, Some(&grads));
        }
        if let Some(squares) = &mut self.squares {
            squares.observe(&module, &places, &grads);
        }
        let is_first = self.clock == SyncClock::default();
        let tick = self.clock.tick(self.config.sync_period());
        let Tick::Sync { outer } = tick else {
            // theta_i <- theta_{i-1} + A(L, theta_{i-1}, d)
            let module = self.inner.advance(lr, module, grads);
            if is_first && let Err(error) = self.inner.accepts(self.config.inner_state()) {
                panic!("{error}");
            }
            return module;
        };
        let (chosen, (module, refused)) = match self.config.step_size() {
            StepSize::Fixed(_) | StepSize::Outer(_) => {
                let chosen = self.alpha_without_gradient(outer);
                let (sync, inner) = self.pull_back(outer, &chosen);
                (chosen, inner.advance_and_pull_back(lr, module, grads, sync))
            }
            StepSize::Adaptive(adaptive) => {
                let last_gradient = shared(&module, &grads);
                let module = self.inner.advance(lr, module, grads);
                let module = self.inner.end_partial_cycle(module);
                let gradient = match gradient_at(&module) {
                    Some(gradient) => self.clip(&module, &places, gradient),
                    None => last_gradient,
                };
                let squares = self.squares.as_ref();
                let chosen = choose_alpha(adaptive, &module, &places, &self.slow, &gradient, &self.inner, squares);
                let chosen = self.known_where_asked_for(chosen);
                let (sync, inner) = self.pull_back(outer, &chosen);
                (chosen, sync.carry_out(module, inner))
            }
        };
        self.finish_sync(&module, outer, chosen, refused);
        module
    }

    fn clip<M: Module>(&self, module: &M, places: &Places, grads: GradientsParams) -> GradientsParams {
        match &self.clipping {
            Some(clipping) => clipping.apply(module, places, grads),
            None => grads,
        }
    }

    /// The inner state's part of a sync (App. C.5), and the record of it.
    fn finish_sync<M: Module>(&mut self, module: &M, outer: u64, chosen: Chosen, refused: Refused) {
        self.unseen.add(refused.clone());
        let looks = self.unseen.is_known() || (outer + 1).is_multiple_of(SYNCS_BETWEEN_LOOKS);
        let unseen = if looks { std::mem::take(&mut self.unseen).total_or_panic() } else { 0 };
        match self.config.inner_state() {
            _ if unseen > 0 => {
                log::warn!(
                    "sync {outer}: {unseen} elements were not finite; they keep their slow weights, the inner state is reset"
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
            Some(anchor) if unseen > 0 => *anchor = self.inner.clone(),
            Some(anchor) => anchor.rebase(module),
            None => {}
        }
        self.refused = self.refused.saturating_add(unseen);
        self.last_sync = Some(LastSync { outer, chosen, refused });
    }
}
