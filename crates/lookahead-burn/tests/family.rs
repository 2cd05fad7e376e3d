//! Lookahead's descendants on a module against the runs of `testdata/family`, made with their authors' code: by tensor
//! operations in f64, and by the kernels in place in f32.

mod device;
mod parameters;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::Optimizer;
use burn::tensor::DType;
use lookahead::{BufferUnit, LookaheadConfig};
use lookahead_burn::{
    AdamW, Averaged, EmaNesterov, Error, InnerOptimizer, Lookahead, PrimalAveraged, RuleSet, Sgd, Weights,
};
use lookahead_laws::family::{self, InnerRule, Run, Source, average, gradients, initial, primal};

use parameters::Parameters;

/// In f64 both programs differ by rounding alone; f32 rounds each step.
const PRECISIONS: [(DType, f64); 2] = [(DType::F64, 1e-12), (DType::F32, 5e-5)];

/// A test for each source: its runs under what `$check` makes of them.
macro_rules! sources {
    ($($name:ident: $check:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                let stem = stringify!($name);
                for run in &Source::read(stem).runs {
                    for (dtype, tolerance) in PRECISIONS {
                        if device::under_test().supports_dtype(dtype) {
                            let at = format!("{stem}.json, {dtype:?}, {}", run.name());
                            $check(stem, run, &Followed { at, run, dtype, tolerance })?;
                        }
                    }
                }
                Ok(())
            }
        )+
    };
}

sources!(
    lookahead_official: outer,
    lookahead_pytorch_optimizer: outer,
    lookahead_optax: outer,
    snoo_paper: outer,
    snoo_pr128: outer,
    muloco1: outer,
    diloco_torchft: outer,
    slowmo_fairscale: outer,
    slowmo_torchdistx: outer,
    schedulefree_sgd: near_its_average,
    schedulefree_wrapper: near_its_average,
    schedulefree_adamw: near_its_average,
    schedulefree_adamw_paper: near_its_average,
    gpa_adamw: near_its_average,
    ema_timm: averaged,
    ema_tensorflow: averaged,
    ema_torch_swa_utils: averaged,
    ema_nesterov: looking_ahead,
);

fn outer(stem: &str, run: &Run, followed: &Followed<'_>) -> Result<(), Error> {
    let config = family::lookahead(stem, run)?;
    match run.inner.rule()? {
        InnerRule::Sgd(rule) => followed.by_outer_steps(Sgd::from(rule), config),
        InnerRule::AdamW(rule) => followed.by_outer_steps(AdamW::from(rule), config),
    }
}

fn near_its_average(stem: &str, run: &Run, followed: &Followed<'_>) -> Result<(), Error> {
    match primal(stem, run)? {
        (InnerRule::Sgd(rule), averaging) => {
            followed.evaluated(PrimalAveraged::new(RuleSet::new(Sgd::from(rule)), averaging))
        }
        (InnerRule::AdamW(rule), averaging) => {
            followed.evaluated(PrimalAveraged::new(RuleSet::new(AdamW::from(rule)), averaging))
        }
    }
}

fn averaged(stem: &str, run: &Run, followed: &Followed<'_>) -> Result<(), Error> {
    match average(stem, run)? {
        (InnerRule::Sgd(rule), averaging) => {
            followed.evaluated(Averaged::new(RuleSet::new(Sgd::from(rule)), averaging))
        }
        (InnerRule::AdamW(rule), averaging) => {
            followed.evaluated(Averaged::new(RuleSet::new(AdamW::from(rule)), averaging))
        }
    }
}

fn looking_ahead(stem: &str, run: &Run, followed: &Followed<'_>) -> Result<(), Error> {
    match family::ema_nesterov(stem, run)? {
        (InnerRule::Sgd(rule), config) => {
            followed.evaluated(EmaNesterov::with_config(RuleSet::new(Sgd::from(rule)), config))
        }
        (InnerRule::AdamW(rule), config) => {
            followed.evaluated(EmaNesterov::with_config(RuleSet::new(AdamW::from(rule)), config))
        }
    }
}

/// A run of a source that ours has to follow.
struct Followed<'a> {
    at: String,
    run: &'a Run,
    dtype: DType,
    tolerance: f64,
}

impl Followed<'_> {
    fn start(&self) -> Result<Parameters, Error> {
        let mut module = Parameters::new();
        for param in initial::<f64>()?.iter() {
            module.push(param.shape(), param.values(), self.dtype);
        }
        Ok(module)
    }

    /// One step, after which the weights are the source's.
    fn step(&self, optimizer: &mut impl InnerOptimizer, module: Parameters, t: usize) -> Result<Parameters, Error> {
        let mut params = initial::<f64>()?;
        params.iter_mut().zip(module.values()).for_each(|(param, values)| param.values_mut().copy_from_slice(&values));
        let grads = module.gradients(&gradients(&params, t, 0));
        let module = optimizer.advance(&self.run.lr(t).into(), module, grads);
        self.compare(&format!("after step {}: fast weights", t + 1), &module.values().concat(), &self.run.fast[t]);
        Ok(module)
    }

    fn compare(&self, what: &str, found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{}, {what}", self.at);
        for (element, (found, expected)) in found.iter().zip(expected).enumerate() {
            let Self { at, tolerance, .. } = self;
            let difference = (found - expected).abs();
            assert!(difference <= *tolerance, "{at}, {what}[{element}] is {found:e}, the source has {expected:e}");
        }
    }

    /// Fast and slow weights after each step, and the momentum at the end.
    fn by_outer_steps(&self, rule: impl Optimizer, config: LookaheadConfig) -> Result<(), Error> {
        let plan = config.outer_step().cloned();
        let mut optimizer = Lookahead::with_config(rule, config)?;
        let mut module = self.start()?;
        let mut at_sync = module.values().concat();
        for t in 0..self.run.fast.len() {
            let syncs = optimizer.clock().outer();
            module = self.step(&mut optimizer, module, t)?;
            if optimizer.clock().outer() > syncs {
                at_sync.clone_from(&self.run.fast[t]);
                let expected = self.run.momentum.get(syncs as usize);
                if let (Some(expected), Some(plan), Some(buffers)) = (expected, &plan, optimizer.momentum()) {
                    // the source's buffer as ways that the fast weights have gone
                    let unit = match plan.buffer_unit() {
                        BufferUnit::Delta => 1.0,
                        BufferUnit::DeltaOverLearningRate => self.run.lr(t),
                        BufferUnit::OuterStep => 1.0 / plan.rate().at(0).get(),
                    };
                    let expected: Vec<f64> = expected.iter().map(|u| u * unit).collect();
                    self.compare(&format!("after step {}: the momentum", t + 1), &values(buffers, &module), &expected);
                }
            }
            let slow = optimizer.slow_model(&module).values().concat();
            self.compare(&format!("after step {}: slow weights", t + 1), &slow, &at_sync);
        }
        Ok(())
    }

    /// The weights to step and to evaluate, after each step.
    fn evaluated(&self, mut optimizer: impl InnerOptimizer) -> Result<(), Error> {
        let mut module = self.start()?;
        for (t, slow) in self.run.slow.iter().enumerate() {
            module = self.step(&mut optimizer, module, t)?;
            let evaluated = optimizer.evaluation_weights(&module).expect("an average").apply(&module);
            self.compare(&format!("after step {}: evaluated", t + 1), &evaluated.values().concat(), slow);
        }
        Ok(())
    }
}

/// The tensors that belong to the module's parameters, in their order.
fn values(weights: &Weights, module: &Parameters) -> Vec<f64> {
    struct Read<'a>(&'a Weights, Vec<f64>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<burn::tensor::Tensor<D>>) {
            let tensor = self.0.get::<D>(param.id).expect("a buffer");
            self.1.extend(tensor.into_data().iter::<f64>());
        }
    }
    let mut read = Read(weights, Vec::new());
    module.visit(&mut read);
    read.1
}
