//! The module form as a subject: rules with up to two Lookaheads around them.

use std::marker::PhantomData;

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, Optimizer, SgdConfig};
use lookahead::LookaheadConfig;
use lookahead_burn::{InnerOptimizer, Lookahead, Record, RuleSet};
use lookahead_laws::{Law, Precision, Rule, Setup, Tensor};

use super::{Form, OurRule, Run, dtype, module_of, our_rule};
use crate::parameters::Parameters;

/// Our rules, on weights of type `T`.
pub struct OurRules<T>(PhantomData<T>);

impl<T> Form for OurRules<T> {
    const PRECISION: Precision = if size_of::<T>() == 4 { Precision::Single } else { Precision::Double };

    fn open(setup: &Setup, tensors: &[Tensor], saved: Option<[Vec<u8>; 2]>) -> Box<dyn Run> {
        let precision = Self::PRECISION;
        match our_rule(setup.rule).expect("valid hyperparameters") {
            OurRule::Sgd(rule) => around(rule, setup, tensors, saved, precision),
            OurRule::Adam(rule) => around(rule, setup, tensors, saved, precision),
            OurRule::AdamW(rule) => around(rule, setup, tensors, saved, precision),
            OurRule::AdaFactor(rule) => around(rule, setup, tensors, saved, precision),
        }
    }

    fn exemption(_law: Law) -> Option<&'static str> {
        None
    }
}

/// Burn's rules with PyTorch's hyperparameters, in `f32`.
pub struct StockRules;

impl Form for StockRules {
    const PRECISION: Precision = Precision::Single;

    fn open(setup: &Setup, tensors: &[Tensor], saved: Option<[Vec<u8>; 2]>) -> Box<dyn Run> {
        let momentum = |dampening| MomentumConfig::new().with_momentum(0.9).with_dampening(dampening);
        let sgd = |momentum| SgdConfig::new().with_momentum(Some(momentum));
        let precision = Self::PRECISION;
        match setup.rule {
            Rule::Sgd => around(SgdConfig::new().build(), setup, tensors, saved, precision),
            Rule::HeavyBall => around(sgd(momentum(0.25)).build(), setup, tensors, saved, precision),
            Rule::Nesterov => {
                let sgd = sgd(momentum(0.0).with_nesterov(true));
                let sgd = sgd.with_weight_decay(Some(WeightDecayConfig::new(0.01)));
                around(sgd.build(), setup, tensors, saved, precision)
            }
            Rule::Adam => around(AdamConfig::new().with_epsilon(1e-8).build(), setup, tensors, saved, precision),
            Rule::AdamW => {
                let adam_w = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01);
                around(adam_w.build(), setup, tensors, saved, precision)
            }
            Rule::AdaFactor => panic!("Burn's AdaFactor is not under test"),
        }
    }

    fn exemption(law: Law) -> Option<&'static str> {
        (law == Law::BiasCorrectionFollowsTheMoments)
            .then_some("Burn's Adam corrects the bias by its step count, which cannot be interpolated")
    }
}

fn around<R: Optimizer>(
    rule: R,
    setup: &Setup,
    tensors: &[Tensor],
    saved: Option<[Vec<u8>; 2]>,
    precision: Precision,
) -> Box<dyn Run> {
    let lookahead = |config: &LookaheadConfig| Lookahead::around(RuleSet::new(rule.clone()), config.clone());
    match &setup.lookaheads[..] {
        [] => Box::new(Training::open(RuleSet::new(rule), tensors, saved, precision)),
        [one] => Box::new(Training::open(lookahead(one).expect("a valid setup"), tensors, saved, precision)),
        [inner, outer] => {
            let inner = lookahead(inner).expect("a valid setup");
            let nested = Lookahead::around(inner, outer.clone()).expect("a valid setup");
            Box::new(Training::open(nested, tensors, saved, precision))
        }
        more => panic!("{} Lookaheads: the laws use two at most", more.len()),
    }
}

struct Training<I> {
    optimizer: I,
    // None only within a step, which moves the module.
    module: Option<Parameters>,
    precision: Precision,
}

impl<I: InnerOptimizer> Training<I> {
    fn open(optimizer: I, tensors: &[Tensor], saved: Option<[Vec<u8>; 2]>, precision: Precision) -> Self {
        let Some([record, values]) = saved else {
            return Self { optimizer, module: Some(module_of(tensors, precision)), precision };
        };
        let mut values = values.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().expect("8 bytes")));
        let with_values =
            |blank: &Tensor| Tensor { values: values.by_ref().take(blank.values.len()).collect(), ..blank.clone() };
        let tensors: Vec<Tensor> = tensors.iter().map(with_values).collect();
        // Its parameters have ids that the record has never seen.
        let module = module_of(&tensors, precision);
        let record = Record::from_bytes(&record).expect("a record");
        Self {
            optimizer: optimizer.load_record(&record, &module).expect("its record"),
            module: Some(module),
            precision,
        }
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
        self.optimizer.evaluation_weights().map_or_else(|| self.values(), |slow| slow.apply(self.module()).values())
    }

    fn sync_now(&mut self) {
        self.change_module(|optimizer, module| optimizer.end_partial_cycle(module));
    }

    fn save(&self) -> [Vec<u8>; 2] {
        let values = self.values().concat().into_iter().flat_map(f64::to_le_bytes).collect();
        [self.optimizer.to_record().to_bytes().expect("a record"), values]
    }

    fn add(&mut self, tensor: &Tensor) {
        let precision = dtype(self.precision);
        self.change_module(|_, mut module| {
            module.push(&tensor.shape, &tensor.values, precision);
            module
        });
    }
}
