//! The adapter's forms as subjects of the laws: the module form around our rules in all precisions and storages, around
//! Burn's own and around a `ModuleOptimizer`, and the per-parameter form inside one.

mod module_form;
mod rule_form;

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{DType, Device};
use lookahead::{InnerStatePolicy, rules};
use lookahead_burn::{AdaFactor, Adam, AdamW, Sgd};
use lookahead_laws::{Case, Law, Limits, Precision, Rounded, Rule, Setup, Slow, Subject, Tensor};

use crate::device;
use crate::parameters::Parameters;
use module_form::{BoxedRules, HalfRules, HostRules, OurRules, StockRules};
use rule_form::PerParameterRules;

/// An optimizer and its module, with the type of the first hidden.
pub trait Run {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]);
    fn values(&self) -> Vec<Vec<f64>>;
    fn slow_values(&self) -> Vec<Vec<f64>>;
    fn sync_now(&mut self);
    /// The optimizer's record and the module.
    fn save(&self) -> [Vec<u8>; 2];
    fn change(&mut self, change: &mut dyn FnMut(&mut Parameters));
}

/// Where a run begins: at these tensors, or where another was saved; with a twin of one of them at the end, or without.
pub struct Start<'a> {
    tensors: &'a [Tensor],
    twin: Option<usize>,
    saved: Option<&'a [u8]>,
}

impl<'a> Start<'a> {
    /// The optimizer's record and the module as they were saved.
    fn saved(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (length, rest) = self.saved?.split_first_chunk().expect("a length");
        Some(rest.split_at(u64::from_le_bytes(*length) as usize))
    }

    fn module(&self, tensors: &[Tensor], precision: Precision) -> Parameters {
        let mut module = Parameters::new();
        tensors.iter().for_each(|tensor| push(&mut module, tensor, precision));
        let twin = self.twin.map(|of| module.list[of].clone());
        module.list.extend(twin);
        module
    }
}

/// A way to build what a law asks for.
pub trait Form {
    const PRECISION: Precision;
    const SLOW: Slow = Slow::Same;
    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run>;
    fn keeps(_policy: InnerStatePolicy) -> bool {
        true
    }
    /// Those on a device of the kind of GPUs.
    fn limits_on_device() -> Limits {
        Limits::DEVICE
    }
    fn exemption(_law: Law) -> Option<&'static str> {
        None
    }
}

/// A form under the laws.
pub struct Adapter<F: Form> {
    run: Box<dyn Run>,
    form: PhantomData<F>,
}

/// The module form around our rules in `f32`: the core's kernels in place.
pub type Single = Adapter<OurRules<f32>>;
/// The module form around our rules in `f64`: tensor operations.
pub type Double = Adapter<OurRules<f64>>;
/// The module form around Burn's rules.
pub type Stock = Adapter<StockRules>;
/// The module form around our rules in bf16, with slow weights in `f32`.
pub type Half = Adapter<HalfRules>;
/// The module form around our rules in `f32`, with slow weights in host memory.
pub type OnHost = Adapter<HostRules>;
/// The module form around our rules in `f32`, with slow weights in bf16.
pub type RoundedSingle = Rounded<Single>;
/// The module form around our rules in bf16, with slow weights in bf16.
pub type RoundedHalf = Rounded<Half>;
/// The module form around our rules inside a `ModuleOptimizer`.
pub type Boxed = Adapter<BoxedRules>;
/// The per-parameter form around our rules.
pub type PerParameter = Adapter<PerParameterRules>;

impl<F: Form> Adapter<F> {
    fn open(setup: &Setup, start: Start<'_>) -> Self {
        Self { run: F::open(setup, &start), form: PhantomData }
    }
}

impl<F: Form> Subject for Adapter<F> {
    const PRECISION: Precision = F::PRECISION;
    const SLOW: Slow = F::SLOW;
    const JOINS_AT_ONCE: bool = false;
    const OUTER_STEPS: bool = true;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self::open(setup, Start { tensors, twin: None, saved: None })
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        self.run.step(lr, grads);
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.run.values()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        self.run.slow_values()
    }

    fn sync_now(&mut self) {
        self.run.sync_now();
    }

    fn evaluate(&mut self) {
        self.run.slow_values();
    }

    fn save(&self) -> Vec<u8> {
        let [optimizer, module] = self.run.save();
        let length = optimizer.len() as u64;
        [&length.to_le_bytes()[..], &optimizer, &module].concat()
    }

    fn load(setup: &Setup, tensors: &[Tensor], bytes: &[u8]) -> Self {
        Self::open(setup, Start { tensors, twin: None, saved: Some(bytes) })
    }

    fn add(&mut self, tensor: &Tensor) {
        self.run.change(&mut |module| push(module, tensor, F::PRECISION));
    }

    fn freeze(&mut self, tensor: usize, frozen: bool) -> bool {
        self.run.change(&mut |module| freeze(module, tensor, frozen));
        true
    }

    fn replace(&mut self, tensor: usize, by: &Tensor) -> bool {
        self.run.change(&mut |module| {
            push(module, by, F::PRECISION);
            module.list.swap_remove(tensor);
        });
        true
    }

    fn with_twin(setup: &Setup, tensors: &[Tensor], of: usize, saved: Option<&[u8]>) -> Option<Self> {
        Some(Self::open(setup, Start { tensors, twin: Some(of), saved }))
    }

    fn keeps(policy: InnerStatePolicy) -> bool {
        F::keeps(policy)
    }

    fn limits() -> Limits {
        if device::under_test() == Device::flex() { Limits::NONE } else { F::limits_on_device() }
    }

    fn exemption(law: Law, _case: &Case) -> Option<&'static str> {
        if !device::under_test().supports_dtype(dtype(F::PRECISION)) {
            return Some("the device does not compute in this precision");
        }
        F::exemption(law)
    }
}

fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::Single => DType::F32,
        Precision::Double => DType::F64,
        Precision::Half => DType::BF16,
    }
}

fn push(module: &mut Parameters, tensor: &Tensor, precision: Precision) {
    module.push(&tensor.shape, &tensor.values, dtype(precision));
    if tensor.frozen {
        freeze(module, module.list.len() - 1, true);
    }
}

fn freeze(module: &mut Parameters, index: usize, frozen: bool) {
    let parameter = module.list[index].clone();
    module.list[index] = if frozen { parameter.freeze() } else { parameter.unfreeze() };
}

/// One of our rules.
enum OurRule {
    Sgd(Sgd),
    Adam(Adam),
    AdamW(AdamW),
    AdaFactor(AdaFactor),
}

fn our_rule(rule: Rule) -> Result<OurRule, lookahead::Error> {
    let sgd = rules::Sgd::new();
    Ok(match rule {
        Rule::Sgd => OurRule::Sgd(sgd.into()),
        Rule::HeavyBall => OurRule::Sgd(sgd.with_momentum(0.9)?.with_dampening(0.25)?.into()),
        Rule::Nesterov => OurRule::Sgd(sgd.with_momentum(0.9)?.with_nesterov()?.with_weight_decay(0.01)?.into()),
        Rule::Adam => OurRule::Adam(Adam::new()),
        Rule::AdamW => OurRule::AdamW(AdamW::new()),
        Rule::AdaFactor => OurRule::AdaFactor(AdaFactor::new()),
    })
}
