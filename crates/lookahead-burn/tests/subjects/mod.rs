//! The adapter's forms as subjects of the laws: the module form around our rules in both precisions and around Burn's
//! own, and the per-parameter form inside Burn's `ModuleOptimizer`.

mod module_form;
mod rule_form;

use std::marker::PhantomData;

use burn::tensor::DType;
use lookahead::rules;
use lookahead_burn::{AdaFactor, Adam, AdamW, Sgd};
use lookahead_laws::{Law, Precision, Rule, Setup, Subject, Tensor};

use crate::parameters::Parameters;
use module_form::{OurRules, StockRules};
use rule_form::PerParameterRules;

/// An optimizer and its module, with the type of the first hidden.
pub trait Run {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]);
    fn values(&self) -> Vec<Vec<f64>>;
    fn slow_values(&self) -> Vec<Vec<f64>>;
    fn sync_now(&mut self);
    /// The optimizer's record and the module.
    fn save(&self) -> [Vec<u8>; 2];
    fn add(&mut self, tensor: &Tensor);
}

/// A way to build what a law asks for.
pub trait Form {
    const PRECISION: Precision;
    fn open(setup: &Setup, tensors: &[Tensor], saved: Option<[Vec<u8>; 2]>) -> Box<dyn Run>;
    fn exemption(law: Law) -> Option<&'static str>;
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
/// The per-parameter form around our rules.
pub type PerParameter = Adapter<PerParameterRules>;

impl<F: Form> Adapter<F> {
    fn open(setup: &Setup, tensors: &[Tensor], saved: Option<[Vec<u8>; 2]>) -> Self {
        Self { run: F::open(setup, tensors, saved), form: PhantomData }
    }
}

impl<F: Form> Subject for Adapter<F> {
    const PRECISION: Precision = F::PRECISION;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self::open(setup, tensors, None)
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
        let (length, rest) = bytes.split_first_chunk().expect("a length");
        let (optimizer, module) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self::open(setup, tensors, Some([optimizer.to_vec(), module.to_vec()]))
    }

    fn add(&mut self, tensor: &Tensor) {
        self.run.add(tensor);
    }

    fn exemption(law: Law) -> Option<&'static str> {
        F::exemption(law)
    }
}

fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::Single => DType::F32,
        Precision::Double => DType::F64,
    }
}

fn module_of(tensors: &[Tensor], precision: Precision) -> Parameters {
    let mut module = Parameters::new();
    tensors.iter().for_each(|tensor| module.push(&tensor.shape, &tensor.values, dtype(precision)));
    module
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
