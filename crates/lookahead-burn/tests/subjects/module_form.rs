//! The module form as a subject: rules with up to two Lookaheads around them, and one below an average.

use std::marker::PhantomData;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, Optimizer, SgdConfig};
use lookahead::{InnerStatePolicy, LookaheadConfig};
use lookahead_burn::{Averaged, EmaNesterov, InnerOptimizer, Lookahead, PrimalAveraged, Record, RuleSet, Weights};
use lookahead_laws::{Law, Limits, Precision, Rule, Setup, Slow, Tensor};

use super::{Form, OurRule, Run, Start, our_rule};
use crate::parameters::Parameters;

/// Our rules, on weights of type `T`.
pub struct OurRules<T>(PhantomData<T>);

impl<T> Form for OurRules<T> {
    const PRECISION: Precision = if size_of::<T>() == 4 { Precision::Single } else { Precision::Double };

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        around_ours(setup, start, Self::PRECISION, Place::Beside)
    }
}

/// Our rules, on weights in bf16.
pub struct HalfRules;

impl Form for HalfRules {
    const PRECISION: Precision = Precision::Half;
    const SLOW: Slow = Slow::Wider;

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        around_ours(setup, start, Self::PRECISION, Place::Beside)
    }
}

/// Our rules in `f32`, with slow weights in host memory.
pub struct HostRules;

impl Form for HostRules {
    const PRECISION: Precision = Precision::Single;

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        around_ours(setup, start, Self::PRECISION, Place::Host)
    }

    fn limits_on_device() -> Limits {
        Limits::DEVICE.synced_by_the_host()
    }
}

/// Our rules in `f32`, inside a `ModuleOptimizer` wherever a Lookahead is around them.
pub struct BoxedRules;

impl Form for BoxedRules {
    const PRECISION: Precision = Precision::Single;

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        around_ours(setup, start, Self::PRECISION, Place::Boxed)
    }

    fn keeps(policy: InnerStatePolicy) -> bool {
        policy != InnerStatePolicy::Interpolate
    }

    fn exemption(law: Law) -> Option<&'static str> {
        matches!(law, Law::InterpolateWithAlphaOneMaintains | Law::MomentumInterpolates)
            .then_some("a ModuleOptimizer hides its state, which cannot be interpolated")
    }
}

/// Where slow weights are kept, or rules are hidden.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Beside,
    Host,
    Boxed,
}

fn around_ours(setup: &Setup, start: &Start<'_>, precision: Precision, place: Place) -> Box<dyn Run> {
    match our_rule(setup.rule).expect("valid hyperparameters") {
        OurRule::Sgd(rule) => around(rule, setup, start, precision, place),
        OurRule::Adam(rule) => around(rule, setup, start, precision, place),
        OurRule::AdamW(rule) => around(rule, setup, start, precision, place),
        OurRule::AdaFactor(rule) => around(rule, setup, start, precision, place),
    }
}

/// Burn's rules with PyTorch's hyperparameters, in `f32`.
pub struct StockRules;

impl Form for StockRules {
    const PRECISION: Precision = Precision::Single;

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        let momentum = |dampening| MomentumConfig::new().with_momentum(0.9).with_dampening(dampening);
        let sgd = |momentum| SgdConfig::new().with_momentum(Some(momentum));
        let precision = Self::PRECISION;
        match setup.rule {
            Rule::Sgd => around(SgdConfig::new().build(), setup, start, precision, Place::Beside),
            Rule::HeavyBall => around(sgd(momentum(0.25)).build(), setup, start, precision, Place::Beside),
            Rule::Nesterov => {
                let sgd = sgd(momentum(0.0).with_nesterov(true));
                let sgd = sgd.with_weight_decay(Some(WeightDecayConfig::new(0.01)));
                around(sgd.build(), setup, start, precision, Place::Beside)
            }
            Rule::Adam => around(AdamConfig::new().with_epsilon(1e-8).build(), setup, start, precision, Place::Beside),
            Rule::AdamW => {
                let adam_w = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01);
                around(adam_w.build(), setup, start, precision, Place::Beside)
            }
            Rule::AdaFactor => panic!("Burn's AdaFactor is not under test"),
        }
    }

    fn exemption(law: Law) -> Option<&'static str> {
        (law == Law::BiasCorrectionFollowsTheMoments)
            .then_some("Burn's Adam corrects the bias by its step count, which cannot be interpolated")
    }
}

fn around<R: Optimizer>(rule: R, setup: &Setup, start: &Start<'_>, precision: Precision, place: Place) -> Box<dyn Run> {
    let is_bare = setup.averaging.is_none() && !setup.trains_beside();
    match (&setup.below, &setup.lookaheads[..]) {
        (Some(below), _) => average(around_one(RuleSet::new(rule), below, place), setup, start, precision, place),
        (None, [one, more @ ..]) if place == Place::Boxed && is_bare => {
            let boxed = Lookahead::from_module_optimizer(rule.into(), one.clone()).expect("a valid setup");
            wrap(boxed, more, start, precision, place)
        }
        (None, _) => average(RuleSet::new(rule), setup, start, precision, place),
    }
}

fn average<I: InnerOptimizer + 'static>(
    inner: I,
    setup: &Setup,
    start: &Start<'_>,
    precision: Precision,
    place: Place,
) -> Box<dyn Run> {
    let layers = &setup.lookaheads[..];
    match (setup.averaging, setup.primal, setup.look_ahead) {
        (None, None, None) => wrap(inner, layers, start, precision, place),
        (None, None, Some(config)) => wrap(EmaNesterov::with_config(inner, config), layers, start, precision, place),
        (None, Some(primal), None) => wrap(PrimalAveraged::new(inner, primal), layers, start, precision, place),
        (Some(averaging), None, None) => wrap(Averaged::new(inner, averaging), layers, start, precision, place),
        _ => panic!("the laws use one average"),
    }
}

fn wrap<I: InnerOptimizer + 'static>(
    inner: I,
    layers: &[LookaheadConfig],
    start: &Start<'_>,
    precision: Precision,
    place: Place,
) -> Box<dyn Run> {
    match layers {
        [] => Box::new(Training::open(inner, start, precision)),
        [one] => Box::new(Training::open(around_one(inner, one, place), start, precision)),
        [one, two] => Box::new(Training::open(around_one(around_one(inner, one, place), two, place), start, precision)),
        more => panic!("{} Lookaheads: the laws use two at most", more.len()),
    }
}

fn around_one<I: InnerOptimizer>(inner: I, config: &LookaheadConfig, place: Place) -> Lookahead<I> {
    let lookahead = Lookahead::around(inner, config.clone()).expect("a valid setup");
    if place == Place::Host { lookahead.with_slow_weights_on_host() } else { lookahead }
}

struct Training<I> {
    optimizer: I,
    // None only within a step, which moves the module.
    module: Option<Parameters>,
    precision: Precision,
}

impl<I: InnerOptimizer> Training<I> {
    fn open(optimizer: I, start: &Start<'_>, precision: Precision) -> Self {
        let Some((record, values)) = start.saved() else {
            return Self { optimizer, module: Some(start.module(start.tensors, precision)), precision };
        };
        let mut values = values.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().expect("8 bytes")));
        let with_values =
            |blank: &Tensor| Tensor { values: values.by_ref().take(blank.values.len()).collect(), ..blank.clone() };
        let tensors: Vec<Tensor> = start.tensors.iter().map(with_values).collect();
        // Its parameters have ids that the record has never seen.
        let module = start.module(&tensors, precision);
        let record = Record::from_bytes(record).expect("a record");
        let optimizer = optimizer.load_record(&record, &module).expect("its record");
        Self { optimizer, module: Some(module), precision }
    }

    fn module(&self) -> &Parameters {
        self.module.as_ref().expect("no step is under way")
    }

    fn change_module(&mut self, change: impl FnOnce(&mut I, Parameters) -> Parameters) {
        let module = self.module.take().expect("no step is under way");
        self.module = Some(change(&mut self.optimizer, module));
    }
}

impl<I: InnerOptimizer> Run for Training<I> {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let grads = self.module().gradients(grads);
        self.change_module(|optimizer, module| optimizer.advance(&lr.into(), module, grads));
    }

    fn values(&self) -> Vec<Vec<f64>> {
        self.module().values()
    }

    fn slow_values(&self) -> Vec<Vec<f64>> {
        // As the next step will find them.
        let mut optimizer = self.optimizer.clone();
        optimizer.follow(self.module(), None);
        let Some(weights) = optimizer.evaluation_weights(self.module()) else { return self.values() };
        let evaluated = weights.apply(self.module()).values();
        let Precision::Half = self.precision else { return evaluated };
        // What is evaluated is the nearest number in the module's precision.
        let mut kept = Kept { weights: &weights, values: Vec::new() };
        self.module().visit(&mut kept);
        let rounded: Vec<Vec<f64>> = kept
            .values
            .iter()
            .map(|values| values.iter().map(|&value| self.precision.round(value)).collect())
            .collect();
        assert_eq!(evaluated, rounded);
        kept.values
    }

    fn sync_now(&mut self) {
        self.change_module(|optimizer, module| optimizer.end_partial_cycle(module));
    }

    fn save(&self) -> [Vec<u8>; 2] {
        let values = self.values().concat().into_iter().flat_map(f64::to_le_bytes).collect();
        [self.optimizer.to_record(self.module()).and_then(|record| record.to_bytes()).expect("a record"), values]
    }

    fn change(&mut self, change: &mut dyn FnMut(&mut Parameters)) {
        change(self.module.as_mut().expect("no step is under way"));
    }
}

/// The weights of each parameter as they are kept; those of one that is not known are its own.
struct Kept<'a> {
    weights: &'a Weights,
    values: Vec<Vec<f64>>,
}

impl ModuleVisitor for Kept<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<burn::tensor::Tensor<D>>) {
        let tensor = self.weights.get::<D>(param.id).unwrap_or_else(|| param.val());
        self.values.push(tensor.into_data().iter::<f64>().collect());
    }
}
