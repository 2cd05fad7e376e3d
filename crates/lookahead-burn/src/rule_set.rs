//! A rule driven over a whole module, with its state in sight: the usual inner optimizer.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams, Optimizer, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use lookahead::{Alpha, Cadence, InnerStatePolicy};

use crate::record::{RecordReader, RecordWriter};
use crate::rule_state::RuleState;
use crate::traversal::{Lifted, Paths, with_rank};
use crate::{Adam, AdamW, Error, InnerOptimizer, Sgd, foreign_state};

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
    states: BTreeMap<ParamId, ParamState>,
    // Whether a rule is a per-parameter Lookahead, whose slow weights must follow an outer sync.
    nested: bool,
}

#[derive(Clone)]
struct ParamState {
    path: String,
    device: Device,
    state: DynState,
}

impl<O: Optimizer> RuleSet<O> {
    /// One rule for every parameter.
    pub fn new(rule: O) -> Self {
        let nested = is_nested(&rule);
        Self { base: rule, groups: Vec::new(), states: BTreeMap::new(), nested }
    }

    /// Another rule for a group of parameters; where groups overlap, the one given last counts.
    #[must_use]
    pub fn with_group(mut self, group: ParamGroup, rule: O) -> Self {
        self.nested |= is_nested(&rule);
        self.groups.push((group, rule));
        self
    }

    /// One step of the module. The learning rate is a number or a Burn scheduler's; the module is best moved in.
    pub fn step<M: Module>(&mut self, lr: impl Into<ModuleLearningRate>, module: M, grads: GradientsParams) -> M {
        self.advance(&lr.into(), module, grads)
    }

    fn rule(&self, id: ParamId, path: &str) -> &O {
        let groups = self.groups.iter().rev();
        groups.into_iter().find(|(group, _)| group.matches(&id, Some(path))).map_or(&self.base, |(_, rule)| rule)
    }

    fn rules(&self) -> impl Iterator<Item = &O> {
        std::iter::once(&self.base).chain(self.groups.iter().map(|(_, rule)| rule))
    }
}

fn is_nested<O: Optimizer>(rule: &O) -> bool {
    foreign_state::probe(rule).iter().any(|(leaf, _)| leaf.ends_with(foreign_state::SLOW_LEAF))
}

/// Our rules say their hyperparameters; of others only the type can be known.
fn describe<O: Optimizer>(rule: &O) -> String {
    let rule: &dyn Any = rule;
    let ours = rule.downcast_ref::<Sgd>().map(|rule| format!("{rule:?}"));
    let ours = ours.or_else(|| rule.downcast_ref::<Adam>().map(|rule| format!("{rule:?}")));
    let ours = ours.or_else(|| rule.downcast_ref::<AdamW>().map(|rule| format!("{rule:?}")));
    ours.unwrap_or_else(|| std::any::type_name::<O>().to_owned())
}

impl<O: Optimizer> Cadence for RuleSet<O> {}

impl<O: Optimizer> InnerOptimizer for RuleSet<O> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        module.map(&mut Step { rules: self, lr, grads, paths: Paths::default() })
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        let mut leaves = self.rules().flat_map(foreign_state::probe);
        match leaves.find(|(_, dtype)| !dtype.is_float()) {
            Some((leaf, _)) if policy == InnerStatePolicy::Interpolate => Err(Error::NotInterpolable { leaf }),
            _ => Ok(()),
        }
    }

    fn reset(&mut self) {
        self.states.clear();
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        for (id, ParamState { path, device, state }) in std::mem::take(&mut self.states) {
            let anchor = anchor.states.get(&id).map(|anchor| &anchor.state);
            let state = with_rank!(state.rank(), D => {
                let anchor = anchor.map(|anchor| anchor.downcast_ref::<O::State<D>>());
                let state = state.downcast::<O::State<D>>();
                DynState::create(foreign_state::interpolate::<O, D>(state, anchor, alpha, &device), D)
            });
            self.states.insert(id, ParamState { path, device, state });
        }
    }

    fn rebase<M: Module>(&mut self, module: &M) {
        if self.nested {
            module.visit(&mut Rebase { rules: self });
        }
    }

    fn keeps_second_moment(&self) -> bool {
        let is_ours = TypeId::of::<O::State<2>>() == TypeId::of::<RuleState<2>>();
        is_ours && self.rules().all(|rule| foreign_state::probe(rule).iter().any(|(leaf, _)| leaf.ends_with("second")))
    }

    fn second_moment<const D: usize>(&self, id: ParamId) -> Option<(Tensor<D>, f64)> {
        let state = &self.states.get(&id)?.state;
        let ours = (state.downcast_ref::<O::State<D>>() as &dyn Any).downcast_ref::<RuleState<D>>()?;
        Some((ours.second.clone()?, ours.correction.second))
    }

    fn describe(&self) -> String {
        let groups: String = self.groups.iter().map(|(group, rule)| format!(", {group:?}: {}", describe(rule))).collect();
        format!("{}{groups}", describe(&self.base))
    }

    fn save(&self, record: &mut RecordWriter<'_>) {
        for (id, ParamState { path, state, .. }) in &self.states {
            let mut sink = StateSink::default();
            self.rule(*id, path).state_flatten("", state, &mut sink);
            let mut record = record.within(path);
            sink.tensors.into_iter().for_each(|(leaf, data)| record.tensor(&leaf, data));
            sink.scalars.into_iter().for_each(|(leaf, number)| record.number(&leaf, number));
            record.number("stepped", true);
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
            self.states.insert(param.id, ParamState { path, device: param.device, state });
        }
        Ok(())
    }
}

struct Step<'a, O> {
    rules: &'a mut RuleSet<O>,
    lr: &'a ModuleLearningRate,
    grads: GradientsParams,
    paths: Paths,
}

impl<O: Optimizer> ModuleMapper for Step<'_, O> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(gradient) = self.grads.remove::<D>(id) else { return param };
        let path = self.paths.current();
        let lr = self.lr.lr_from_param(id, Some(&path));
        let (id, tensor, mapper) = param.consume();
        let (lifted, weights) = Lifted::lower(tensor);
        let device = weights.device();
        let state = self.rules.states.remove(&id).map(|known| O::to_device(known.state.downcast(), &device));
        let (weights, state) = self.rules.rule(id, &path).step(lr, weights, gradient.to_device(&device), state);
        if let Some(state) = state {
            self.rules.states.insert(id, ParamState { path, device, state: DynState::create(state, D) });
        }
        Param::from_mapped_value(id, lifted.lift(weights, id), mapper)
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
