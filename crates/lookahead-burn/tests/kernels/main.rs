//! The kernels of GPUs: they compute what the core does, touch nothing else, and are one launch for a parameter.
#![cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]

#[path = "../device/mod.rs"]
mod device;
mod dropout;
mod launches;
#[path = "../parameters/mod.rs"]
mod parameters;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData, bf16, f16};
use lookahead::Alpha;
use lookahead::kernels::momentum::{self, outer_step};
use lookahead::kernels::{Pass, adam, sgd};
use lookahead_cube::{OuterUpdate, Rule, Synced, opens, step};

use launches::count_launches;

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
    let is_named = std::env::var_os("LOOKAHEAD_TEST_DEVICE").is_some();
    assert!(has_kernels || is_named, "LOOKAHEAD_TEST_DEVICE names no device: the processor has kernels of its own");
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

fn assert_close(what: &str, found: &Tensor<2>, expected: &[f32], tolerance: f32) {
    for (found, expected) in values(found).iter().zip(expected) {
        let tolerance = tolerance * expected.abs().max(1.0);
        assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
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

/// The precisions of theta and its gradient that the device computes in, with the tolerance of numbers around 1: in half
/// precision a rounding that went the other way.
fn precisions(device: &Device) -> impl Iterator<Item = (DType, DType, f32)> {
    let (f16_unit, bf16_unit) = (2.0_f32.powi(-10), 2.0_f32.powi(-7));
    let all = [
        (DType::F32, DType::F32, TOLERANCE),
        (DType::F16, DType::F16, f16_unit),
        (DType::F16, DType::F32, f16_unit),
        (DType::BF16, DType::BF16, bf16_unit),
        (DType::BF16, DType::F32, bf16_unit),
    ];
    all.into_iter().filter(|(dtype, ..)| device.supports_dtype(*dtype))
}

fn rounded(dtype: DType, value: f32) -> f32 {
    match dtype {
        DType::F16 => f16::from_f32(value).to_f32(),
        DType::BF16 => bf16::from_f32(value).to_f32(),
        _ => value,
    }
}

#[test]
fn every_rule_and_sync_is_the_cores() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    for (of_theta, of_grad, tolerance) in precisions(&device) {
        for (rule, sync) in rules().into_iter().flat_map(|rule| syncs().into_iter().map(move |sync| (rule, sync))) {
            let (rule, count) = rule;
            let what = format!("{rule:?}, {sync:?}, {of_theta:?} and {of_grad:?}");
            let [mut theta, grad] = [(1, of_theta), (2, of_grad)]
                .map(|(seed, dtype)| numbers(seed).into_iter().map(|value| rounded(dtype, value)).collect::<Vec<_>>());
            let (mut phi, mut b) = (numbers(3), numbers(4));
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
            let [weights, gradient] = [(&theta, of_theta), (&grad, of_grad)]
                .map(|(values, dtype)| tensor(values, &device).cast(FloatDType::from(dtype)));
            let (found, found_moments, found_slow) = step(rule, weights, gradient, on_device, synced);

            expected_rule(rule, &mut theta, &grad, &mut moments);
            theta.iter_mut().for_each(|theta| *theta = rounded(of_theta, *theta));
            match sync {
                None => assert!(found_slow.is_none()),
                Some(OuterUpdate::PullBack(alpha)) => {
                    let alpha = Alpha::new(alpha.into()).expect("an alpha");
                    Pass::new().pull_back(&mut phi, &mut theta, alpha);
                }
                Some(OuterUpdate::Momentum(numbers)) => _ = outer_step(&mut phi, &mut b, &mut theta, numbers),
            }
            assert_eq!(found.dtype(), of_theta, "{what}");
            assert_close(&what, &found, &theta, tolerance);
            for (found, expected) in found_moments.iter().zip(&moments) {
                assert_close(&what, found, expected, TOLERANCE);
            }
            if let Some(Synced { slow, buffer, refused, .. }) = found_slow {
                assert_close(&what, &slow, &phi, tolerance);
                let nearest: Vec<f32> = values(&slow).iter().map(|phi| rounded(of_theta, *phi)).collect();
                assert_eq!(nearest, values(&found), "{what}");
                buffer.iter().for_each(|buffer| assert_close(&what, buffer, &b, tolerance));
                assert_eq!(refused.into_scalar::<i32>(), 0, "{what}");
            }
        }
    }
}

/// Theta is nearest to phi, and no gradient moves it: phi and an empty buffer stay.
#[test]
fn rounding_alone_moves_no_slow_weight() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    for (dtype, of_grad, _) in precisions(&device) {
        for sync in syncs().into_iter().flatten() {
            let buffer = matches!(sync, OuterUpdate::Momentum(_)).then(|| tensor(&[0.0; 35], &device));
            let slow = tensor(&numbers(3), &device);
            let theta = slow.clone().cast(FloatDType::from(dtype));
            let grad = Tensor::zeros(SHAPE, (&device, of_grad));
            let plain = sgd::Coefficients { weight_decay: 0.0, ..SGD };
            let synced = Synced { sync, slow, buffer, refused: counter(&device) };
            let (_, _, synced) = step(Rule::Plain(plain), theta, grad, vec![], Some(synced));
            let Synced { slow, buffer, .. } = synced.expect("a sync");
            assert_eq!(values(&slow), numbers(3), "{dtype:?}, {sync:?}");
            buffer.iter().for_each(|buffer| assert_eq!(values(buffer), [0.0; 35], "{dtype:?}, {sync:?}"));
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

/// One dimension holds 65,535 workgroups, of at most 256 elements each.
#[test]
fn tensors_of_more_workgroups_than_one_dimension_holds_are_stepped_to_their_end() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let count = 65_535 * 256 + 3;
    let pattern = |period: usize| (0..count).map(|i| (i % period) as f32).collect::<Vec<f32>>();
    let on_device = |values: Vec<f32>| Tensor::<1>::from_data(TensorData::new(values, [count]), &device);
    let rule = sgd::Coefficients { lr: 0.5, weight_decay: 0.0, momentum: 0.0, gradient_weight: 1.0 };
    let (moved, ..) = step(Rule::Plain(rule), on_device(pattern(251)), on_device(pattern(128)), vec![], None);
    let moved = moved.into_data();
    let wrong = moved.iter::<f32>().enumerate().find(|(i, moved)| *moved != (i % 251) as f32 - 0.5 * (i % 128) as f32);
    assert_eq!((moved.num_elements(), wrong), (count, None));
}

#[test]
fn what_a_step_does_not_take_panics_before_it_writes() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let here = |seed| tensor(&numbers(seed), &device);
    let momentum =
        OuterUpdate::Momentum(momentum::Coefficients { rate: 0.7, momentum: 0.9, kept: 0.9, nesterov: true });
    let synced = |sync, buffer| Some(Synced { sync, slow: here(3), buffer, refused: counter(&device) });
    let kept = here(1);
    let cases = [
        (Rule::Adam(ADAM), kept.clone(), vec![here(4)], None),
        (Rule::Plain(SGD), kept.clone(), vec![here(4)], None),
        (Rule::Plain(SGD), tensor(&numbers(1), &Device::flex()), vec![], None),
        (Rule::HeavyBall(SGD), kept.clone(), vec![tensor(&numbers(4), &Device::flex())], None),
        (Rule::Plain(SGD), kept.clone(), vec![], synced(momentum, None)),
        (Rule::Plain(SGD), kept.clone(), vec![], synced(OuterUpdate::PullBack(0.5), Some(here(4)))),
    ];
    for (place, (rule, theta, moments, synced)) in cases.into_iter().enumerate() {
        let stepped = catch_unwind(AssertUnwindSafe(|| step(rule, theta, here(2), moments, synced)));
        assert!(stepped.is_err(), "case {place}");
    }
    assert_eq!(values(&kept), numbers(1));
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
