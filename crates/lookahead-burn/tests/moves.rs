//! Values on their way between the device and the host: slow weights kept on the host, records held while training goes
//! on, records that are loaded on another device, precisions that a device lacks.

mod device;
mod parameters;

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::module::Module;
use burn::tensor::{DType, Device};
use lookahead::{Adaptive, Alpha, Averaging, CurvaturePower, InnerStatePolicy, LookaheadConfig, SyncPeriod};
use lookahead_burn::{AdaFactor, AdamW, Averaged, Error, InnerOptimizer, Lookahead, RuleSet, Sgd, clip_by_global_norm};

use parameters::Parameters;

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
const SHAPES: [&[usize]; 3] = [&[37], &[5, 3], &[2, 3, 4]];
/// Of values around 1, after a dozen steps of one device's arithmetic and another's.
const TOLERANCE: f64 = 1e-5;

/// Numbers in (-0.5, 0.5), other ones for another seed.
fn numbers(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|i| f64::from((((i * 7919 + seed * 104_729) % 1000) as f32) / 1000.0 - 0.5)).collect()
}

fn module(device: &Device, dtype: DType) -> Parameters {
    let mut module = Parameters::new();
    module.device = device.clone();
    for (seed, shape) in SHAPES.iter().enumerate() {
        module.push(shape, &numbers(shape.iter().product(), seed), dtype);
    }
    module
}

fn step(optimizer: &mut impl InnerOptimizer, module: Parameters, step: usize) -> Parameters {
    let gradient = |(i, shape): (usize, &&[usize])| Some(numbers(shape.iter().product(), 10 * step + i));
    let grads = module.gradients(&SHAPES.iter().enumerate().map(gradient).collect::<Vec<_>>());
    optimizer.advance(&0.05.into(), module, grads)
}

/// The same parameters on another device.
fn moved(module: Parameters, device: &Device) -> Parameters {
    let mut moved = module.fork(&device.clone().autodiff());
    moved.device = device.clone();
    moved
}

/// The weights and those to evaluate.
fn values(optimizer: &impl InnerOptimizer, module: &Parameters) -> [Vec<Vec<f64>>; 2] {
    let evaluated = optimizer.evaluation_weights(module).map(|weights| weights.apply(module).values());
    [module.values(), evaluated.unwrap_or_default()]
}

fn assert_close(what: &str, one: &[Vec<Vec<f64>>; 2], other: &[Vec<Vec<f64>>; 2]) {
    let pairs = one.iter().flatten().flatten().zip(other.iter().flatten().flatten());
    let farthest = pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
    assert!(farthest < TOLERANCE, "{what}: {farthest:e} apart");
}

fn config(policy: InnerStatePolicy) -> LookaheadConfig {
    LookaheadConfig::new().with_sync_period(SyncPeriod::new(3).expect("a period")).with_inner_state(policy)
}

fn adaptive(curvature: CurvaturePower) -> LookaheadConfig {
    let low = Alpha::new(0.1).expect("an alpha");
    config(InnerStatePolicy::Maintain).with_adaptive_alpha(Adaptive::new().with_low(low).with_curvature(curvature))
}

fn nesterov() -> Sgd {
    let rule = lookahead::rules::Sgd::new().with_momentum(0.9).and_then(lookahead::rules::Sgd::with_nesterov);
    rule.expect("hyperparameters").into()
}

/// A run on the device under test against the same on the CPU, after every step.
fn assert_as_on_the_cpu<I: InnerOptimizer>(what: &str, make: impl Fn() -> I) {
    let (mut here, mut there) = (make(), make());
    let mut near = module(&device::under_test(), DType::F32);
    let mut far = module(&Device::flex(), DType::F32);
    for at in 0..13 {
        near = step(&mut here, near, at);
        far = step(&mut there, far, at);
        assert_close(&format!("{what}, step {at}"), &values(&here, &near), &values(&there, &far));
    }
}

#[test]
fn every_member_moves_as_on_the_cpu() -> Result<(), Error> {
    for policy in POLICIES {
        let nested =
            || Lookahead::around(Lookahead::new(AdamW::new()), config(policy).with_sync_period(SyncPeriod::new(10)?));
        assert_as_on_the_cpu(&format!("Sgd, {policy:?}"), || {
            Lookahead::with_config(nesterov(), config(policy)).unwrap()
        });
        assert_as_on_the_cpu(&format!("AdamW, {policy:?}"), || {
            Lookahead::with_config(AdamW::new(), config(policy)).unwrap()
        });
        assert_as_on_the_cpu(&format!("AdaFactor, {policy:?}"), || {
            Lookahead::with_config(AdaFactor::new(), config(policy)).unwrap()
        });
        assert_as_on_the_cpu(&format!("nested, {policy:?}"), || nested().unwrap());
    }
    assert_as_on_the_cpu("an average", || Averaged::new(RuleSet::new(nesterov()), Averaging::Running { start: 2 }));
    Ok(())
}

#[test]
fn slow_weights_on_the_host_are_those_beside_the_parameters() {
    for policy in POLICIES {
        let make = || Lookahead::with_config(AdamW::new(), config(policy)).unwrap();
        let (mut beside, mut on_host) = (make(), make().with_slow_weights_on_host());
        let start = || module(&device::under_test(), DType::F32);
        let (mut one, mut other) = (start(), start());
        for at in 0..13 {
            one = step(&mut beside, one, at);
            other = step(&mut on_host, other, at);
            let what = format!("{policy:?}, step {at}");
            assert_close(&what, &values(&beside, &one), &values(&on_host, &other));
        }
    }
}

#[test]
fn an_adaptive_alpha_takes_slow_weights_on_the_host() {
    for curvature in [CurvaturePower::SecondMoment, CurvaturePower::Root] {
        assert_as_on_the_cpu(&format!("AdamW, {curvature:?}"), || {
            Lookahead::with_config(AdamW::new(), adaptive(curvature)).unwrap().with_slow_weights_on_host()
        });
        assert_as_on_the_cpu(&format!("Sgd, {curvature:?}"), || {
            Lookahead::with_config(nesterov(), adaptive(curvature)).unwrap().with_slow_weights_on_host()
        });
    }
}

#[test]
fn a_record_held_while_training_goes_on_stays_what_it_was() -> Result<(), Error> {
    fn check<I: InnerOptimizer>(what: &str, mut optimizer: I) -> Result<(), Error> {
        let mut module = module(&device::under_test(), DType::F32);
        let mut held = Vec::new();
        for at in 0..7 {
            module = step(&mut optimizer, module, at);
            held.push((optimizer.to_record(&module)?, optimizer.to_record(&module)?.to_bytes()?));
        }
        for (at, (record, bytes)) in held.iter().enumerate() {
            assert!(&record.to_bytes()? == bytes, "{what}: the record of step {at} has changed since");
        }
        Ok(())
    }
    check("AdamW", Lookahead::with_config(AdamW::new(), config(InnerStatePolicy::Interpolate))?)?;
    check("AdaFactor", Lookahead::with_config(AdaFactor::new(), config(InnerStatePolicy::Maintain))?)?;
    let adam = burn::optim::AdamConfig::new();
    check("Burn's Adam", Lookahead::with_config(adam.build(), config(InnerStatePolicy::Maintain))?)?;
    check("a ModuleOptimizer", Lookahead::from_module_optimizer(adam.init(), config(InnerStatePolicy::Maintain))?)?;
    check("an adaptive alpha", Lookahead::with_config(nesterov(), adaptive(CurvaturePower::Root))?)
}

#[test]
fn a_run_goes_on_on_another_device_and_back() -> Result<(), Error> {
    for policy in POLICIES {
        let make = || Lookahead::with_config(AdamW::new(), config(policy)).unwrap();
        let devices = [Device::flex(), device::under_test()];
        let (mut straight, mut moving) = (make(), make());
        let mut one = module(&devices[0], DType::F32);
        let mut other = module(&devices[0], DType::F32);
        for at in 0..13 {
            if at > 0 && at % 2 == 0 {
                let record = moving.to_record(&other)?;
                other = moved(other, &devices[at / 2 % 2]);
                moving = make().load_record(&record, &other)?;
                assert!(
                    record.to_bytes()? == moving.to_record(&other)?.to_bytes()?,
                    "{policy:?}: loaded before step {at}"
                );
            }
            one = step(&mut straight, one, at);
            other = step(&mut moving, other, at);
            assert_close(&format!("{policy:?}, step {at}"), &values(&straight, &one), &values(&moving, &other));
            assert_eq!(straight.clock(), moving.clock());
        }
    }
    Ok(())
}

#[test]
fn a_module_that_moves_takes_its_optimizer_along() {
    for policy in POLICIES {
        let make = || Lookahead::with_config(AdamW::new(), config(policy)).unwrap();
        let (mut straight, mut moving) = (make(), make());
        let mut one = module(&Device::flex(), DType::F32);
        let mut other = module(&Device::flex(), DType::F32);
        for at in 0..13 {
            if at == 4 {
                other = moved(other, &device::under_test());
            }
            one = step(&mut straight, one, at);
            other = step(&mut moving, other, at);
            assert_close(&format!("{policy:?}, step {at}"), &values(&straight, &one), &values(&moving, &other));
        }
    }
}

#[test]
fn gradients_on_another_device_are_clipped_where_they_are() -> Result<(), Error> {
    let module = module(&device::under_test(), DType::F32);
    let gradients = SHAPES.iter().map(|shape| Some(vec![1e30; shape.iter().product()])).collect::<Vec<_>>();
    let clipped = clip_by_global_norm(&module, module.gradients(&gradients), 1.0)?;
    let count: usize = SHAPES.iter().map(|shape| shape.iter().product::<usize>()).sum();
    let norm = 1e30 * (count as f64).sqrt();
    let found = clipped.norm()?;
    assert!(clipped.clipped()? && (found / norm - 1.0).abs() < 1e-5, "{found:e} and {norm:e}");
    Ok(())
}

#[test]
fn a_precision_that_the_device_lacks_is_refused_before_anything_moves() {
    for dtype in [DType::F64, DType::F16, DType::BF16] {
        if device::under_test().supports_dtype(dtype) {
            continue;
        }
        let module = catch_unwind(|| module(&device::under_test(), dtype));
        let Ok(module) = module else { continue };
        let mut optimizer = Lookahead::new(AdamW::new());
        let refused = catch_unwind(AssertUnwindSafe(|| step(&mut optimizer, module, 0)));
        let panic = refused.expect_err("a precision that the device has not");
        let message = panic.downcast_ref::<String>().expect("a text");
        assert!(message.contains("list.0.Vector") && message.contains(&format!("{dtype:?}")), "{message}");
    }
}

/// Its first tensor on the host, where f64 goes through tensor operations; the others on `device`.
fn divided(device: &Device) -> Parameters {
    let mut module = Parameters::new();
    for (seed, shape) in SHAPES.iter().enumerate() {
        let (place, dtype) = if seed == 0 { (Device::flex(), DType::F64) } else { (device.clone(), DType::F32) };
        module.device = place;
        module.push(shape, &numbers(shape.iter().product(), seed), dtype);
    }
    module
}

#[test]
fn a_module_on_two_devices_is_clipped_by_the_norm_over_both() {
    let [found, expected] = [device::under_test(), Device::flex()].map(|device| {
        let module = divided(&device);
        let gradient = |(i, shape): (usize, &&[usize])| Some(numbers(shape.iter().product(), i));
        let grads = module.gradients(&SHAPES.iter().enumerate().map(gradient).collect::<Vec<_>>());
        clip_by_global_norm(&module, grads, 0.1).unwrap().norm().unwrap()
    });
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn a_module_on_two_devices_is_synced_over_both() {
    let adaptive = Adaptive::new();
    let config = || LookaheadConfig::new().with_sync_period(SyncPeriod::new(2).unwrap());
    for (name, config) in [("fixed", config()), ("adaptive", config().with_adaptive_alpha(adaptive))] {
        let [found, expected] = [device::under_test(), Device::flex()].map(|device| {
            let mut optimizer = Lookahead::with_config(AdamW::new(), config.clone()).unwrap();
            // refused elements are counted on each device, and asked for in every tenth sync
            let module = (0..21).fold(divided(&device), |module, t| step(&mut optimizer, module, t));
            values(&optimizer, &module)
        });
        assert_close(name, &found, &expected);
    }
}
