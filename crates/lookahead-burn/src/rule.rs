//! Lookahead as a per-parameter rule, for `ModuleOptimizer`, its parameter groups and burn-train's `Learner`.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ParamId};
use burn::optim::{DynState, LearningRate, Optimizer, OptimizerRecord, RecordState, StateSink, StateSource, join_path};
use burn::tensor::{Device, Tensor};
use burn_pack::Scalar;
use lookahead::{BufferScale, InnerStatePolicy, LookaheadConfig, SlowStorage, StepSize, SyncClock, Tick};

use crate::black_box::RecordContent;
use crate::cube;
use crate::foreign_state::{
    self, ANCHOR_LEAF, BUFFER_LEAF, BUFFER_SIZE_LEAF, BUFFER_UNIT_LEAF, INNER_LEAF, OUTER_LEAF, PHASE_LEAF, SLOW_LEAF,
    UNSEEN_LEAF,
};
use crate::fused_step::Kernel;
use crate::momentum::{unit_number, unit_of};
use crate::optimizer::SYNCS_BETWEEN_LOOKS;
use crate::parameters::parameters;
use crate::pull_back::{Update, settle};
use crate::read_back::{moved_to, values_or_panic};
use crate::refused::Refused;
use crate::rule_state::RuleState;
use crate::slow_weights::DeviceSlow;
use crate::traversal::{tensor_of, with_rank};
use crate::weights::{expect_precision, widened};
use crate::{Error, Parameter, Weights, nested_rules};

/// Lookahead around a rule, parameter by parameter: it goes wherever Burn takes an optimizer rule.
///
/// ```
/// use burn::optim::ModuleOptimizer;
/// use lookahead_burn::{LookaheadRule, Sgd};
/// let optimizer: ModuleOptimizer = LookaheadRule::new(Sgd::new()).into();     // where `Sgd::new().into()` stood
/// ```
///
/// # Limits
/// Burn shows a rule one parameter at a time. So
/// - a parameter without a gradient in some step is not seen, and its clock falls behind the others';
/// - there is no end of a partial cycle (`sync_now`) and no alpha over all parameters (the adaptive one is refused);
/// - the slow weights are inside the optimizer's record: [`slow_model_from_record`] takes them out;
/// - `Learner` validates on the fast weights, which are the slow ones only right after a sync: let k divide the number
///   of steps between validations.
///
/// - Burn steps a parameter that stands at several places (see [`tie_parameters`](crate::tie_parameters)) at the first only:
///   tie them again after each step;
/// - Burn's record is keyed by parameter id. It keeps the state of layers that have been replaced, which does no harm; and it
///   is of use only beside a record of the module, which restores the ids.
///
/// Clipping works as ever: `ModuleOptimizer::from(rule).with_grad_clipping(..)`.
///
/// The module-level [`Lookahead`](crate::Lookahead) has none of these limits. Around a rule like this one, its
/// `sync_now` ends the rule's partial cycle without the rule's own pull-back and policy.
///
/// # Panics
/// A step does, the first one, where under "interpolate" the state of a rule that is not of this crate turns out to be
/// [not interpolable](Error::NotInterpolable) or [not read back](Error::NotReadBack).
#[derive(Debug)]
pub struct LookaheadRule<O> {
    inner: O,
    config: LookaheadConfig,
    // Whether the inner rule is such a Lookahead too, whose slow weights must follow a sync.
    nested: bool,
}

impl<O: Clone> Clone for LookaheadRule<O> {
    fn clone(&self) -> Self {
        let inner = nested_rules::clone_within(self.config.sync_period(), &self.inner);
        Self { inner, config: self.config.clone(), nested: self.nested }
    }
}

impl<O: Optimizer> LookaheadRule<O> {
    /// Lookahead with k = 5 and alpha = 0.5 around a rule; around another of its kind, five of its cycles.
    pub fn new(inner: O) -> Self {
        let periods = nested_rules::in_rule(&inner);
        Self { inner, config: LookaheadConfig::around(&periods), nested: !periods.is_empty() }
    }

    /// Lookahead with hyperparameters of one's own around a rule.
    ///
    /// # Errors
    /// [`Error::AdaptivePerParameter`] for an adaptive alpha, [`Error::RoundedPerParameter`] for slow weights in bf16,
    /// and [`lookahead::Error::PeriodsDoNotNest`] around another of its kind that would be caught in mid-cycle.
    pub fn with_config(inner: O, config: LookaheadConfig) -> Result<Self, Error> {
        let periods = nested_rules::in_rule(&inner);
        config.nests_around(&periods)?;
        if config.slow_storage() != SlowStorage::Full {
            return Err(Error::RoundedPerParameter);
        }
        if matches!(config.step_size(), StepSize::Adaptive(_)) {
            return Err(Error::AdaptivePerParameter);
        }
        Ok(Self { inner, config, nested: !periods.is_empty() })
    }
}

impl<O> LookaheadRule<O> {
    /// The numbers of the sync that ends outer step `outer`.
    fn update(&self, outer: u64, scale: &mut BufferScale) -> Update {
        match self.config.step_size() {
            StepSize::Fixed(alpha) => Update { alpha: alpha.at(outer), measured: None, outer, step: None },
            StepSize::Outer(step) => {
                let (alpha, step) = (step.alpha(outer).alpha, Some(step.coefficients(outer, scale)));
                Update { alpha, measured: None, outer, step }
            }
            // `with_config` takes none
            StepSize::Adaptive(_) => unreachable!("{}", Error::AdaptivePerParameter),
        }
    }
}

/// What a step works on.
struct Tensors<O: Optimizer, const D: usize> {
    slow: Tensor<D>,
    buffer: Option<Tensor<D>>,
    fast: Tensor<D>,
    inner: Option<O::State<D>>,
}

impl<O: Optimizer> LookaheadRule<O> {
    /// The step of the inner rule and, with an `update`, the sync: in one launch where the device has a kernel for both.
    fn advance<const D: usize>(
        &self,
        lr: LearningRate,
        grad: Tensor<D>,
        tensors: Tensors<O, D>,
        update: Option<&Update>,
        refused: &mut Refused,
    ) -> Tensors<O, D> {
        let kernel = update.and_then(|update| Some((update, self.kernel_for(&tensors, &grad)?)));
        let Tensors { slow, buffer, fast, inner } = tensors;
        let Some((update, kernel)) = kernel else {
            let (fast, inner) = self.inner.step(lr, fast, grad, inner);
            let Some(update) = update else { return Tensors { slow, buffer, fast, inner } };
            let (slow, buffer, fast) = settle(slow, buffer, fast, update, refused);
            return Tensors { slow, buffer, fast, inner };
        };
        let state = inner.map(|inner| DynState::create(inner, D).downcast::<RuleState<D>>()).unwrap_or_default();
        let slow = DeviceSlow { slow, buffer, refused: refused.counter(&fast.device()) };
        let (fast, state, slow) = cube::step(kernel, lr, fast, grad, state, Some((slow, update)));
        let Some(DeviceSlow { slow, buffer, refused: counter }) = slow else {
            unreachable!("a kernel gives back the slow weights that it was given")
        };
        refused.put_back(counter);
        Tensors { slow, buffer, fast, inner: Some(DynState::create(state, D).downcast()) }
    }

    /// The kernel of the device that can carry out the rule and the sync, if there is one.
    fn kernel_for<const D: usize>(&self, tensors: &Tensors<O, D>, grad: &Tensor<D>) -> Option<Kernel<'_>> {
        let Tensors { slow, buffer, fast, inner } = tensors;
        let kernel = Kernel::of(&self.inner)?;
        let state = (inner as &dyn Any).downcast_ref::<Option<RuleState<D>>>()?;
        let moments = state.iter().flat_map(RuleState::moments);
        cube::fit(fast, grad, std::iter::once(slow).chain(buffer).chain(moments)).then_some(kernel)
    }
}

/// One parameter's slow weights, clock and inner state.
#[derive(Clone)]
pub struct LookaheadRuleState<O: Optimizer, const D: usize> {
    slow: Tensor<D>,
    // The buffer of an outer momentum, from the first sync on.
    buffer: Option<Tensor<D>>,
    scale: BufferScale,
    clock: SyncClock,
    inner: Option<O::State<D>>,
    // The inner state at the last sync, under "interpolate".
    anchor: Option<O::State<D>>,
    // What syncs refused since the inner state was last reset for that, or was known not to need it.
    unseen: Refused,
}

impl<O: Optimizer, const D: usize> fmt::Debug for LookaheadRuleState<O, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookaheadRuleState").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl<O: Optimizer> Optimizer for LookaheadRule<O> {
    type State<const D: usize> = LookaheadRuleState<O, D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        if state.is_none() {
            expect_precision(&tensor, || "a parameter".to_owned());
        }
        // theta_0, before the first inner step
        let LookaheadRuleState { slow, buffer, mut scale, mut clock, inner, anchor, mut unseen } = state
            .unwrap_or_else(|| LookaheadRuleState {
                slow: widened(tensor.clone()),
                buffer: None,
                scale: BufferScale::default(),
                clock: SyncClock::default(),
                inner: None,
                anchor: None,
                unseen: Refused::default(),
            });
        let is_first = inner.is_none();
        let update = match clock.tick(self.config.sync_period()) {
            Tick::Sync { outer } => {
                scale.lr = lr;
                Some(self.update(outer, &mut scale))
            }
            _ => None,
        };
        let tensors = Tensors { slow, buffer, fast: tensor, inner };
        let Tensors { slow, buffer, fast, inner } = self.advance(lr, grad, tensors, update.as_ref(), &mut unseen);
        let policy = self.config.inner_state();
        if let (InnerStatePolicy::Interpolate, true, Some(inner)) = (policy, is_first, &inner)
            && let Err(error) = foreign_state::check_interpolable::<_, D>(inner, &fast.device())
        {
            panic!("{error}");
        }
        let Some(update) = update else {
            return (fast, Some(LookaheadRuleState { slow, buffer, scale, clock, inner, anchor, unseen }));
        };
        let outer = update.outer;
        let mut unseen = unseen.gathered();
        let looks = unseen.is_known() || (outer + 1).is_multiple_of(SYNCS_BETWEEN_LOOKS);
        let refused = if looks { std::mem::take(&mut unseen).total_or_panic() } else { 0 };
        if refused > 0 {
            log::warn!(
                "sync {outer}: {refused} elements were not finite; they keep their slow weights, the inner state is reset"
            );
        }
        let inner = match policy {
            _ if refused > 0 => None,
            InnerStatePolicy::Reset => None,
            InnerStatePolicy::Maintain => inner,
            InnerStatePolicy::Interpolate => inner.map(|inner| {
                foreign_state::interpolate::<O, D>(inner, anchor.as_ref(), update.alpha, &fast.device())
                    .unwrap_or_else(|error| panic!("{error}"))
            }),
        };
        let inner = match inner {
            Some(inner) if self.nested => Some(foreign_state::rebase::<O, D>(inner, &fast)),
            inner => inner,
        };
        let anchor = if policy == InnerStatePolicy::Interpolate { inner.clone() } else { None };
        (fast, Some(LookaheadRuleState { slow, buffer, scale, clock, inner, anchor, unseen }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        let LookaheadRuleState { slow, buffer, scale, clock, inner, anchor, unseen } = state;
        LookaheadRuleState {
            slow: moved_to(slow, device),
            buffer: buffer.map(|buffer| moved_to(buffer, device)),
            scale,
            clock,
            inner: inner.map(|inner| O::to_device(inner, device)),
            anchor: anchor.map(|anchor| O::to_device(anchor, device)),
            unseen,
        }
    }
}

impl<O: Optimizer, const D: usize> RecordState for LookaheadRuleState<O, D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, SLOW_LEAF, values_or_panic(self.slow.clone()));
        if let Some(buffer) = &self.buffer {
            out.push_tensor(prefix, BUFFER_LEAF, values_or_panic(buffer.clone()));
            out.push_scalar(prefix, BUFFER_UNIT_LEAF, Scalar::UInt(unit_number(self.scale.unit)));
            out.push_scalar(prefix, BUFFER_SIZE_LEAF, Scalar::Float(self.scale.size));
        }
        let unseen = self.unseen.total_or_panic();
        if unseen > 0 {
            out.push_scalar(prefix, UNSEEN_LEAF, Scalar::UInt(unseen));
        }
        out.push_scalar(prefix, PHASE_LEAF, Scalar::UInt(self.clock.phase().into()));
        out.push_scalar(prefix, OUTER_LEAF, Scalar::UInt(self.clock.outer()));
        for (leaf, state) in [(INNER_LEAF, &self.inner), (ANCHOR_LEAF, &self.anchor)] {
            if let Some(state) = state {
                state.state_flatten(&join_path(prefix, leaf), out);
            }
        }
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let slow = tensor_of(src.take_tensor(prefix, SLOW_LEAF)?, device);
        let buffer = src.take_tensor(prefix, BUFFER_LEAF).map(|buffer| tensor_of(buffer, device));
        let mut scale = BufferScale::default();
        if buffer.is_some() {
            scale.unit = unit_of(u64::try_from(src.take_scalar(prefix, BUFFER_UNIT_LEAF)?).ok()?)?;
            scale.size = f64::try_from(src.take_scalar(prefix, BUFFER_SIZE_LEAF)?).ok()?;
        }
        let unseen = match src.take_scalar(prefix, UNSEEN_LEAF) {
            Some(unseen) => u64::try_from(unseen).ok()?.into(),
            None => Refused::default(),
        };
        let phase = u32::try_from(src.take_scalar(prefix, PHASE_LEAF)?).ok()?;
        let outer = u64::try_from(src.take_scalar(prefix, OUTER_LEAF)?).ok()?;
        let mut state = |leaf| {
            let prefix = join_path(prefix, leaf);
            if src.has_under(&prefix) {
                O::State::<D>::state_unflatten(&prefix, src, device).map(Some)
            } else {
                Some(None)
            }
        };
        let (inner, anchor) = (state(INNER_LEAF)?, state(ANCHOR_LEAF)?);
        Some(Self { slow, buffer, scale, clock: SyncClock::at(phase, outer), inner, anchor, unseen })
    }
}

/// A copy of the module on the slow weights that [`LookaheadRule`] keeps in an optimizer's record, in evaluation mode.
///
/// Parameters that were never stepped keep the module's own weights. The copy owns its buffers.
///
/// # Errors
/// [`Error::DamagedRecord`] for a record that cannot be read, [`Error::MissingInRecord`] for one without any slow
/// weights, [`Error::LeftInRecord`] if the module has none of them, [`Error::OtherShape`] for one of another shape.
pub fn slow_model_from_record<M: Module>(model: &M, record: OptimizerRecord) -> Result<M, Error> {
    let parameters: BTreeMap<ParamId, _> =
        parameters(model)?.into_iter().map(|parameter| (parameter.id, parameter)).collect();
    let (mut slow, mut foreign) = (Weights::default(), None);
    for (name, data) in RecordContent::of(record)?.tensors {
        let Some(id) = name.strip_suffix(SLOW_LEAF).and_then(|id| id.strip_suffix('.')) else { continue };
        // A nested rule's slow weights stand deeper.
        let Ok(id) = id.parse::<u64>() else { continue };
        // A layer that has been replaced is still in the record.
        let Some(Parameter { path, id, shape, device, .. }) = parameters.get(&ParamId::from(id)) else {
            foreign = Some(name);
            continue;
        };
        if data.shape()[..] != shape[..] {
            let (name, expected, found) = (path.clone(), shape.clone(), data.shape().to_vec());
            return Err(Error::OtherShape { name, expected, found });
        }
        with_rank!(shape.len(), D => { slow.insert(*id, tensor_of::<D>(data, device)) });
    }
    match foreign {
        _ if !slow.is_empty() => Ok(slow.apply(model)),
        Some(name) => Err(Error::LeftInRecord { name }),
        None => Err(Error::MissingInRecord { name: SLOW_LEAF.to_owned() }),
    }
}
