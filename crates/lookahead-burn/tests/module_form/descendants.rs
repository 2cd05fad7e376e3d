//! Outer steps with momentum and averages that train where they evaluate, in what is Burn's own: freezing, nesting beside
//! the core, groups of learning rates, memory.

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::{Module, ParamGroup};
use burn::tensor::{DType, Tensor};
use lookahead::{
    EmaNesterovConfig, Gpa, Grads, InnerStatePolicy, LookaheadConfig, Optimizer, OuterMomentum, OuterRate, OuterStep,
    ParamSet, PrimalAveraging, ScheduleFree, SlowStorage, SyncPeriod,
};
use lookahead_burn::{
    AdamW, Averaged, EmaNesterov, Error, InnerOptimizer, Lookahead, PrimalAveraged, Record, RuleSet, Sgd, family,
};
use lookahead_laws::family::{gradients, initial, sgdm};

use crate::parameters::{Parameter, Parameters};
use crate::{device, step, vectors};

fn nesterov(k: u32) -> Result<LookaheadConfig, Error> {
    let step = OuterStep::nesterov(OuterRate::new(0.7)?, OuterMomentum::new(0.5)?);
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_outer_step(step))
}

fn thaw(module: &mut Parameters, index: usize, thawed: bool) {
    let parameter = module.list[index].clone();
    module.list[index] = if thawed { parameter.unfreeze() } else { parameter.freeze() };
}

/// While it is frozen nothing coasts, and what it has gone before is forgotten.
#[test]
fn a_frozen_parameter_rests_and_its_momentum_begins_afresh() -> Result<(), Error> {
    let mut optimizer = Lookahead::with_config(Sgd::new(), nesterov(2)?)?;
    let mut module = vectors(&[&[1.0, 2.0], &[3.0]]);
    let of = |optimizer: &Lookahead<RuleSet<Sgd>>, module: &Parameters| -> f64 {
        let Parameter::Vector(param) = &module.list[1] else { panic!("a vector") };
        let buffer = optimizer.momentum().and_then(|buffers| buffers.get::<1>(param.id)).expect("a buffer");
        buffer.into_data().iter::<f64>().sum()
    };
    for _ in 0..4 {
        module = step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
    }
    assert!(of(&optimizer, &module) > 0.0, "it has gone down");
    thaw(&mut module, 1, false);
    let before = module.values()[1].clone();
    for _ in 0..4 {
        let grads = module.gradients(&[Some(vec![1.0, 1.0]), None]);
        module = optimizer.step(0.1, module, grads);
        assert_eq!(module.values()[1], before);
    }
    assert_eq!(of(&optimizer, &module), 0.0);
    thaw(&mut module, 1, true);
    for _ in 0..2 {
        module = step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
    }
    // delta = 0.2, d = 0.2 + 0.5 * 0.2
    let moved = before[0] - module.values()[1][0];
    assert!((moved - 0.7 * 0.3).abs() < 1e-6, "{moved}");
    Ok(())
}

/// A parameter whose gradients end coasts on, as in the core.
#[test]
fn without_gradients_the_momentum_dies_away() -> Result<(), Error> {
    let mut optimizer = Lookahead::with_config(Sgd::new(), nesterov(1)?)?;
    let mut module = step(&mut optimizer, vectors(&[&[1.0], &[1.0]]), 1.0, &[1.0, 1.0]);
    let mut ways = Vec::new();
    for _ in 0..3 {
        let before = module.values()[1][0];
        let grads = module.gradients(&[Some(vec![1.0]), None]);
        module = optimizer.step(1.0, module, grads);
        ways.push(before - module.values()[1][0]);
    }
    // b = 0.5, 0.25, 0.125 and d = mu b
    for (way, expected) in ways.into_iter().zip([0.25, 0.125, 0.0625]) {
        assert!((way - 0.7 * expected).abs() < 1e-6, "{way}");
    }
    optimizer.restart_momentum();
    let before = module.values()[1][0];
    let grads = module.gradients(&[Some(vec![1.0]), None]);
    assert_eq!(optimizer.step(1.0, module, grads).values()[1][0], before);
    Ok(())
}

/// Bytes a parameter beside the inner optimizer, in f32.
#[test]
fn the_memory_is_as_stated() -> Result<(), Error> {
    fn bytes(mut optimizer: impl InnerOptimizer) -> Result<usize, Error> {
        let mut module = vectors(&[&[1.0, 2.0, 3.0], &[4.0]]);
        for _ in 0..3 {
            module = step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
        }
        let record: Record = optimizer.to_record(&module)?;
        let elements: usize = record.tensors().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        Ok(elements * size_of::<f32>() / 4)
    }
    let plain = || RuleSet::new(Sgd::new());
    assert_eq!(bytes(plain())?, 0);
    assert_eq!(bytes(Lookahead::new(Sgd::new()))?, 4);
    assert_eq!(bytes(Lookahead::with_config(Sgd::new(), family::snoo())?)?, 8);
    assert_eq!(bytes(PrimalAveraged::new(plain(), ScheduleFree::new()))?, 4);
    assert_eq!(bytes(PrimalAveraged::new(plain(), Gpa::new()))?, 4);
    assert_eq!(bytes(EmaNesterov::new(plain()))?, 4);
    assert_eq!(bytes(Averaged::new(plain(), lookahead::Averaging::exponential(0.9)?))?, 4);
    assert_eq!(bytes(family::schedule_free_adam_w(0.1)?)?, 12, "z and the two moments, of which one rests");
    Ok(())
}

/// In f64, beside the core.
fn compare_with_core<C: Optimizer<f64>>(
    core: &C,
    mut ours: impl InnerOptimizer,
    end: impl Fn(usize) -> bool,
) -> Result<(), Error> {
    if !device::under_test().supports_dtype(DType::F64) {
        return Ok(());
    }
    let mut params = initial::<f64>()?;
    let mut module = Parameters::new();
    params.iter().for_each(|param| module.push(param.shape(), param.values(), DType::F64));
    let mut state = core.init(&params);
    let close = |what: &str, ours: Vec<f64>, core: Vec<f64>| {
        for (ours, core) in ours.into_iter().zip(core) {
            assert!((ours - core).abs() < 1e-13, "{what}: {ours}, but {core} over slices");
        }
    };
    let values = |params: &ParamSet<'_, f64>| params.to_vecs().concat();
    for t in 0..24 {
        let given = gradients(&params, t, 0);
        let grads = module.gradients(&given);
        let given = Grads::new(&params, given)?;
        core.step(0.05, &mut params, &given, &mut state);
        module = ours.advance(&0.05.into(), module, grads);
        if end(t) {
            core.end_partial_cycle(&mut params, &mut state);
            module = ours.end_partial_cycle(module);
        }
        close(&format!("step {t}, fast"), module.values().concat(), values(&params));
        let evaluated = ours.evaluation_weights(&module).expect("other weights").apply(&module).values().concat();
        close(&format!("step {t}, evaluated"), evaluated, core.evaluate(&params, &state).concat());
    }
    Ok(())
}

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

#[test]
fn nested_outer_steps_are_those_of_the_core() -> Result<(), Error> {
    for policy in POLICIES {
        let (inside, outside) = (nesterov(2)?, nesterov(4)?.with_inner_state(policy));
        let core = lookahead::Lookahead::with_config(sgdm()?, inside.clone())?;
        let core = lookahead::Lookahead::with_config(core, outside.clone())?;
        let ours = Lookahead::with_config(Sgd::from(sgdm()?), inside)?;
        compare_with_core(&core, Lookahead::around(ours, outside)?, |t| t % 7 == 2)?;
    }
    Ok(())
}

#[test]
fn averages_around_and_inside_lookaheads_are_those_of_the_core() -> Result<(), Error> {
    let averages: [PrimalAveraging; 2] = [ScheduleFree::new().into(), Gpa::new().with_coefficients(0.9, 0.6)?.into()];
    for averaging in averages {
        for policy in POLICIES {
            let config = nesterov(3)?.with_inner_state(policy);
            let inside = lookahead::PrimalAveraged::new(sgdm()?, averaging);
            let core = lookahead::Lookahead::with_config(inside, config.clone())?;
            let ours = PrimalAveraged::new(RuleSet::new(Sgd::from(sgdm()?)), averaging);
            compare_with_core(&core, Lookahead::around(ours, config.clone())?, |t| t % 7 == 3)?;

            let inside = lookahead::Lookahead::with_config(sgdm()?, config.clone())?;
            let core = lookahead::PrimalAveraged::new(inside, averaging);
            let ours = Lookahead::with_config(Sgd::from(sgdm()?), config)?;
            compare_with_core(&core, PrimalAveraged::new(ours, averaging), |t| t % 7 == 3)?;
        }
    }
    Ok(())
}

#[test]
fn a_look_ahead_around_and_inside_lookaheads_is_that_of_the_core() -> Result<(), Error> {
    let ahead = EmaNesterovConfig::new().with_beta(0.6)?.with_gamma(0.8)?.with_prefill(2)?.with_rest(20)?;
    let ahead = ahead.with_reference_rate(0.1)?;
    for policy in POLICIES {
        let config = nesterov(3)?.with_inner_state(policy);
        let inside = lookahead::EmaNesterov::with_config(sgdm()?, ahead);
        let core = lookahead::Lookahead::with_config(inside, config.clone())?;
        let ours = EmaNesterov::with_config(RuleSet::new(Sgd::from(sgdm()?)), ahead);
        compare_with_core(&core, Lookahead::around(ours, config.clone())?, |t| t % 7 == 3)?;

        let inside = lookahead::Lookahead::with_config(sgdm()?, config.clone())?;
        let core = lookahead::EmaNesterov::with_config(inside, ahead);
        let ours = EmaNesterov::with_config(Lookahead::with_config(Sgd::from(sgdm()?), config.clone())?, ahead);
        compare_with_core(&core, ours.clone(), |t| t % 7 == 3)?;
        let twice = lookahead::Lookahead::with_config(core, config.clone())?;
        compare_with_core(&twice, Lookahead::around(ours, config)?, |t| t % 7 == 3)?;
    }
    Ok(())
}

/// Beside weights in half precision theta is kept: small steps add up in m, and p counts where it is changed by hand.
#[test]
fn a_look_ahead_keeps_theta_beside_half_precision() -> Result<(), Error> {
    if !device::under_test().supports_dtype(DType::BF16) {
        return Ok(());
    }
    let config = EmaNesterovConfig::new().with_beta(0.5)?.with_gamma(0.5)?;
    let mut optimizer = EmaNesterov::with_config(RuleSet::new(Sgd::new()), config);
    let mut module = Parameters::new();
    module.push(&[1], &[256.0], DType::BF16);
    for _ in 0..2 {
        module = step(&mut optimizer, module, 1.0, &[1.0]);
    }
    // theta = 255, 254 and m = -0.5, -0.75: p = 254.75 is 255 in bf16, 253.625 is 254
    let Parameter::Vector(param) = module.list[0].clone() else { panic!("a vector") };
    let m = |optimizer: &EmaNesterov<RuleSet<Sgd>>| -> f64 {
        let m = optimizer.momentum().get::<1>(param.id).expect("m");
        m.into_data().iter::<f64>().sum()
    };
    assert_eq!((module.values()[0][0], optimizer.evaluation_model(&module).values()[0][0]), (254.0, 254.0));
    assert_eq!(m(&optimizer), -0.75);
    let moved = param.clone().map(|weights| Tensor::from_inner(weights.inner() - 4.0).require_grad());
    module.list[0] = Parameter::Vector(moved);
    // theta = 250 + 0.375, 249
    step(&mut optimizer, module, 1.0, &[1.0]);
    assert_eq!(m(&optimizer), 0.5 * -0.75 + 0.5 * (249.0 - 250.375));
    Ok(())
}

/// A warm-up scales the rate of every group.
#[test]
fn a_warm_up_scales_every_group() -> Result<(), Error> {
    let free = ScheduleFree::new().with_beta(1.0)?.with_warm_up(4);
    let mut optimizer = PrimalAveraged::new(RuleSet::new(Sgd::new()), free);
    let module = vectors(&[&[0.0], &[0.0]]);
    let Parameter::Vector(second) = &module.list[1] else { panic!("a vector") };
    let group = ParamGroup::from_ids(vec![second.id]);
    let mut schedule = ModuleLrScheduler::new(0.4).with_group(group, 0.8);
    let grads = module.gradients(&[Some(vec![1.0]), Some(vec![1.0])]);
    let module = optimizer.step(schedule.step(), module, grads);
    // a quarter of each rate; x = z after the first step
    let values = module.values();
    assert!((values[0][0] + 0.1).abs() < 1e-7 && (values[1][0] + 0.2).abs() < 1e-7, "{values:?}");
    Ok(())
}

#[test]
fn the_presets_are_those_of_the_core() -> Result<(), Error> {
    let core = lookahead::family::schedule_free_adam_w(0.1)?;
    let ours = family::schedule_free_adam_w(0.1)?;
    assert_eq!(ours.averaging(), core.averaging());
    assert_eq!(ours.inner().describe(), RuleSet::new(AdamW::from(*core.inner())).describe());
    Ok(())
}

/// Where the caller brings the gradients, z is taken up with the first of them, as far as "interpolate" goes too.
#[test]
fn averages_inside_are_pulled_back_off_autodiff_too() -> Result<(), Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?);
    let config = config.with_inner_state(InnerStatePolicy::Interpolate);
    let run = |autodiff: bool| -> Result<Vec<Vec<f64>>, Error> {
        let inner = PrimalAveraged::new(RuleSet::new(Sgd::new()), ScheduleFree::new());
        let mut optimizer = Lookahead::around(inner, config.clone())?;
        let mut module = vectors(&[&[1.0, -2.0], &[3.0]]);
        if !autodiff {
            module = module.valid();
        }
        for _ in 0..6 {
            module = step(&mut optimizer, module, 0.1, &[1.0, 0.5]);
        }
        let z = optimizer.inner().z().apply(&module).values();
        Ok([module.values(), z].concat())
    };
    assert_eq!(run(false)?, run(true)?);
    Ok(())
}

/// A sync below passes over a frozen parameter: z stays, and so does y.
#[test]
fn freezing_under_an_average_around_a_lookahead_moves_nothing() -> Result<(), Error> {
    for averaging in [PrimalAveraging::from(ScheduleFree::new()), Gpa::new().into()] {
        let below = Lookahead::with_config(Sgd::new(), nesterov(2)?)?;
        let mut optimizer = PrimalAveraged::new(below, averaging);
        let mut module = vectors(&[&[1.0, 2.0], &[3.0]]);
        for _ in 0..4 {
            module = step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
        }
        thaw(&mut module, 1, false);
        let kept = |optimizer: &PrimalAveraged<Lookahead<RuleSet<Sgd>>>, module: &Parameters| {
            let slow = optimizer.inner().slow_model(module).values().remove(1);
            let z = optimizer.z().apply(module).values().remove(1);
            let x = optimizer.average_model(module).values().remove(1);
            [module.values().remove(1), z, x, slow]
        };
        let before = kept(&optimizer, &module);
        assert_eq!(before[1], before[3], "right after a sync below, its slow weights are z");
        for _ in 0..4 {
            let grads = module.gradients(&[Some(vec![1.0, 1.0]), None]);
            module = optimizer.step(0.1, module, grads);
            assert_eq!(kept(&optimizer, &module), before);
        }
    }
    Ok(())
}

/// Weights that are changed by hand between two steps count, in half precision too.
#[test]
fn weights_changed_by_hand_count() -> Result<(), Error> {
    for dtype in [DType::F32, DType::BF16] {
        if !device::under_test().supports_dtype(dtype) {
            continue;
        }
        let mut optimizer = PrimalAveraged::new(RuleSet::new(Sgd::new()), Gpa::new().with_coefficients(0.5, 0.5)?);
        let mut module = Parameters::new();
        module.push(&[1], &[4.0], dtype);
        for _ in 0..2 {
            module = step(&mut optimizer, module, 1.0, &[1.0]);
        }
        // z = 3, 2 and x = 3.5, 2.75, so y = 2.375
        assert_eq!((module.values()[0][0], optimizer.average_model(&module).values()[0][0]), (2.375, 2.75));
        let Parameter::Vector(param) = module.list[0].clone() else { panic!("a vector") };
        module.list[0] =
            Parameter::Vector(param.map(|weights| Tensor::from_inner(weights.inner() - 0.5).require_grad()));
        // x = z - (z - y) / mu_y = 2 + 2 (1.875 - 2)
        assert_eq!(optimizer.average_model(&module).values()[0][0], 1.75);
        module = step(&mut optimizer, module, 1.0, &[1.0]);
        // z = 1, x = 1.375
        assert_eq!((module.values()[0][0], optimizer.average_model(&module).values()[0][0]), (1.1875, 1.375));
    }
    Ok(())
}

/// Where a group alone learns, its weights are averaged, and a tied parameter warms up by its first place.
#[test]
fn groups_are_averaged_and_warmed_up_by_their_own_rates() -> Result<(), Error> {
    let free = ScheduleFree::new().with_beta(0.5)?.with_warm_up(2);
    let mut optimizer = PrimalAveraged::new(RuleSet::new(Sgd::new()), free);
    let mut module = vectors(&[&[0.0], &[0.0]]);
    let Parameter::Vector(second) = &module.list[1] else { panic!("a vector") };
    let mut schedule = ModuleLrScheduler::new(0.0).with_group(ParamGroup::from_ids(vec![second.id]), 0.5);
    for _ in 0..2 {
        let grads = module.gradients(&[Some(vec![1.0]), Some(vec![1.0])]);
        module = optimizer.step(schedule.step(), module, grads);
    }
    // z = -0.25, -0.75 with the weights 0.0625, 0.25, so x = -0.65
    let evaluated = optimizer.average_model(&module).values();
    assert_eq!(evaluated[0][0], 0.0);
    assert!((evaluated[1][0] + 0.65).abs() < 1e-6, "{evaluated:?}");
    Ok(())
}

/// An outer Lookahead syncs what a momentum inside it moves without a gradient, in each storage alike.
#[test]
fn what_coasts_is_synced_in_each_storage() -> Result<(), Error> {
    let run = |storage: SlowStorage| -> Result<(f64, f64), Error> {
        let outer = crate::config(4, 0.5).with_slow_storage(storage);
        let mut optimizer = Lookahead::around(Lookahead::with_config(Sgd::new(), nesterov(2)?)?, outer)?;
        let mut module = vectors(&[&[1.0], &[1.0]]);
        for step in 0..8 {
            let grads = module.gradients(&[(step < 4).then(|| vec![0.5]), Some(vec![0.5])]);
            module = optimizer.step(1.0, module, grads);
        }
        Ok((module.values()[0][0], optimizer.slow_model(&module).values()[0][0]))
    };
    let full = run(SlowStorage::Full)?;
    assert_eq!(full.0, full.1);
    let (theta, phi) = run(SlowStorage::Bf16 { seed: 3 })?;
    for (value, other) in [(theta, phi), (theta, full.0)] {
        // to a few roundings to eight bits
        assert!((value - other).abs() < 0.02 * other.abs(), "theta {theta}, phi {phi}, {full:?}");
    }
    Ok(())
}
