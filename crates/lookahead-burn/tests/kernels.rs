//! The kernels of GPUs: they compute what the core does, touch nothing else, and are one launch for a parameter.
#![cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]

mod device;
mod parameters;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::Duration;

use burn::cubecl::config::profiling::ProfilingLogLevel;
use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn::optim::Optimizer;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use log::{LevelFilter, Log, Metadata, Record};
use lookahead::kernels::momentum::{self, outer_step};
use lookahead::kernels::{Pass, adam, sgd};
use lookahead::{Alpha, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, SyncPeriod};
use lookahead_burn::{AdamW, InnerOptimizer, Lookahead, LookaheadRule, RuleSet, Sgd};
use lookahead_cube::{OuterUpdate, Rule, Synced, opens, step};

use parameters::Parameters;

/// Of numbers around 1: a driver may contract a multiplication and an addition.
const TOLERANCE: f32 = 1e-6;
const SHAPE: [usize; 2] = [5, 7];
/// Tests of one process take turns: the launches that are counted are the process's.
static TURN: Mutex<()> = Mutex::new(());

/// The device under test, if it has kernels.
fn device() -> Option<Device> {
    count_launches();
    let device = device::under_test();
    let has_kernels = device != Device::flex();
    if !has_kernels {
        println!("not tested: the processor has kernels of its own");
    }
    has_kernels.then_some(device)
}

fn numbers(seed: u32) -> Vec<f32> {
    (0..35).map(|i| ((i * 37 + seed * 101) % 97) as f32 / 97.0 - 0.5).collect()
}

fn tensor(values: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), SHAPE), device)
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data().iter().collect()
}

fn assert_close(what: &str, found: &Tensor<2>, expected: &[f32]) {
    for (found, expected) in values(found).iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{what}: {found} is not {expected}");
    }
}

const SGD: sgd::Coefficients<f32> =
    sgd::Coefficients { lr: 0.3, weight_decay: 0.1, momentum: 0.9, gradient_weight: 0.75 };
const ADAM: adam::Coefficients<f32> = adam::Coefficients {
    first_rest: 0.1,
    beta2: 0.99,
    second_rest: 0.01,
    step_size: 0.2,
    inverse_root: 3.0,
    epsilon: 1e-6,
    coupled_decay: 0.05,
    keep: 0.98,
};

/// The core's step of every element.
fn expected_rule(rule: Rule, theta: &mut [f32], grad: &[f32], moments: &mut [Vec<f32>]) {
    for i in 0..theta.len() {
        let (t, g) = (theta[i], grad[i]);
        theta[i] = match rule {
            Rule::Plain(c) => sgd::plain(t, g, [], c).0,
            Rule::HeavyBall(c) | Rule::Nesterov(c) => {
                let kernel = if matches!(rule, Rule::Nesterov(_)) { sgd::nesterov } else { sgd::heavy_ball };
                let (t, [v]) = kernel(t, g, [moments[0][i]], c);
                moments[0][i] = v;
                t
            }
            Rule::Adam(c) => {
                let (t, [m, v]) = adam::step(t, g, [moments[0][i], moments[1][i]], c);
                (moments[0][i], moments[1][i]) = (m, v);
                t
            }
        };
    }
}

fn rules() -> [(Rule, usize); 4] {
    [(Rule::Plain(SGD), 0), (Rule::HeavyBall(SGD), 1), (Rule::Nesterov(SGD), 1), (Rule::Adam(ADAM), 2)]
}

fn syncs() -> Vec<Option<OuterUpdate>> {
    let momentum = |rate, momentum, kept, nesterov| {
        Some(OuterUpdate::Momentum(momentum::Coefficients { rate, momentum, kept, nesterov }))
    };
    vec![
        None,
        Some(OuterUpdate::PullBack(0.5)),
        Some(OuterUpdate::PullBack(1.0)),
        momentum(0.7, 0.9, 0.9, true),
        momentum(0.7, 0.9, 0.45, false),
        momentum(0.7, 0.9, 0.0, true),
        momentum(0.7, 0.0, 0.0, true),
        momentum(1.0, 0.0, 0.0, false),
    ]
}

fn counter(device: &Device) -> Tensor<1, Int> {
    Tensor::zeros([1], (device, DType::I32))
}

#[test]
fn every_rule_and_sync_is_the_cores() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    for (rule, count) in rules() {
        for sync in syncs() {
            let what = format!("{rule:?}, {sync:?}");
            let (mut theta, grad, mut phi, mut b) = (numbers(1), numbers(2), numbers(3), numbers(4));
            // second moments are not negative
            let mut moments: Vec<Vec<f32>> =
                (0..count).map(|at| numbers(5 + at as u32).iter().map(|m| m.abs()).collect()).collect();
            let on_device: Vec<_> = moments.iter().map(|moment| tensor(moment, &device)).collect();
            let synced = sync.map(|sync| Synced {
                sync,
                slow: tensor(&phi, &device),
                buffer: matches!(sync, OuterUpdate::Momentum(_)).then(|| tensor(&b, &device)),
                refused: counter(&device),
            });
            let (found, found_moments, found_slow) =
                step(rule, tensor(&theta, &device), tensor(&grad, &device), on_device, synced);

            expected_rule(rule, &mut theta, &grad, &mut moments);
            match sync {
                None => assert!(found_slow.is_none()),
                Some(OuterUpdate::PullBack(alpha)) => {
                    let alpha = Alpha::new(alpha.into()).expect("an alpha");
                    Pass::new().pull_back(&mut phi, &mut theta, alpha);
                }
                Some(OuterUpdate::Momentum(numbers)) => _ = outer_step(&mut phi, &mut b, &mut theta, numbers),
            }
            assert_close(&what, &found, &theta);
            for (found, expected) in found_moments.iter().zip(&moments) {
                assert_close(&what, found, expected);
            }
            if let Some(Synced { slow, buffer, refused, .. }) = found_slow {
                assert_close(&what, &slow, &phi);
                assert_eq!(values(&slow), values(&found), "{what}");
                buffer.iter().for_each(|buffer| assert_close(&what, buffer, &b));
                assert_eq!(refused.into_scalar::<i32>(), 0, "{what}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_keeps_its_slow_weight_and_is_counted() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    for sync in syncs().into_iter().flatten() {
        let mut grad = numbers(2);
        (grad[3], grad[8], grad[20]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
        let (phi, b) = (numbers(3), numbers(4));
        let buffer = matches!(sync, OuterUpdate::Momentum(_)).then(|| tensor(&b, &device));
        let synced = Synced { sync, slow: tensor(&phi, &device), buffer, refused: counter(&device) };
        let theta = tensor(&numbers(1), &device);
        let (theta, _, synced) = step(Rule::Plain(SGD), theta, tensor(&grad, &device), vec![], Some(synced));
        let Synced { slow, buffer, refused, .. } = synced.expect("a sync");
        assert_eq!(refused.into_scalar::<i32>(), 3, "{sync:?}");
        for at in [3, 8, 20] {
            assert_eq!([values(&theta)[at], values(&slow)[at]], [phi[at]; 2], "{sync:?}");
            buffer.iter().for_each(|buffer| assert_eq!(values(buffer)[at], 0.0, "{sync:?}"));
        }
        assert!(values(&slow).iter().all(|phi| phi.is_finite()), "{sync:?}");
    }
}

#[test]
fn what_others_hold_stays_as_it_is() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let held = [1, 3, 4, 5, 6].map(|seed| tensor(&numbers(seed), &device));
    let [theta, slow, buffer, first, second] = held.clone();
    let numbers_of_sync = momentum::Coefficients { rate: 0.7, momentum: 0.9, kept: 0.9, nesterov: true };
    let synced =
        Synced { sync: OuterUpdate::Momentum(numbers_of_sync), slow, buffer: Some(buffer), refused: counter(&device) };
    let grad = tensor(&numbers(2), &device);
    let moved = step(Rule::Adam(ADAM), theta, grad, vec![first, second.abs()], Some(synced)).0;
    assert!(values(&moved).iter().zip(numbers(1)).all(|(moved, from)| *moved != from));
    for (held, seed) in held.iter().zip([1, 3, 4, 5, 6]) {
        assert_eq!(values(held), numbers(seed), "tensor {seed}");
    }
}

#[test]
fn tensors_in_another_order_of_memory_and_without_elements_are_taken() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let grad = tensor(&numbers(2), &device);
    let turned = Tensor::<2>::from_data(grad.clone().transpose().into_data(), &device).transpose();
    let step_by = |grad| step(Rule::Plain(SGD), tensor(&numbers(1), &device), grad, vec![], None).0;
    assert_eq!(values(&step_by(turned.clone())), values(&step_by(grad.clone())));
    // all of them the other way round, beside moments and slow weights that are not
    let turn =
        |values: &[f32]| Tensor::<2>::from_data(tensor(values, &device).transpose().into_data(), &device).transpose();
    let synced = |slow| Synced { sync: OuterUpdate::PullBack(0.5), slow, buffer: None, refused: counter(&device) };
    let step_from = |theta, grad| {
        let moments = vec![Tensor::zeros(SHAPE, &device), Tensor::zeros(SHAPE, &device)];
        step(Rule::Adam(ADAM), theta, grad, moments, Some(synced(tensor(&numbers(3), &device)))).0
    };
    assert_eq!(values(&step_from(turn(&numbers(1)), turned)), values(&step_from(tensor(&numbers(1), &device), grad)));

    let none = || Tensor::<2>::zeros([0, 7], &device);
    assert_eq!(step(Rule::Adam(ADAM), none(), none(), vec![none(), none()], None).0.dims(), [0, 7]);
}

#[test]
fn only_f32_without_autodiff_opens() {
    let Some(device) = device() else { return };
    assert!(opens(&Tensor::<1>::zeros([3], &device)));
    assert!(!opens(&Tensor::<1>::zeros([3], &device.clone().autodiff())));
    assert!(!opens(&Tensor::<1>::zeros([3], &Device::flex())));
    if device.supports_dtype(DType::F64) {
        assert!(!opens(&Tensor::<1>::zeros([3], (&device, DType::F64))));
    }
}

struct Launches(AtomicUsize);
static LAUNCHES: Launches = Launches(AtomicUsize::new(0));

impl Log for Launches {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.args().to_string().starts_with("Executing") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

/// Has CubeCL say each launch in the log: before a device is first used.
fn count_launches() {
    static CONFIGURED: Once = Once::new();
    CONFIGURED.call_once(|| {
        log::set_logger(&LAUNCHES).expect("the only logger");
        log::set_max_level(LevelFilter::Info);
        let mut config = CubeClRuntimeConfig::default();
        config.profiling.logger.level = ProfilingLogLevel::Minimal;
        config.profiling.logger.log = Some(Default::default());
        CubeClRuntimeConfig::set(config);
    });
}

/// The launches that were logged, once there are no more to come: a thread of CubeCL's writes the log.
fn launches(device: &Device) -> usize {
    device.sync().expect("a device that works");
    let mut counted = LAUNCHES.0.load(Ordering::Relaxed);
    loop {
        thread::sleep(Duration::from_millis(200));
        let now = LAUNCHES.0.load(Ordering::Relaxed);
        if now == counted {
            return now;
        }
        counted = now;
    }
}

const SIDES: [usize; 3] = [4, 5, 6];

fn squares() -> Parameters {
    let mut module = Parameters::new();
    SIDES.iter().for_each(|side| module.push(&[*side, *side], &vec![0.5; side * side], DType::F32));
    module
}

/// So many launches of ours, and so many of Burn's operations, of which its fusion makes fewer.
fn assert_launches(found: usize, ours: usize, others: usize) {
    let all = ours + others;
    let fits = if cfg!(feature = "fusion") { (ours..=all).contains(&found) } else { found == all };
    assert!(fits, "{found} launches, but {ours} of ours and {others} of others were expected");
}

/// The launches of some steps, after as many that set up the state.
fn launches_of(mut optimizer: impl InnerOptimizer, steps: usize, device: &Device) -> usize {
    let mut module = squares();
    let gradients = SIDES.map(|side| Some(vec![0.25; side * side]));
    let mut counted = 0;
    for _ in 0..2 {
        counted = 0;
        for _ in 0..steps {
            let grads = module.gradients(&gradients);
            let before = launches(device);
            module = optimizer.advance(&0.01.into(), module, grads);
            counted += launches(device) - before;
        }
    }
    counted
}

#[test]
fn a_step_is_one_launch_for_a_parameter_and_a_sync_no_more() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let momentum = || Sgd::from(lookahead::rules::Sgd::new().with_momentum(0.9).expect("a momentum"));
    assert_launches(launches_of(RuleSet::new(momentum()), 2, &device), 2 * 3, 0);
    assert_launches(launches_of(RuleSet::new(AdamW::new()), 2, &device), 2 * 3, 0);

    // A sync sets a counter to zero, and makes it a float.
    let of_two_syncs = 2 * 2;
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2).expect("a period"));
    let lookahead = Lookahead::with_config(AdamW::new(), config.clone()).expect("an optimizer");
    assert_launches(launches_of(lookahead, 4, &device), 4 * 3, of_two_syncs);
    let outer = OuterStep::nesterov(OuterRate::new(0.7).expect("eta"), OuterMomentum::new(0.9).expect("mu"));
    let with_momentum = config.clone().with_outer_step(outer);
    let lookahead = Lookahead::with_config(AdamW::new(), with_momentum.clone()).expect("an optimizer");
    assert_launches(launches_of(lookahead, 4, &device), 4 * 3, of_two_syncs);

    // Parameter by parameter each has a counter, and a sum of what it counted.
    for config in [config, with_momentum] {
        let rule = LookaheadRule::with_config(AdamW::new(), config).expect("a rule");
        assert_launches(launches_of(RuleSet::new(rule), 4, &device), 4 * 3, 2 * 3 * 3);
    }
}

/// The weights after some steps.
fn weights_after(mut optimizer: impl InnerOptimizer, steps: usize) -> Vec<Vec<f64>> {
    let mut module = squares();
    for step in 1..=steps {
        let grads = SIDES.map(|side| Some((0..side * side).map(|at| (at * step) as f64 / 50.0 - 0.3).collect()));
        let grads = module.gradients(&grads);
        module = optimizer.advance(&0.01.into(), module, grads);
    }
    module.values()
}

#[test]
fn parameter_by_parameter_the_steps_are_the_same() {
    let _turn = TURN.lock();
    let Some(_) = device() else { return };
    let outer = OuterStep::heavy_ball(OuterRate::new(0.7).expect("eta"), OuterMomentum::new(0.9).expect("mu"));
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2).expect("a period"));
    for config in [config.clone(), config.with_outer_step(outer)] {
        let rule = LookaheadRule::with_config(AdamW::new(), config.clone()).expect("a rule");
        let lookahead = Lookahead::with_config(AdamW::new(), config).expect("an optimizer");
        assert_eq!(weights_after(RuleSet::new(rule), 5), weights_after(lookahead, 5));
    }
}

#[test]
fn burns_own_loop_over_parameters_steps_with_the_kernels() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let gradient = || tensor(&numbers(2), &device);
    let (theta, first, second) = (tensor(&numbers(1), &device), gradient(), gradient());
    let before = launches(&device);
    let (theta, state) = AdamW::new().step(0.1, theta, first, None);
    let (theta, _) = AdamW::new().step(0.1, theta, second, state);
    // The first step makes two moments.
    assert_launches(launches(&device) - before, 2, 2);

    let (mut values, grad, mut moments) = (numbers(1), numbers(2), vec![vec![0.0; 35]; 2]);
    let rule = lookahead::rules::AdamW::new();
    let mut correction = lookahead::rules::BiasCorrection::default();
    for _ in 0..2 {
        rule.hyperparameters().advance(&mut correction);
        expected_rule(
            Rule::Adam(rule.hyperparameters().coefficients(0.1, correction)),
            &mut values,
            &grad,
            &mut moments,
        );
    }
    assert_close("AdamW", &theta, &values);
}
