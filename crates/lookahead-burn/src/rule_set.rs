//! A rule driven over a whole module, with its state in sight: the usual inner optimizer.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams, Optimizer, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use lookahead::{Alpha, Cadence, InnerStatePolicy, SyncPeriod};

use crate::fused_step::Opened;
use crate::record::{RecordReader, RecordWriter};
use crate::rule_state::RuleState;
use crate::traversal::{Lifted, ParamInfo, with_rank};
use crate::{AdaFactor, AdaFactorState, Adam, AdamW, Error, InnerOptimizer, PullBack, Sgd, foreign_state, fused_step};

/// One rule over all parameters of a module, or several over groups of them.
///
/// ```
/// use burn::module::ParamGroup;
/// use lookahead_burn::{AdamW, RuleSet, lookahead::rules};
/// let no_decay: AdamW = rules::AdamW::new().with_weight_decay(0.0)?.into();
/// let rules = RuleSet::new(AdamW::new()).with_group(ParamGroup::from_predicate("bias"), no_decay);
/// # Ok::<(), lookahead_burn::lookahead::Error>(())
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
    pub(crate) path: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) device: Device,
    pub(crate) state: DynState,
}

impl<O: Optimizer> RuleSet<O> {
    /// One rule for every parameter.
    pub fn new(rule: O) -> Self {
        let nested = foreign_state::holds_lookahead(&rule);
        Self { base: rule, groups: Vec::new(), states: BTreeMap::new(), opened: Opened::default(), nested }
    }

    /// Another rule for a group of parameters; where groups overlap, the one given last counts.
    #[must_use]
    pub fn with_group(mut self, group: ParamGroup, rule: O) -> Self {
        self.nested |= foreign_state::holds_lookahead(&rule);
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
        let Some(ParamState { path, shape, device, state }) = self.states.remove(&id) else { return };
        let anchor = anchor.states.get(&id).map(|anchor| &anchor.state);
        let state = with_rank!(state.rank(), D => {
            let anchor = anchor.map(|anchor| anchor.downcast_ref::<O::State<D>>());
            let state = state.downcast::<O::State<D>>();
            DynState::create(foreign_state::interpolate::<O, D>(state, anchor, alpha, &device), D)
        });
        self.states.insert(id, ParamState { path, shape, device, state });
    }

    /// [`interpolate_state`](Self::interpolate_state), after which the anchor has the state as it is then.
    pub(crate) fn interpolate_param(&mut self, id: ParamId, anchor: &mut Self, alpha: Alpha) {
        self.interpolate_state(id, anchor, alpha);
        if let Some(known) = self.states.get(&id) {
            anchor.states.insert(id, known.clone());
        }
    }

    fn is_ours() -> bool {
        [TypeId::of::<RuleState<2>>(), TypeId::of::<AdaFactorState<2>>()].contains(&TypeId::of::<O::State<2>>())
    }

    /// Checks that a state belongs to a parameter of this shape under this rule.
    fn check_param(&self, record: &mut RecordReader<'_>, path: &str, param: &ParamInfo) -> Result<(), Error> {
        let name = record.path().to_owned();
        let mut record = record.within("param");
        let rank: usize = record.number("rank")?;
        let found = (0..rank).map(|axis| record.number(&axis.to_string())).collect::<Result<Vec<usize>, _>>()?;
        if found != param.shape {
            return Err(Error::OtherShape { name, expected: param.shape.clone(), found });
        }
        let (here, there) = (self.number_of_rule(param.id, path), record.number("rule")?);
        if here == there {
            return Ok(());
        }
        let rule = |number| {
            let description = self.rules().nth(number).map(describe).unwrap_or_default();
            format!("rule {number} for {path}: {description}")
        };
        Err(Error::OtherOptimizer { expected: rule(here), found: rule(there) })
    }
}

/// Our rules say their hyperparameters; of others only the type can be known.
fn describe<O: Optimizer>(rule: &O) -> String {
    let rule: &dyn Any = rule;
    let ours = rule.downcast_ref::<Sgd>().map(|rule| format!("{rule:?}"));
    let ours = ours.or_else(|| rule.downcast_ref::<Adam>().map(|rule| format!("{rule:?}")));
    let ours = ours.or_else(|| rule.downcast_ref::<AdamW>().map(|rule| format!("{rule:?}")));
    let ours = ours.or_else(|| rule.downcast_ref::<AdaFactor>().map(|rule| format!("{rule:?}")));
    ours.unwrap_or_else(|| std::any::type_name::<O>().to_owned())
}

impl<O: Optimizer> Cadence for RuleSet<O> {
    fn sync_periods(&self) -> Vec<SyncPeriod> {
        self.rules().flat_map(foreign_state::sync_periods).collect()
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
    ) -> (M, u64) {
        fused_step::step(self, lr, module, grads, Some(sync))
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        match policy {
            InnerStatePolicy::Interpolate => self.rules().try_for_each(foreign_state::check_interpolable),
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

    fn keeps_second_moment(&self) -> bool {
        Self::is_ours()
            && self.rules().all(|rule| foreign_state::probe(rule).iter().any(|(leaf, _)| leaf.ends_with("second")))
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        let state = &self.states.get(&id)?.state;
        let ours = (state.downcast_ref::<O::State<D>>() as &dyn Any).downcast_ref::<RuleState<D>>()?;
        Some((ours.second.clone()?, ours.correction.second))
    }

    fn describe(&self) -> String {
        // Which parameters are in a group stands with each of them: a group may know them by ids of this process.
        self.rules().map(describe).collect::<Vec<_>>().join(", for a group ")
    }

    fn save(&self, record: &mut RecordWriter<'_>) {
        for (id, ParamState { path, shape, state, .. }) in &self.states {
            let mut sink = StateSink::default();
            self.rule(*id, path).state_flatten("", state, &mut sink);
            let mut record = record.within(path);
            sink.tensors.into_iter().for_each(|(leaf, data)| record.tensor(&leaf, data));
            sink.scalars.into_iter().for_each(|(leaf, number)| record.number(&leaf, number));
            let mut record = record.within("param");
            record.number("rule", self.number_of_rule(*id, path) as u64);
            record.number("rank", shape.len() as u64);
            shape.iter().enumerate().for_each(|(axis, extent)| record.number(&axis.to_string(), *extent as u64));
        }
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.states.clear();
        for (path, param) in record.params() {
            let mut record = record.within(&path);
            let (tensors, numbers) = record.take_all();
            if numbers.is_empty() {
                continue; // it never had a gradient
            }
            self.check_param(&mut record, &path, &param)?;
            if let Some((leaf, data)) = tensors.iter().find(|(_, data)| Self::is_ours() && data.dtype() != param.dtype)
            {
                let (name, expected, found) = (format!("{}/{leaf}", record.path()), param.dtype, data.dtype());
                return Err(Error::OtherPrecision { name, expected, found });
            }
            let written = tensors.len();
            let mut source = StateSource::new(numbers.into_iter().collect());
            tensors.into_iter().for_each(|(leaf, data)| source.insert_tensor(leaf, data));
            let rule = self.rule(param.id, &path);
            let state = rule.state_unflatten(param.shape.len(), "", &mut source, &param.device);
            let state = state.ok_or_else(|| Error::UnreadableState { path: path.clone() })?;
            let mut read = StateSink::default();
            rule.state_flatten("", &state, &mut read);
            if read.tensors.len() != written {
                return Err(Error::UnreadableState { path });
            }
            self.states.insert(param.id, ParamState { path, shape: param.shape, device: param.device, state });
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
