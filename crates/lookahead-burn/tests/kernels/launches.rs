//! Launches, counted in CubeCL's log: one for a parameter, in both forms and in Burn's own loop.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use burn::cubecl::config::profiling::ProfilingLogLevel;
use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn::optim::Optimizer;
use burn::tensor::{DType, Device};
use log::{LevelFilter, Log, Metadata, Record};
use lookahead::{LookaheadConfig, OuterMomentum, OuterRate, OuterStep, SyncPeriod};
use lookahead_burn::{AdamW, InnerOptimizer, Lookahead, LookaheadRule, RuleSet, Sgd, clip_by_global_norm};
use lookahead_cube::Rule;

use super::parameters::Parameters;
use super::{TOLERANCE, TURN, assert_close, device, expected_rule, numbers, tensor};

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
pub(super) fn count_launches() {
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

fn squares(dtype: DType) -> Parameters {
    let mut module = Parameters::new();
    SIDES.iter().for_each(|side| module.push(&[*side, *side], &vec![0.5; side * side], dtype));
    module
}

/// So many launches of ours, and so many of Burn's operations, of which its fusion makes fewer.
fn assert_launches(found: usize, ours: usize, others: usize) {
    let all = ours + others;
    let fits = if cfg!(feature = "fusion") { (ours..=all).contains(&found) } else { found == all };
    assert!(fits, "{found} launches, but {ours} of ours and {others} of others were expected");
}

/// The launches of some steps, after as many that set up the state.
fn launches_of(mut optimizer: impl InnerOptimizer, dtype: DType, steps: usize, device: &Device) -> usize {
    let mut module = squares(dtype);
    let gradients = SIDES.map(|side| Some(vec![0.25; side * side]));
    let mut all: Vec<_> = (0..2 * steps).map(|_| module.gradients(&gradients)).collect();
    let counted = all.split_off(steps);
    let mut advance = |module, all: Vec<_>| {
        all.into_iter().fold(module, |module, grads| optimizer.advance(&0.01.into(), module, grads))
    };
    module = advance(module, all);
    let before = launches(device);
    advance(module, counted);
    launches(device) - before
}

#[test]
fn a_step_is_one_launch_for_a_parameter_and_a_sync_no_more() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let halves = [DType::F16, DType::BF16].into_iter().filter(|half| device.supports_dtype(*half));
    for dtype in [DType::F32].into_iter().chain(halves) {
        let momentum = || Sgd::from(lookahead::rules::Sgd::new().with_momentum(0.9).expect("a momentum"));
        assert_launches(launches_of(RuleSet::new(momentum()), dtype, 2, &device), 2 * 3, 0);
        assert_launches(launches_of(RuleSet::new(AdamW::new()), dtype, 2, &device), 2 * 3, 0);

        // A sync sets a counter to zero, and makes it a float.
        let of_two_syncs = 2 * 2;
        let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2).expect("a period"));
        let lookahead = Lookahead::with_config(AdamW::new(), config.clone()).expect("an optimizer");
        assert_launches(launches_of(lookahead, dtype, 4, &device), 4 * 3, of_two_syncs);
        let outer = OuterStep::nesterov(OuterRate::new(0.7).expect("eta"), OuterMomentum::new(0.9).expect("mu"));
        let with_momentum = config.clone().with_outer_step(outer);
        let lookahead = Lookahead::with_config(AdamW::new(), with_momentum.clone()).expect("an optimizer");
        assert_launches(launches_of(lookahead, dtype, 4, &device), 4 * 3, of_two_syncs);

        // Parameter by parameter each has a counter, and a sum of what it counted.
        for config in [config, with_momentum] {
            let rule = LookaheadRule::with_config(AdamW::new(), config).expect("a rule");
            assert_launches(launches_of(RuleSet::new(rule), dtype, 4, &device), 4 * 3, 2 * 3 * 3);
        }
    }
}

/// One takes the squares, one puts what they add up to beside the others', one scales; the norm itself takes as many for any number.
#[test]
fn clipping_is_three_launches_for_a_parameter() {
    let _turn = TURN.lock();
    let Some(device) = device() else { return };
    let clipping = |parameters: usize| {
        let mut module = Parameters::new();
        (0..parameters).for_each(|_| module.push(&[4, 5], &[0.5; 20], DType::F32));
        let grads = module.gradients(&vec![Some(vec![0.25; 20]); parameters]);
        let before = launches(&device);
        let clipped = clip_by_global_norm(&module, grads, 0.1).expect("a norm");
        let counted = launches(&device) - before;
        assert!(clipped.clipped().expect("a device that works"));
        counted
    };
    // The first times are also those in which Burn's autotune, where it is built in, tries its ways to sum.
    let [_, _, of_two, of_five] = [2, 5, 2, 5].map(clipping);
    assert_launches(of_five - of_two, 3, 2 * 3);
}

/// The weights after some steps.
fn weights_after(mut optimizer: impl InnerOptimizer, steps: usize) -> Vec<Vec<f64>> {
    let mut module = squares(DType::F32);
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
    assert_close("AdamW", &theta, &values, TOLERANCE);
}
