//! The module form against the trajectories that anybody's Lookahead can follow (`conformance/`): by tensor operations in
//! f64, and by the kernels in place in f32.

mod device;
mod parameters;

use burn::optim::Optimizer;
use burn::tensor::DType;
use lookahead_burn::{AdaFactor, Adam, AdamW, Error, InnerOptimizer, Lookahead, PrimalAveraged, RuleSet, Sgd};
use lookahead_laws::conformance::{Case, Method, Trajectories};
use lookahead_laws::golden::{Inner, Tensor, assert_close};

use parameters::Parameters;

/// In f64 both programs differ by rounding alone; f32 rounds each step.
const PRECISIONS: [(DType, f64); 2] = [(DType::F64, 1e-12), (DType::F32, 5e-5)];

#[test]
fn every_trajectory_is_followed() -> Result<(), Error> {
    let mut followed = 0;
    for (file, Trajectories { tensors, cases }) in Trajectories::read_all() {
        for case in cases.iter().filter(|case| case.is_ours()) {
            for (dtype, tolerance) in PRECISIONS {
                if device::under_test().supports_dtype(dtype) {
                    let at = format!("{file}, {}, {dtype:?}", case.name);
                    let run = Run { at, tensors: &tensors, case, dtype, tolerance };
                    match case.optimizer()? {
                        (Inner::Sgd(rule), method) => run.around(Sgd::from(rule), method)?,
                        (Inner::Adam(rule), method) => run.around(Adam::from(rule), method)?,
                        (Inner::AdamW(rule), method) => run.around(AdamW::from(rule), method)?,
                        (Inner::AdaFactor(rule), method) => run.around(AdaFactor::from(rule), method)?,
                    }
                }
            }
            followed += 1;
        }
    }
    assert_eq!(followed, 62);
    Ok(())
}

struct Run<'a> {
    at: String,
    tensors: &'a [Tensor],
    case: &'a Case,
    dtype: DType,
    tolerance: f64,
}

impl Run<'_> {
    fn around(&self, rule: impl Optimizer, method: Method) -> Result<(), Error> {
        match method {
            Method::Lookahead(config) => self.follow(Lookahead::with_config(rule, config)?),
            Method::Average(averaging) => self.follow(PrimalAveraged::new(RuleSet::new(rule), averaging)),
        }
        Ok(())
    }

    fn follow(&self, mut optimizer: impl InnerOptimizer) {
        let Self { at, tensors, case, dtype, tolerance } = self;
        let (mut module, mut names) = (Parameters::new(), Vec::new());
        for (t, step) in (1..).zip(&case.steps) {
            for tensor in case.joining(tensors, t) {
                module.push(&tensor.shape, &tensor.initial, *dtype);
                names.push(&tensor.name);
            }
            let grads = module.gradients(&case.gradients(tensors, &module.values(), t));
            module = optimizer.advance(&case.lr(t).into(), module, grads);
            let slow = optimizer.evaluation_weights(&module).expect("slow weights").apply(&module).values();
            for ((name, fast), slow) in names.iter().zip(module.values()).zip(slow) {
                let at = format!("{at}, step {t}, tensor {name}");
                assert_close(&format!("{at}: fast"), &fast, &step.fast[*name], *tolerance, *tolerance);
                assert_close(&format!("{at}: slow"), &slow, &step.slow[*name], *tolerance, *tolerance);
            }
        }
    }
}
