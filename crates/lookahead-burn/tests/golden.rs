//! The module form against the golden trajectories of `testdata/trajectories`, made with PyTorch in f64 (Algorithm 1,
//! App. C.5): by tensor operations in f64, and by the kernels in place in f32.

mod parameters;

use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::Optimizer;
use burn::tensor::DType;
use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use lookahead_burn::{Adam, AdamW, Error, Lookahead, Sgd};
use serde::Deserialize;

use parameters::Parameters;

/// The absolute and relative tolerance. In f64 the two programs differ by rounding alone. In f32 every step rounds a few
/// times, by 6e-8 of weights and gradients around 1, and the up to 25 steps of a case add up.
const PRECISIONS: [(DType, f64, f64); 2] = [(DType::F64, 1e-14, 1e-12), (DType::F32, 1e-6, 1e-6)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "tensor")]
    tensors: Vec<Tensor>,
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    initial: Vec<f64>,
    target: Vec<f64>,
    curvature: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    policy: InnerStatePolicy,
    sync_period: u32,
    alpha: f64,
    rule: Rule,
    #[serde(default)]
    without_gradient: BTreeMap<String, Vec<usize>>,
    theta: Vec<BTreeMap<String, Vec<f64>>>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Rule {
    Sgd { lr: f64, momentum: f64, dampening: f64, nesterov: bool, weight_decay: f64 },
    Adam { lr: f64, beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64 },
    AdamW { lr: f64, beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64 },
}

macro_rules! golden {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                check_file(stringify!($name))
            }
        )+
    };
}

golden!(adam, adam_l2, adamw, heavy_ball, heavy_ball_dampened, nesterov, sgd);

fn check_file(stem: &str) -> Result<(), Error> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/trajectories"));
    let text = std::fs::read_to_string(folder.join(format!("{stem}.toml"))).expect("the golden file");
    let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{stem}.toml: {error}"));
    assert!(file.cases.len() >= 36, "{stem}.toml: 3 policies, 3 periods, 4 alphas");
    for case in &file.cases {
        for (dtype, absolute, relative) in PRECISIONS {
            let what = format!("{stem}.toml, case {}, {dtype:?}", case.name);
            Run { what, tensors: &file.tensors, case, dtype, absolute, relative }.check()?;
        }
    }
    Ok(())
}

struct Run<'a> {
    what: String,
    tensors: &'a [Tensor],
    case: &'a Case,
    dtype: DType,
    absolute: f64,
    relative: f64,
}

impl Run<'_> {
    fn check(&self) -> Result<(), Error> {
        match self.case.rule {
            Rule::Sgd { lr, momentum, dampening, nesterov, weight_decay } => {
                let heavy_ball = rules::Sgd::new().with_momentum(momentum)?.with_dampening(dampening)?;
                let rule = if nesterov { heavy_ball.with_nesterov()? } else { heavy_ball };
                self.follow(Sgd::from(rule.with_weight_decay(weight_decay)?), lr)
            }
            Rule::Adam { lr, beta1, beta2, epsilon, weight_decay } => {
                let rule = rules::Adam::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
                self.follow(Adam::from(rule.with_weight_decay(weight_decay)?), lr)
            }
            Rule::AdamW { lr, beta1, beta2, epsilon, weight_decay } => {
                let rule = rules::AdamW::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
                self.follow(AdamW::from(rule.with_weight_decay(weight_decay)?), lr)
            }
        }
    }

    /// Compares fast and slow weights after each step.
    fn follow(&self, rule: impl Optimizer, lr: f64) -> Result<(), Error> {
        let Self { what, tensors, case, dtype, .. } = self;
        let config = LookaheadConfig::new()
            .with_sync_period(SyncPeriod::new(case.sync_period)?)
            .with_alpha(Alpha::new(case.alpha)?)
            .with_inner_state(case.policy);
        let mut optimizer = Lookahead::with_config(rule, config)?;
        let mut module = Parameters::new();
        tensors.iter().for_each(|tensor| module.push(&tensor.shape, &tensor.initial, *dtype));
        let initial: BTreeMap<_, _> =
            tensors.iter().map(|tensor| (tensor.name.clone(), tensor.initial.clone())).collect();

        let k = case.sync_period as usize;
        assert!(case.theta.len() >= 2 * k, "{what}: fewer than two syncs");
        for t in 1..=case.theta.len() {
            let gradients = self.gradients(&module.values(), t);
            let grads = module.gradients(&gradients);
            module = optimizer.step(lr, module, grads);

            // phi is theta at the last sync, theta_0 before the first
            let last_sync = t - t % k;
            let slow = if last_sync == 0 { &initial } else { &case.theta[last_sync - 1] };
            let at = format!("{what}, step {t}");
            self.assert_close(&format!("{at}: fast"), &module.values(), &case.theta[t - 1]);
            self.assert_close(&format!("{at}: slow"), &optimizer.slow_model(&module).values(), slow);
        }
        Ok(())
    }

    /// `curvature (theta - target) + perturbation` for each tensor, or none in the steps listed.
    fn gradients(&self, weights: &[Vec<f64>], t: usize) -> Vec<Option<Vec<f64>>> {
        let mut first = 0;
        let mut gradients = Vec::new();
        for (tensor, theta) in self.tensors.iter().zip(weights) {
            let of = |i: usize| tensor.curvature[i] * (theta[i] - tensor.target[i]) + perturbation(first + i, t);
            let missing = self.case.without_gradient.get(&tensor.name).is_some_and(|steps| steps.contains(&t));
            gradients.push((!missing).then(|| (0..theta.len()).map(of).collect()));
            first += theta.len();
        }
        gradients
    }

    fn assert_close(&self, at: &str, found: &[Vec<f64>], expected: &BTreeMap<String, Vec<f64>>) {
        for (tensor, found) in self.tensors.iter().zip(found) {
            let expected = &expected[&tensor.name];
            assert_eq!(found.len(), expected.len(), "{at}: the number of weights of {}", tensor.name);
            for (found, expected) in found.iter().zip(expected) {
                let close = (found - expected).abs() <= self.absolute + self.relative * expected.abs();
                assert!(close, "{at}: {} has {found:e}, but PyTorch {expected:e}", tensor.name);
            }
        }
    }
}

/// Of element i, counted from 0 through all tensors, in step t, counted from 1.
fn perturbation(i: usize, t: usize) -> f64 {
    ((i * 7919 + t * 104_729) % 1000) as f64 / 1000.0 - 0.5
}
