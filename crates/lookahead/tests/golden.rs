//! The core against the golden trajectories of `testdata/trajectories`, made with PyTorch: every inner rule, policy, k
//! and alpha, at every step (Algorithm 1, App. C.5).

use std::collections::BTreeMap;
use std::path::Path;

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{Alpha, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, SyncPeriod};
use serde::Deserialize;

/// Both programs compute in f64 and differ by rounding alone.
const RELATIVE: f64 = 1e-12;
const ABSOLUTE: f64 = 1e-14;

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
    Adafactor { lr: f64, beta2_decay: f64, epsilon1: f64, epsilon2: f64, clip: f64, weight_decay: f64 },
}

macro_rules! golden {
    ($($name:ident: $cases:literal cases),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                check_file(stringify!($name), $cases)
            }
        )+

        #[test]
        fn every_file_is_checked() {
            let mut found: Vec<String> = std::fs::read_dir(folder())
                .expect("the golden trajectories")
                .map(|entry| entry.expect("a file").file_name().into_string().expect("a name in UTF-8"))
                .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($name)),+]);
        }
    };
}

// The grid of 36 and the variants.
golden! {
    adafactor: 45 cases,
    adam: 42 cases,
    adam_l2: 42 cases,
    adamw: 42 cases,
    heavy_ball: 42 cases,
    heavy_ball_dampened: 42 cases,
    nesterov: 42 cases,
    sgd: 42 cases,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/trajectories"))
}

fn check_file(stem: &str, cases: usize) -> Result<(), Error> {
    let text = std::fs::read_to_string(folder().join(format!("{stem}.toml"))).expect("the golden file");
    let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{stem}.toml: {error}"));
    assert_eq!(file.cases.len(), cases, "{stem}.toml: the number of cases");
    for case in &file.cases {
        check_case(stem, &file.tensors, case)?;
    }
    Ok(())
}

fn check_case(stem: &str, tensors: &[Tensor], case: &Case) -> Result<(), Error> {
    match case.rule {
        Rule::Sgd { lr, momentum, dampening, nesterov, weight_decay } => {
            let heavy_ball = Sgd::new().with_momentum(momentum)?.with_dampening(dampening)?;
            let rule = if nesterov { heavy_ball.with_nesterov()? } else { heavy_ball };
            follow(stem, tensors, case, lr, rule.with_weight_decay(weight_decay)?)
        }
        Rule::Adam { lr, beta1, beta2, epsilon, weight_decay } => {
            let rule = Adam::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
            follow(stem, tensors, case, lr, rule.with_weight_decay(weight_decay)?)
        }
        Rule::AdamW { lr, beta1, beta2, epsilon, weight_decay } => {
            let rule = AdamW::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
            follow(stem, tensors, case, lr, rule.with_weight_decay(weight_decay)?)
        }
        Rule::Adafactor { lr, beta2_decay, epsilon1, epsilon2, clip, weight_decay } => {
            assert_eq!((epsilon1, epsilon2), (f64::EPSILON, 1e-3), "{stem}.toml, {}: AdaFactor's are fixed", case.name);
            let rule = AdaFactor::new().with_beta2_decay(beta2_decay)?.with_clipping(clip)?;
            follow(stem, tensors, case, lr, rule.with_weight_decay(weight_decay)?)
        }
    }
}

/// Runs Lookahead around `rule` for as many steps as the case has, and compares fast and slow weights after each.
fn follow(stem: &str, tensors: &[Tensor], case: &Case, lr: f64, rule: impl Optimizer<f64>) -> Result<(), Error> {
    let config = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(case.sync_period)?)
        .with_alpha(Alpha::new(case.alpha)?)
        .with_inner_state(case.policy);
    let optimizer = Lookahead::with_config(rule, config)?;

    let mut params = ParamSet::new();
    for tensor in tensors {
        params.push(&tensor.name, tensor.shape.as_slice(), tensor.initial.clone())?;
    }
    let mut state = optimizer.init(&params);
    let k = case.sync_period as usize;
    assert!(case.theta.len() >= 2 * k, "{stem}.toml, case {}: fewer than two syncs", case.name);

    for t in 1..=case.theta.len() {
        let gradients = gradients(tensors, &params, t, &case.without_gradient);
        let grads = Grads::new(&params, gradients)?;
        optimizer.step(lr, &mut params, &grads, &mut state);

        for (index, tensor) in tensors.iter().enumerate() {
            let at = format!("{stem}.toml, case {}, step {t}, tensor {}", case.name, tensor.name);
            // phi is theta at the last sync, theta_0 before the first
            let last_sync = t - t % k;
            let slow = if last_sync == 0 { &tensor.initial } else { &case.theta[last_sync - 1][&tensor.name] };
            assert_close(&at, "fast weights", params.slice(index), &case.theta[t - 1][&tensor.name]);
            assert_close(&at, "slow weights", &state.slow()[index], slow);
        }
    }
    Ok(())
}

/// `curvature (theta - target) + perturbation` for each tensor, or none in the steps listed.
fn gradients(
    tensors: &[Tensor],
    params: &ParamSet<'_, f64>,
    t: usize,
    without_gradient: &BTreeMap<String, Vec<usize>>,
) -> Vec<Option<Vec<f64>>> {
    let mut first = 0;
    let mut gradients = Vec::new();
    for (tensor, param) in tensors.iter().zip(params.iter()) {
        let theta = param.values();
        let of = |i: usize| tensor.curvature[i] * (theta[i] - tensor.target[i]) + perturbation(first + i, t);
        let missing = without_gradient.get(&tensor.name).is_some_and(|steps| steps.contains(&t));
        gradients.push((!missing).then(|| (0..theta.len()).map(of).collect()));
        first += theta.len();
    }
    gradients
}

/// Of element i, counted from 0 through all tensors, in step t, counted from 1.
fn perturbation(i: usize, t: usize) -> f64 {
    ((i * 7919 + t * 104_729) % 1000) as f64 / 1000.0 - 0.5
}

fn assert_close(at: &str, what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{at}: the number of {what}");
    for (element, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= ABSOLUTE + RELATIVE * expected.abs();
        assert!(close, "{at}: {what}[{element}] is {found:e}, but PyTorch has {expected:e}");
    }
}
