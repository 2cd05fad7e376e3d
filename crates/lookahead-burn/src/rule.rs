//! Lookahead as a per-parameter rule, for `ModuleOptimizer`, its parameter groups and burn-train's `Learner`.

use std::collections::BTreeMap;

use burn::module::{Module, ParamId};
use burn::optim::{LearningRate, Optimizer, OptimizerRecord, RecordState, StateSink, StateSource, join_path};
use burn::tensor::{Device, Tensor};
use burn_pack::Scalar;
use lookahead::{
    Alpha, InnerStatePolicy, LookaheadConfig, Schedule, SlowStorage, StepSize, SyncClock, SyncPeriod, Tick,
};

use crate::black_box::Parts;
use crate::foreign_state::{self, ANCHOR_LEAF, INNER_LEAF, OUTER_LEAF, PHASE_LEAF, SLOW_LEAF};
use crate::pull_back::{Refused, pull_back};
use crate::traversal::{params, tensor_of, with_rank};
use crate::{Error, Weights};

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
/// The module-level [`Lookahead`](crate::Lookahead) has none of these limits. Around a rule like this one, its
/// `sync_now` ends the rule's partial cycle without the rule's own pull-back and policy.
#[derive(Debug, Clone)]
pub struct LookaheadRule<O> {
    inner: O,
    sync_period: Schedule<SyncPeriod>,
    alpha: Schedule<Alpha>,
    policy: InnerStatePolicy,
    // Whether the inner rule is such a Lookahead too, whose slow weights must follow a sync.
    nested: bool,
}

impl<O: Optimizer> LookaheadRule<O> {
    /// Lookahead with k = 5 and alpha = 0.5 around a rule; around another of its kind, five of its cycles.
    pub fn new(inner: O) -> Self {
        let (sync_period, nested) = (five_cycles(&inner).into(), foreign_state::holds_lookahead(&inner));
        Self { inner, sync_period, alpha: Alpha::default().into(), policy: InnerStatePolicy::default(), nested }
    }

    /// Lookahead with hyperparameters of one's own around a rule.
    ///
    /// # Errors
    /// [`Error::AdaptivePerParameter`] for an adaptive alpha, [`Error::RoundedPerParameter`] for slow weights in bf16, [`Error::NotInterpolable`], [`Error::NotReadBack`], and
    /// [`lookahead::Error::PeriodsDoNotNest`] around another of its kind that would be caught in mid-cycle (a schedule
    /// of the inner k is seen in its first value only).
    pub fn with_config(inner: O, config: LookaheadConfig) -> Result<Self, Error> {
        config.nests_around(&foreign_state::sync_periods(&inner))?;
        let LookaheadConfig { sync_period, step_size, inner_state: policy, slow_storage } = config;
        if slow_storage != SlowStorage::Full {
            return Err(Error::RoundedPerParameter);
        }
        let StepSize::Fixed(alpha) = step_size else { return Err(Error::AdaptivePerParameter) };
        if policy == InnerStatePolicy::Interpolate {
            foreign_state::check_interpolable(&inner)?;
        }
        let nested = foreign_state::holds_lookahead(&inner);
        Ok(Self { inner, sync_period, alpha, policy, nested })
    }
}

/// The default k around a rule, as [`lookahead::Lookahead::new`] has it.
pub(crate) fn five_cycles<O: Optimizer>(rule: &O) -> SyncPeriod {
    let cycle = foreign_state::sync_periods(rule).into_iter().map(SyncPeriod::get).max().unwrap_or(1);
    SyncPeriod::new(cycle.saturating_mul(SyncPeriod::default().get())).unwrap_or_default()
}

/// One parameter's slow weights, clock and inner state.
#[derive(Clone)]
pub struct LookaheadRuleState<O: Optimizer, const D: usize> {
    slow: Tensor<D>,
    clock: SyncClock,
    inner: Option<O::State<D>>,
    // The inner state at the last sync, under "interpolate".
    anchor: Option<O::State<D>>,
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
        // theta_0, before the first inner step
        let LookaheadRuleState { slow, mut clock, inner, anchor } = state.unwrap_or_else(|| LookaheadRuleState {
            slow: tensor.clone(),
            clock: SyncClock::default(),
            inner: None,
            anchor: None,
        });
        let (fast, inner) = self.inner.step(lr, tensor, grad, inner);
        let Tick::Sync { outer } = clock.tick(&self.sync_period) else {
            return (fast, Some(LookaheadRuleState { slow, clock, inner, anchor }));
        };
        let (alpha, mut refused) = (self.alpha.at(outer), Refused::default());
        let (slow, fast) = pull_back(slow, fast, alpha, &mut refused);
        let refused = refused.total();
        if refused > 0 {
            log::warn!(
                "sync {outer}: {refused} elements were not finite; they keep their slow weights, the inner state is reset"
            );
        }
        let inner = match self.policy {
            _ if refused > 0 => None,
            InnerStatePolicy::Reset => None,
            InnerStatePolicy::Maintain => inner,
            InnerStatePolicy::Interpolate => {
                inner.map(|inner| foreign_state::interpolate::<O, D>(inner, anchor.as_ref(), alpha, &fast.device()))
            }
        };
        let inner = match inner {
            Some(inner) if self.nested => Some(foreign_state::rebase::<O, D>(inner, &fast)),
            inner => inner,
        };
        let anchor = if self.policy == InnerStatePolicy::Interpolate { inner.clone() } else { None };
        (fast, Some(LookaheadRuleState { slow, clock, inner, anchor }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        let LookaheadRuleState { slow, clock, inner, anchor } = state;
        LookaheadRuleState {
            slow: slow.to_device(device),
            clock,
            inner: inner.map(|inner| O::to_device(inner, device)),
            anchor: anchor.map(|anchor| O::to_device(anchor, device)),
        }
    }
}

impl<O: Optimizer, const D: usize> RecordState for LookaheadRuleState<O, D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, SLOW_LEAF, self.slow.clone().into_data());
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
        Some(Self { slow, clock: SyncClock::at(phase, outer), inner, anchor })
    }
}

/// A copy of the module on the slow weights that [`LookaheadRule`] keeps in an optimizer's record, in evaluation mode.
///
/// Parameters that were never stepped keep the module's own weights. The copy owns its buffers.
///
/// # Errors
/// [`Error::DamagedRecord`] for a record that cannot be read, [`Error::MissingInRecord`] for one without any slow
/// weights, [`Error::LeftInRecord`] and [`Error::OtherShape`] for weights that the module does not have.
pub fn slow_model_from_record<M: Module>(model: &M, record: OptimizerRecord) -> Result<M, Error> {
    let damaged = || Error::DamagedRecord { reason: "Burn cannot read it back".to_owned() };
    let parts = Parts::of(record).ok_or_else(damaged)?;
    let params: BTreeMap<ParamId, _> =
        params(model).into_iter().map(|(path, param)| (param.id, (path, param))).collect();
    let mut slow = Weights::default();
    for (name, data) in parts.tensors {
        let Some(id) = name.strip_suffix(SLOW_LEAF).and_then(|id| id.strip_suffix('.')) else { continue };
        // A nested rule's slow weights stand deeper.
        let Ok(id) = id.parse::<u64>() else { continue };
        let (path, param) = params.get(&ParamId::from(id)).ok_or_else(|| Error::LeftInRecord { name: name.clone() })?;
        if data.shape()[..] != param.shape[..] {
            let (expected, found) = (param.shape.clone(), data.shape().to_vec());
            return Err(Error::OtherShape { name: path.clone(), expected, found });
        }
        with_rank!(param.shape.len(), D => {
            slow.insert(param.id, path.clone(), tensor_of::<D>(data, &param.device));
        });
    }
    if slow.is_empty() {
        return Err(Error::MissingInRecord { name: SLOW_LEAF.to_owned() });
    }
    Ok(slow.apply(model))
}
