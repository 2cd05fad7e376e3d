//! The step of a rule set, and the sync that may follow it: all parameters on the CPU in one pass of the core's kernels.

use std::any::Any;
use std::collections::VecDeque;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::{DynState, GradientsParams, Optimizer};
use burn::tensor::{DType, Tensor};
use lookahead::kernels::{Slow, Task, TensorSync};
use lookahead::rules::{AdamHyperparameters, BiasCorrection};
use lookahead::{Alpha, rules};

use crate::cube;
use crate::flex::{MOMENTS_APART, Values, opens};
use crate::places::Places;
use crate::read_back::moved_to;
use crate::refused::Refused;
use crate::rule_set::{ParamState, RuleSet};
use crate::rule_state::RuleState;
use crate::slow_weights::OpenSlow;
use crate::traversal::{Lifted, Paths};
use crate::weights::expect_precision;
use crate::{Adam, AdamW, PullBack, Sgd};

/// A rule that the core's kernels can run, and those of a device.
#[derive(Clone, Copy)]
pub(crate) enum Kernel<'a> {
    Sgd(&'a rules::Sgd),
    Adam(&'a AdamHyperparameters),
}

impl<'a> Kernel<'a> {
    pub(crate) fn of(rule: &'a impl Optimizer) -> Option<Self> {
        let rule: &dyn Any = rule;
        let sgd = rule.downcast_ref::<Sgd>().map(|rule| Self::Sgd(rule.core()));
        let adam = || rule.downcast_ref::<Adam>().map(|rule| Self::Adam(rule.core().hyperparameters()));
        let adam_w = || rule.downcast_ref::<AdamW>().map(|rule| Self::Adam(rule.core().hyperparameters()));
        sgd.or_else(adam).or_else(adam_w)
    }

    /// The number of moments that it keeps.
    pub(crate) fn moments(self) -> usize {
        match self {
            Self::Sgd(rule) => usize::from(rule.momentum() > 0.0),
            Self::Adam(_) => 2,
        }
    }

    /// One pass over those parameters that follow this rule. Gives the number of elements refused.
    fn pass(self, opened: &mut VecDeque<Open>, rule: usize, alpha: Alpha) -> usize {
        let chosen = || opened.iter().filter(|open| open.rule == rule);
        let elements = chosen().map(|open| open.weights.as_slice().len()).sum();
        let chosen = opened.iter_mut().filter(|open| open.rule == rule);
        match self {
            Self::Sgd(sgd) if self.moments() == 0 => {
                sgd.plain_pass(elements, chosen.map(|open| open.task(alpha, |open| sgd.coefficients(open.lr, false))))
            }
            Self::Sgd(sgd) => {
                let c = |open: &Open| sgd.coefficients(open.lr, open.state.steps == 1);
                sgd.momentum_pass(elements, chosen.map(|open| open.task(alpha, c)))
            }
            Self::Adam(adam) => {
                let c = |open: &Open| adam.coefficients(open.lr, open.state.correction);
                adam.pass(elements, chosen.map(|open| open.task(alpha, c)))
            }
        }
    }
}

/// A parameter taken out of its module, with all that the pass needs of it.
struct Open {
    id: ParamId,
    shape: Vec<usize>,
    rule: usize,
    lr: f64,
    lifted: Lifted,
    weights: Values,
    gradient: Option<Values>,
    state: OpenState,
    slow: Option<OpenSlow>,
    anchor: Option<OpenState>,
}

/// The list of open parameters: empty between steps, kept for its memory.
#[derive(Default)]
pub(crate) struct Opened(VecDeque<Open>);

impl Clone for Opened {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A rule's state of one parameter.
struct OpenState {
    moments: Vec<Values>,
    correction: BiasCorrection,
    steps: u64,
}

impl OpenState {
    /// Moments that are not there yet are zeros like `weights`.
    fn open<const D: usize>(state: Option<RuleState<D>>, moments: usize, weights: &Values) -> Self {
        let RuleState { first, second, correction, steps } = state.unwrap_or_default();
        let moments = [first, second].into_iter().zip(MOMENTS_APART).take(moments);
        let moments = moments.map(|(moment, apart)| moment.map_or_else(|| weights.zeros_beside(apart), Values::of));
        let moments = moments.collect();
        Self { moments, correction, steps }
    }

    fn close<const D: usize>(self) -> DynState {
        let mut moments = self.moments.into_iter().map(Values::into_tensor);
        let (first, second) = (moments.next(), moments.next());
        DynState::create(RuleState::<D> { first, second, correction: self.correction, steps: self.steps }, D)
    }

    /// `M` is the number of moments that the state was opened with.
    fn values_mut<const M: usize>(&mut self) -> [&mut [f32]; M] {
        let mut moments = self.moments.iter_mut().map(Values::as_mut_slice);
        std::array::from_fn(|_| moments.next().unwrap_or_default())
    }
}

impl Open {
    fn task<C, const M: usize>(&mut self, alpha: Alpha, coefficients: impl Fn(&Self) -> C) -> Task<'_, f32, C, M> {
        let coefficients = coefficients(self);
        let anchors = self.anchor.as_mut().map(OpenState::values_mut);
        let slow = self.slow.as_mut().map(|slow| match slow {
            OpenSlow::Full(slow) => Slow::Full(slow.as_mut_slice()),
            OpenSlow::Momentum { slow, buffer, step } => {
                let (slow, buffer) = (slow.as_mut_slice(), buffer.as_mut_slice());
                Slow::Momentum { slow, buffer, step: step.in_precision() }
            }
            OpenSlow::Bf16(slow, rounding) => Slow::Bf16(&mut slow.values, *rounding),
        });
        Task {
            weights: self.weights.as_mut_slice(),
            gradient: self.gradient.as_ref().map(Values::as_slice),
            moments: self.state.values_mut(),
            coefficients,
            sync: slow.map(|slow| TensorSync { slow, alpha, anchors }),
        }
    }
}

/// One step, and the sync if there is one. Gives the module and how many elements the sync refused.
pub(crate) fn step<O: Optimizer, M: Module>(
    rules: &mut RuleSet<O>,
    lr: &ModuleLearningRate,
    module: M,
    grads: GradientsParams,
    mut sync: Option<PullBack<'_, RuleSet<O>>>,
) -> (M, Refused) {
    let alpha = sync.as_ref().map_or(Alpha::ONE, PullBack::alpha);
    let places = Places::to_move(&module, Some(&grads), |id| {
        rules.states.contains_key(&id) || sync.as_ref().is_some_and(|sync| sync.slow.contains(id))
    });
    rules.retain(&places);
    let mut take = Take {
        lr,
        grads,
        sync: sync.as_mut(),
        paths: Paths::default(),
        opened: std::mem::take(&mut rules.opened.0),
        rules,
        refused: Refused::default(),
    };
    let module = places.map(module, &mut take);
    let Take { mut opened, mut refused, .. } = take;
    for (number, rule) in rules.rules().enumerate() {
        if let Some(kernel) = Kernel::of(rule).filter(|_| opened.iter().any(|open| open.rule == number)) {
            refused.count(kernel.pass(&mut opened, number, alpha));
        }
    }
    if opened.is_empty() {
        return (module, refused.gathered());
    }
    let mut put = Put { rules, sync: sync.as_mut(), alpha, opened };
    let module = places.map(module, &mut put);
    put.rules.opened.0 = put.opened;
    (module, refused.gathered())
}

/// Takes out every parameter whose buffers the kernels can work on; steps and syncs the others where they are.
struct Take<'a, 's, O> {
    rules: &'a mut RuleSet<O>,
    lr: &'a ModuleLearningRate,
    grads: GradientsParams,
    sync: Option<&'a mut PullBack<'s, RuleSet<O>>>,
    paths: Paths,
    opened: VecDeque<Open>,
    refused: Refused,
}

/// A parameter on its way through [`Take`].
struct Parameter<const D: usize> {
    id: ParamId,
    path: String,
    rule: usize,
    lr: f64,
    lifted: Lifted,
    weights: Tensor<D>,
    gradient: Option<Tensor<D>>,
}

impl<O: Optimizer> Take<'_, '_, O> {
    /// The kernel that can work on all of the parameter's buffers, if there is one.
    fn kernel_for<const D: usize>(&self, parameter: &Parameter<D>, syncs: bool) -> Option<Kernel<'_>> {
        let Parameter { id, path, lifted, weights, gradient, .. } = parameter;
        let kernel = Kernel::of(self.rules.rule(*id, path))?;
        // Without a gradient and a state there is only the sync; frozen weights do not even take part in that.
        let takes_part = gradient.is_some() || self.rules.states.contains_key(id);
        let buffers_open =
            || opens(weights) && gradient.as_ref().is_none_or(opens) && opens_state::<O, D>(self.rules, *id);
        let sync_opens = || {
            self.sync.as_ref().is_none_or(|sync| {
                let anchor_opens = sync.anchor.as_ref().is_none_or(|anchor| opens_state::<O, D>(anchor, *id));
                anchor_opens && sync.slow.opens::<D>(*id)
            })
        };
        (takes_part && !(syncs && lifted.is_frozen()) && buffers_open() && sync_opens()).then_some(kernel)
    }

    /// Takes the parameter out for the pass.
    fn take<const D: usize>(&mut self, parameter: Parameter<D>, moments: usize) {
        let Parameter { id, path, rule, lr, lifted, weights, gradient } = parameter;
        let shape = weights.dims().to_vec();
        let (weights, gradient) = (Values::of(weights), gradient.map(Values::of));
        let open = |rules: &mut RuleSet<O>| {
            OpenState::open::<D>(rules.states.remove(&id).map(|known| known.state.downcast()), moments, &weights)
        };
        let mut state = open(self.rules);
        if gradient.is_some() {
            state.steps = state.steps.saturating_add(1);
            if let Some(Kernel::Adam(adam)) = Kernel::of(self.rules.rule(id, &path)) {
                adam.advance(&mut state.correction);
            }
        }
        let anchor = self.sync.as_mut().and_then(|sync| sync.anchor.as_deref_mut()).map(open);
        let slow = self.sync.as_mut().and_then(|sync| sync.slow.open::<D>(id, &sync.update));
        self.opened.push_back(Open { id, shape, rule, lr, lifted, weights, gradient, state, slow, anchor });
    }

    /// Whether a kernel of the device can step this parameter.
    fn has_kernel<const D: usize>(&self, id: ParamId, path: &str, weights: &Tensor<D>, gradient: &Tensor<D>) -> bool {
        let moments_fit = || {
            self.rules.states.get(&id).is_none_or(|known| {
                let state: &RuleState<D> = known.state.downcast_ref();
                state.moments().all(|moment| moment.dtype() == DType::F32)
            })
        };
        cube::fit(weights, gradient, []) && Kernel::of(self.rules.rule(id, path)).is_some() && moments_fit()
    }

    /// The rule, the sync and "interpolate" for this parameter alone: by the kernels of its device, or by tensor operations.
    fn step_alone<const D: usize>(&mut self, parameter: Parameter<D>) -> Tensor<D> {
        let Parameter { id, path, lr, lifted, mut weights, gradient, .. } = parameter;
        let (mut is_synced, frozen) = (false, lifted.is_frozen());
        if let Some(gradient) = gradient {
            let (shape, device) = (weights.dims().to_vec(), weights.device());
            let has_kernel = self.has_kernel(id, &path, &weights, &gradient);
            let state = self.rules.states.remove(&id).map(|known| known.state);
            let rule = self.rules.rule(id, &path);
            let (stepped, state) = match Kernel::of(rule).filter(|_| has_kernel) {
                Some(kernel) => {
                    let state = state.map(DynState::downcast::<RuleState<D>>).unwrap_or_default().moved_to(&device);
                    let sync = self.sync.as_mut().filter(|sync| !frozen && sync.update.measured.is_none());
                    let slow = sync.and_then(|sync| {
                        Some((sync.slow.take_for_device(id, &device, &mut self.refused)?, &sync.update))
                    });
                    let (stepped, state, slow) = cube::step(kernel, lr, weights, gradient, state, slow);
                    is_synced = slow.is_some();
                    if let (Some(sync), Some(slow)) = (&mut self.sync, slow) {
                        sync.slow.put_from_device(id, slow, &mut self.refused);
                    }
                    (stepped, Some(DynState::create(state, D)))
                }
                None => {
                    let state = state.map(|state| O::to_device(state.downcast(), &device));
                    if state.is_none() {
                        expect_precision(&weights, || path.clone());
                    }
                    let (stepped, state) = rule.step(lr, weights, gradient, state);
                    (stepped, state.map(|state| DynState::create(state, D)))
                }
            };
            weights = stepped;
            if let Some(state) = state {
                self.rules.states.insert(id, ParamState { shape, device, state });
            }
        }
        if let Some(sync) = &mut self.sync {
            if !is_synced {
                weights = sync.slow.pull_back(id, weights, &sync.update, frozen, &mut self.refused);
            }
            if let Some(anchor) = sync.anchor.as_deref_mut() {
                self.rules.interpolate_param(id, anchor, sync.update.alpha);
            }
        }
        lifted.lift(weights, id)
    }
}

/// Whether the kernels can work on the state of a parameter under one of our rules.
fn opens_state<O: Optimizer, const D: usize>(rules: &RuleSet<O>, id: ParamId) -> bool {
    rules.states.get(&id).is_none_or(|known| {
        let state: &RuleState<D> = known.state.downcast_ref();
        state.moments().all(opens)
    })
}

impl<O: Optimizer> ModuleMapper for Take<'_, '_, O> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.grads.remove::<D>(param.id);
        let syncs = self.sync.as_ref().is_some_and(|sync| sync.slow.contains(param.id));
        if gradient.is_none() && !syncs {
            return param;
        }
        let path = self.paths.current();
        let (id, tensor, mapper) = param.consume();
        let (lifted, weights) = Lifted::lower(tensor);
        let device = weights.device();
        let gradient = gradient.map(|gradient| moved_to(gradient, &device));
        let (rule, lr) = (self.rules.number_of_rule(id, &path), self.lr.lr_from_param(id, Some(&path)));

        let parameter = Parameter { id, path, rule, lr, lifted, weights, gradient };
        match self.kernel_for(&parameter, syncs).map(Kernel::moments) {
            Some(moments) => {
                self.take(parameter, moments);
                Param::from_mapped_value(id, Tensor::empty([0; D], &device), mapper)
            }
            None => Param::from_mapped_value(id, self.step_alone(parameter), mapper),
        }
    }
}

/// Puts back what [`Take`] has taken out, in the same order.
struct Put<'a, 's, O> {
    rules: &'a mut RuleSet<O>,
    sync: Option<&'a mut PullBack<'s, RuleSet<O>>>,
    alpha: Alpha,
    opened: VecDeque<Open>,
}

impl<O: Optimizer> ModuleMapper for Put<'_, '_, O> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(open) = self.opened.pop_front_if(|open| open.id == param.id) else { return param };
        let Open { id, shape, mut state, slow, anchor, .. } = open;
        let (_, placeholder, mapper) = param.consume();
        let device = placeholder.device();
        if let Some(sync) = &mut self.sync {
            if let (Some(mut anchor), Some(anchors)) = (anchor, sync.anchor.as_deref_mut()) {
                state.correction.pull_back(&anchor.correction, self.alpha);
                (anchor.correction, anchor.steps) = (state.correction, state.steps);
                let (shape, device) = (shape.clone(), device.clone());
                anchors.states.insert(id, ParamState { shape, device, state: anchor.close::<D>() });
            }
            if let Some(slow) = slow {
                sync.slow.close::<D>(id, slow);
            }
        }
        self.rules.states.insert(id, ParamState { shape, device, state: state.close::<D>() });
        Param::from_mapped_value(id, open.lifted.lift(open.weights.into_tensor(), id), mapper)
    }
}
