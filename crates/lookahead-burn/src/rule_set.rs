//! A rule driven over a whole module, with its state in sight: the usual inner optimizer.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams, Optimizer, StateSink, StateSource};
use burn::tensor::{Device, Tensor, TensorData};
use burn_pack::Scalar;
use lookahead::{Alpha, Cadence, Describe, Description, InnerStatePolicy, Schedule, SyncPeriod};

use crate::fused_step::Opened;
use crate::places::Places;
use crate::record::{Named, RecordReader, RecordWriter};
use crate::rule_state::{RuleState, STEPS_LEAF, VELOCITY_LEAF};
use crate::traversal::{Lifted, with_rank};
use crate::weights::at_least_single;
use crate::{
    AdaFactor, AdaFactorState, Adam, AdamW, Error, InnerOptimizer, Parameter, PullBack, Refused, Sgd, foreign_state,
    fused_step, nested_rules,
};

/// One rule over all parameters of a module, or several over groups of them.
///
/// ```
/// use burn::module::ParamGroup;
/// use lookahead_burn::{AdamW, RuleSet};
/// let no_decay = AdamW::new().with_weight_decay(0.0)?;
/// let rules = RuleSet::new(AdamW::new()).with_group(ParamGroup::from_predicate("bias"), no_decay);
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
#[derive(Clone)]
pub struct RuleSet<O> {
    base: O,
    groups: Vec<(ParamGroup, O)>,
    pub(crate) states: BTreeMap<ParamId, ParamState>,
    pub(crate) opened: Opened,
    // Whether a rule is a per-parameter Lookahead, whose slow weights must follow an outer sync.
    nested: bool,
}

/// The state of one parameter.
#[derive(Clone)]
pub(crate) struct ParamState {
    pub(crate) shape: Vec<usize>,
    pub(crate) device: Device,
    pub(crate) state: DynState,
}

impl<O: Optimizer> RuleSet<O> {
    /// One rule for every parameter.
    ///
    /// A rule, not a Burn config: clipping that stands in a config is applied by its `init()`, and lost in its `build()`.
    /// See [`Lookahead::with_grad_clipping`](crate::Lookahead::with_grad_clipping).
    pub fn new(rule: O) -> Self {
        let nested = !nested_rules::in_rule(&rule).is_empty();
        Self { base: rule, groups: Vec::new(), states: BTreeMap::new(), opened: Opened::default(), nested }
    }

    /// Another rule for a group of parameters; where groups overlap, the one given last counts.
    #[must_use]
    pub fn with_group(mut self, group: ParamGroup, rule: O) -> Self {
        self.nested |= !nested_rules::in_rule(&rule).is_empty();
        self.groups.push((group, rule));
        self
    }

    /// One step of the module. The learning rate is a number or a Burn scheduler's; the module is best moved in.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    pub(crate) fn rule(&self, id: ParamId, path: &str) -> &O {
        self.rules().nth(self.number_of_rule(id, path)).unwrap_or(&self.base)
    }

    /// 0 for the base rule, then the groups in their order.
    pub(crate) fn number_of_rule(&self, id: ParamId, path: &str) -> usize {
        self.groups.iter().rposition(|(group, _)| group.matches(&id, Some(path))).map_or(0, |group| group + 1)
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &O> {
        std::iter::once(&self.base).chain(self.groups.iter().map(|(_, rule)| rule))
    }

    /// App. C.5 for the state of one parameter, toward its value in `anchor`.
    fn interpolate_state(&mut self, id: ParamId, anchor: &Self, alpha: Alpha) {
        let Some(ParamState { shape, device, state }) = self.states.remove(&id) else { return };
        let anchor = anchor.states.get(&id).map(|anchor| &anchor.state);
        let state = with_rank!(state.rank(), D => {
            let anchor = anchor.map(|anchor| anchor.downcast_ref::<O::State<D>>());
            let state = state.downcast::<O::State<D>>();
            match foreign_state::interpolate::<O, D>(state, anchor, alpha, &device) {
                Ok(state) => DynState::create(state, D),
                Err(error) => panic!("{error}"),
            }
        });
        self.states.insert(id, ParamState { shape, device, state });
    }

    /// [`interpolate_state`](Self::interpolate_state), after which the anchor has the state as it is then.
    pub(crate) fn interpolate_param(&mut self, id: ParamId, anchor: &mut Self, alpha: Alpha) {
        self.interpolate_state(id, anchor, alpha);
        if let Some(known) = self.states.get(&id) {
            anchor.states.insert(id, known.clone());
        }
    }

    /// The states of the parameters that the module still has.
    pub(crate) fn retain(&mut self, places: &Places) {
        self.states.retain(|id, known| places.has(*id, &known.shape));
    }

    fn is_ours() -> bool {
        [TypeId::of::<RuleState<2>>(), TypeId::of::<AdaFactorState<2>>()].contains(&TypeId::of::<O::State<2>>())
    }

    /// A state that may have been saved under other hyperparameters: a velocity that is not kept goes, and one that was not
    /// kept begins as in a first step.
    fn under_these_hyperparameters(
        rule: &O,
        mut tensors: Named<TensorData>,
        mut numbers: Named<Scalar>,
    ) -> (Named<TensorData>, Named<Scalar>) {
        let rule: &dyn Any = rule;
        if let Some(sgd) = rule.downcast_ref::<Sgd>() {
            let is_kept = sgd.core().momentum() > 0.0;
            let is_there = tensors.iter().any(|(leaf, _)| leaf == VELOCITY_LEAF);
            tensors.retain(|(leaf, _)| is_kept || leaf != VELOCITY_LEAF);
            let starts = is_kept && !is_there;
            for (_, steps) in numbers.iter_mut().filter(|(leaf, _)| starts && leaf == STEPS_LEAF) {
                *steps = Scalar::UInt(0);
            }
        }
        (tensors, numbers)
    }

    /// Checks that a state belongs to a parameter of this shape under this rule.
    fn check_param(&self, record: &mut RecordReader<'_>, param: &Parameter) -> Result<(), Error> {
        let name = record.path().to_owned();
        let mut record = record.within("param");
        let rank: usize = record.number("rank")?;
        let found = (0..rank).map(|axis| record.number(&axis.to_string())).collect::<Result<Vec<usize>, _>>()?;
        if found != param.shape {
            return Err(Error::OtherShape { name, expected: param.shape.clone(), found });
        }
        let path = &param.path;
        let (here, there) = (self.number_of_rule(param.id, path), record.number("rule")?);
        if here == there {
            return Ok(());
        }
        let rule = |number| {
            let rule = self.rules().nth(number).map(describe);
            rule.map_or_else(|| format!("rule {number}"), |rule| format!("rule {number}, {rule}"))
        };
        Err(Error::OtherOptimizer { name: format!("rule of {path}"), expected: rule(here), found: rule(there) })
    }
}

/// Our rules say their hyperparameters; of others only the type can be known.
fn describe<O: Optimizer>(rule: &O) -> Description {
    let rule: &dyn Any = rule;
    let ours = rule.downcast_ref::<Sgd>().map(|rule| rule.core().describe());
    let ours = ours.or_else(|| rule.downcast_ref::<Adam>().map(|rule| rule.core().describe()));
    let ours = ours.or_else(|| rule.downcast_ref::<AdamW>().map(|rule| rule.core().describe()));
    let ours = ours.or_else(|| rule.downcast_ref::<AdaFactor>().map(|rule| rule.core().describe()));
    ours.unwrap_or_else(|| Description::of(std::any::type_name::<O>()))
}

impl<O: Optimizer> fmt::Debug for RuleSet<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.describe()).field("parameters", &self.states.len()).finish()
    }
}

impl<O: Optimizer> Cadence for RuleSet<O> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.rules().flat_map(nested_rules::in_rule).collect()
    }
}

impl<O: Optimizer> InnerOptimizer for RuleSet<O> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        fused_step::step(self, lr, module, grads, None).0
    }

    fn advance_and_pull_back<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        module: M,
        grads: GradientsParams,
        sync: PullBack<'_, Self>,
    ) -> (M, Refused) {
        fused_step::step(self, lr, module, grads, Some(sync))
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        match policy {
            InnerStatePolicy::Interpolate => self.states.values().try_for_each(|known| {
                with_rank!(known.state.rank(), D => {
                    let state: &O::State<D> = known.state.downcast_ref();
                    foreign_state::check_interpolable::<_, D>(state, &known.device)
                })
            }),
            InnerStatePolicy::Maintain | InnerStatePolicy::Reset => Ok(()),
        }
    }

    fn reset(&mut self) {
        self.states.clear();
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        for id in self.states.keys().copied().collect::<Vec<_>>() {
            self.interpolate_state(id, anchor, alpha);
        }
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        if self.nested {
            module.visit(&mut Rebase { rules: self });
        }
    }

    fn follow<M: Module>(&mut self, module: &M, _grads: Option<&GradientsParams>) {
        self.retain(&Places::of(module));
    }

    fn keeps_second_moment(&self) -> bool {
        self.rules().all(|rule| {
            let rule: &dyn Any = rule;
            rule.is::<Adam>() || rule.is::<AdamW>()
        })
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        let state = &self.states.get(&id)?.state;
        let ours = (state.downcast_ref::<O::State<D>>() as &dyn Any).downcast_ref::<RuleState<D>>()?;
        Some((ours.second.clone()?, ours.correction.second))
    }

    fn describe(&self) -> Description {
        // Which parameters are in a group stands with each of them: a group may know them by ids of this process.
        match &self.groups[..] {
            [] => describe(&self.base),
            _ => self.rules().map(describe).fold(Description::of("RuleSet"), Description::around),
        }
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        for Parameter { path, id, .. } in record.parameters() {
            let Some(ParamState { shape, state, .. }) = self.states.get(id) else { continue };
            let mut sink = StateSink::default();
            self.rule(*id, path).state_flatten("", state, &mut sink);
            let mut record = record.within(path);
            sink.tensors.into_iter().try_for_each(|(leaf, data)| record.tensor(&leaf, data))?;
            sink.scalars.into_iter().try_for_each(|(leaf, number)| record.number(&leaf, number))?;
            let mut record = record.within("param");
            record.number("rule", self.number_of_rule(*id, path) as u64)?;
            record.number("rank", shape.len() as u64)?;
            let extents = shape.iter().enumerate();
            extents.into_iter().try_for_each(|(axis, extent)| record.number(&axis.to_string(), *extent as u64))?;
        }
        Ok(())
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.states.clear();
        for param in record.parameters() {
            let Parameter { path, id, shape, dtype, device, .. } = param;
            let mut record = record.within(path);
            let (tensors, numbers) = record.take_all();
            if numbers.is_empty() {
                continue; // it never had a gradient
            }
            self.check_param(&mut record, param)?;
            if let Some((leaf, data)) =
                tensors.iter().find(|(_, data)| Self::is_ours() && data.dtype() != at_least_single(*dtype))
            {
                let name = format!("{}/{leaf}", record.path());
                return Err(Error::OtherPrecision { name, expected: at_least_single(*dtype), found: data.dtype() });
            }
            let (tensors, numbers) = Self::under_these_hyperparameters(self.rule(*id, path), tensors, numbers);
            let written = tensors.len();
            let mut source = StateSource::new(numbers.into_iter().collect());
            tensors.into_iter().for_each(|(leaf, data)| source.insert_tensor(leaf, data));
            let rule = self.rule(*id, path);
            let state = rule.state_unflatten(shape.len(), "", &mut source, device);
            let state = state.ok_or_else(|| Error::UnreadableState { path: path.clone() })?;
            let mut read = StateSink::default();
            rule.state_flatten("", &state, &mut read);
            if read.tensors.len() != written {
                return Err(Error::UnreadableState { path: path.clone() });
            }
            self.states.insert(*id, ParamState { shape: shape.clone(), device: device.clone(), state });
        }
        Ok(())
    }
}

struct Rebase<'a, O> {
    rules: &'a mut RuleSet<O>,
}

impl<O: Optimizer> ModuleVisitor for Rebase<'_, O> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(known) = self.rules.states.get_mut(&param.id) {
            let (_, weights) = Lifted::lower(param.val());
            let state = foreign_state::rebase::<O, D>(known.state.clone().downcast(), &weights);
            known.state = DynState::create(state, D);
        }
    }
}
