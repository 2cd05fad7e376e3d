//! Outer steps with momentum: by hand, restarted, refused, saved.

mod coasting;
#[cfg(feature = "serde")]
mod saved;

use lookahead::kernels::{InstructionSet, Pass, momentum};
use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Alpha, BufferUnit, Cadence, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, OuterMomentum,
    OuterRate, OuterStep, ParamSet, Schedule, SlowStorage, StepSize, SyncPeriod, family,
};

fn nesterov(eta: f64, mu: f64) -> Result<OuterStep, Error> {
    Ok(OuterStep::nesterov(OuterRate::new(eta)?, OuterMomentum::new(mu)?))
}

fn every(k: u32, step: OuterStep) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_outer_step(step))
}

fn params(values: &[f64]) -> Result<ParamSet<'static, f64>, Error> {
    let mut params = ParamSet::new();
    params.push("w", [values.len()], values.to_vec())?;
    Ok(params)
}

/// One step of rate `lr` with these gradients.
fn step<A: Optimizer<f64>>(
    optimizer: &A,
    lr: f64,
    params: &mut ParamSet<'_, f64>,
    state: &mut A::State,
    gradients: &[f64],
) -> Result<(), Error> {
    let grads = Grads::new(params, [Some(gradients)])?;
    optimizer.step(lr, params, &grads, state);
    Ok(())
}

/// With theta <- theta - 1, k = 2, eta = mu = 1/2: from 8, 6, then d = 2 + 1 and 6.5; 4.5, then b = 3, d = 2 + 1.5 and
/// 4.75.
#[test]
fn a_run_small_enough_to_follow() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), every(2, nesterov(0.5, 0.5)?)?)?;
    let mut params = params(&[8.0])?;
    let mut state = optimizer.init(&params);
    let mut fast = Vec::new();
    for _ in 0..5 {
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
        fast.push(params.slice(0)[0]);
    }
    assert_eq!(fast, [7.0, 6.5, 5.5, 4.75, 3.75]);
    assert_eq!(state.momentum().map(|b| b[0][0]), Some(3.0));
    // a partial cycle: b = 1.5 + 1, d = 1 + 1.25
    optimizer.sync_now(&mut params, &mut state);
    assert_eq!((params.slice(0)[0], state.momentum().map(|b| b[0][0])), (3.625, Some(2.5)));
    let sync = state.last_sync().expect("three syncs");
    assert_eq!((sync.outer, sync.alpha.get(), sync.clipped, sync.refused), (2, 0.5, false, 0));
    // without its momentum the next step is a first one
    state.restart_momentum();
    step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
    step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
    assert_eq!((params.slice(0)[0], state.momentum().map(|b| b[0][0])), (2.125, Some(2.0)));
    Ok(())
}

/// The slow weights may go farther than the fast ones: from 8 by 2 and half as far again.
#[test]
fn a_rate_above_one() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), every(2, nesterov(1.5, 0.0)?)?)?;
    let mut params = params(&[8.0])?;
    let mut state = optimizer.init(&params);
    for _ in 0..4 {
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
    }
    assert_eq!(params.slice(0), [2.0]);
    assert_eq!(state.last_sync().map(|sync| (sync.alpha.get(), sync.clipped)), Some((1.0, true)));
    Ok(())
}

/// A learning rate of 0 counts as the one before: it neither loses the momentum nor makes it infinite.
#[test]
fn slowmo_outlives_a_learning_rate_of_zero() -> Result<(), Error> {
    let one = OuterStep::heavy_ball(OuterRate::new(1.0)?, OuterMomentum::new(0.5)?);
    let over_rate = one.with_buffer_unit(BufferUnit::DeltaOverLearningRate);
    let optimizer = Lookahead::with_config(Sgd::new(), every(1, over_rate)?)?;
    let mut params = params(&[8.0])?;
    let mut state = optimizer.init(&params);
    let mut weights = Vec::new();
    for lr in [1.0, 0.0, 0.5] {
        step(&optimizer, lr, &mut params, &mut state, &[1.0])?;
        weights.push(params.slice(0)[0]);
    }
    // b = 1; 0.5; (0.5 / 1) 0.5 0.5 + 0.5
    assert_eq!(weights, [7.0, 6.5, 5.875]);
    Ok(())
}

/// MuLoCo is SNOO as long as eta is constant, SlowMo the heavy ball as long as the learning rate is.
#[test]
fn a_buffer_unit_that_never_changes_is_not_there() -> Result<(), Error> {
    let (rate, momentum) = (OuterRate::new(0.7)?, OuterMomentum::new(0.6)?);
    for plain in [OuterStep::nesterov(rate, momentum), OuterStep::heavy_ball(rate, momentum)] {
        let run = |unit| -> Result<Vec<Vec<f64>>, Error> {
            let optimizer = Lookahead::with_config(Sgd::new(), every(2, plain.clone().with_buffer_unit(unit))?)?;
            let mut params = params(&[0.3, -0.7])?;
            let mut state = optimizer.init(&params);
            for _ in 0..9 {
                let gradients = params.slice(0).to_vec();
                step(&optimizer, 0.1, &mut params, &mut state, &gradients)?;
            }
            Ok(params.to_vecs())
        };
        let expected = run(BufferUnit::Delta)?;
        assert_eq!(run(BufferUnit::DeltaOverLearningRate)?, expected);
        assert_eq!(run(BufferUnit::OuterStep)?, expected);
    }
    Ok(())
}

/// MuLoCo's buffer holds steps: with eta from 1 to 1/2 it is twice as large in ways.
#[test]
fn an_old_outer_step_keeps_its_length_when_eta_changes() -> Result<(), Error> {
    let eta = Schedule::steps(OuterRate::new(1.0)?, [(1, OuterRate::new(0.5)?)])?;
    let plain = OuterStep::nesterov(eta, OuterMomentum::new(0.5)?);
    let run = |step_taken: OuterStep| -> Result<f64, Error> {
        let optimizer = Lookahead::with_config(Sgd::new(), every(1, step_taken)?)?;
        let mut params = params(&[8.0])?;
        let mut state = optimizer.init(&params);
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
        Ok(params.slice(0)[0])
    };
    // u = 1, d = 1 + 0.5: 6.5; then u = 0.5 + 0.5, 0.5 u + 0.5 = 1
    assert_eq!(run(plain.clone().with_buffer_unit(BufferUnit::OuterStep))?, 5.5);
    // b = 0.5 + 1, 0.5 (1 + 0.5 b) = 0.875
    assert_eq!(run(plain)?, 5.625);
    Ok(())
}

/// The forms of the sources, with their own buffer u, over changing rates, restarts and cycles cut short.
#[test]
fn each_buffer_unit_is_its_sources_recursion() -> Result<(), Error> {
    let (rates, momenta) = ([1.5, 0.7, 0.2], [0.9, 0.0, 0.6]);
    let eta =
        Schedule::steps(OuterRate::new(rates[0])?, [(2, OuterRate::new(rates[1])?), (5, OuterRate::new(rates[2])?)])?;
    let mu = OuterMomentum::new(momenta[0])?;
    let mu = Schedule::steps(mu, [(2, OuterMomentum::new(momenta[1])?), (5, OuterMomentum::new(momenta[2])?)])?;
    for unit in [BufferUnit::Delta, BufferUnit::DeltaOverLearningRate, BufferUnit::OuterStep] {
        for (is_nesterov, restarts) in [(false, 100), (true, 100), (false, 3), (true, 4)] {
            let step_taken = match is_nesterov {
                true => OuterStep::nesterov(eta.clone(), mu.clone()),
                false => OuterStep::heavy_ball(eta.clone(), mu.clone()),
            };
            let step_taken = step_taken.with_buffer_unit(unit).with_restarts(restarts)?;
            let optimizer = Lookahead::with_config(Sgd::new(), every(3, step_taken)?)?;
            let mut params = params(&[0.5])?;
            let mut state = optimizer.init(&params);
            let (mut phi, mut theta, mut u) = (0.5, 0.5, 0.0);
            for t in 0..40_u32 {
                let lr = 0.1 / f64::from(1 + t % 7);
                let gradient = theta + f64::from(t).sin();
                step(&optimizer, lr, &mut params, &mut state, &[gradient])?;
                theta -= lr * gradient;
                let outer = state.clock().outer();
                let cut = t % 11 == 9 && state.clock().phase() > 0;
                if cut {
                    optimizer.sync_now(&mut params, &mut state);
                }
                if cut || state.clock().phase() == 0 {
                    let outer = if cut { outer } else { outer - 1 };
                    let stage = usize::from(outer >= 2) + usize::from(outer >= 5);
                    let (eta, mu) = (rates[stage], momenta[stage]);
                    // u holds `scale` times the way, and the step is `length` times it
                    let (scale, length) = match unit {
                        BufferUnit::Delta => (1.0, eta),
                        BufferUnit::DeltaOverLearningRate => (1.0 / lr, eta * lr),
                        BufferUnit::OuterStep => (eta, 1.0),
                    };
                    u = if outer % restarts == 0 { 0.0 } else { mu * u } + scale * (phi - theta);
                    let way = match (mu == 0.0, is_nesterov) {
                        (true, _) => scale * (phi - theta),
                        (false, true) => scale * (phi - theta) + mu * u,
                        (false, false) => u,
                    };
                    phi -= length * way;
                    theta = phi;
                }
                let found = params.slice(0)[0];
                assert!((found - theta).abs() < 1e-12, "{unit:?}, {is_nesterov}, step {t}: {found}, not {theta}");
            }
        }
    }
    Ok(())
}

/// A refused element keeps its slow weight, and its momentum begins anew; the others go on.
#[test]
fn what_is_not_finite_restarts_the_momentum_of_its_element() -> Result<(), Error> {
    for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let optimizer = Lookahead::with_config(Sgd::new(), every(1, nesterov(0.5, 0.5)?)?)?;
        let mut params = params(&[8.0, 8.0])?;
        let mut state = optimizer.init(&params);
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0, 1.0])?;
        step(&optimizer, 1.0, &mut params, &mut state, &[poison, 1.0])?;
        assert_eq!(params.slice(0), [7.25, 6.375], "{poison}");
        assert_eq!(state.momentum().map(|b| b[0].to_vec()), Some(vec![0.0, 1.5]));
        assert_eq!((state.refused(), &*state.slow()[0]), (1, params.slice(0)));
    }
    Ok(())
}

/// A momentum so large that no step with it is finite does not hold its element for ever.
#[test]
fn overflow_of_the_momentum_is_left_behind() {
    let step = momentum::Coefficients { rate: 2.0, momentum: 0.9, kept: 0.9, nesterov: false };
    let (mut slow, mut buffer, mut fast) = ([1.0], [f64::MAX], [0.5]);
    assert_eq!(momentum::outer_step(&mut slow, &mut buffer, &mut fast, step), 1);
    assert_eq!((slow, buffer, fast), ([1.0], [0.0], [1.0]));
    fast = [0.5];
    assert_eq!(momentum::outer_step(&mut slow, &mut buffer, &mut fast, step), 0);
    assert_eq!((slow, buffer, fast), ([0.0], [0.5], [0.0]));
}

#[test]
fn every_instruction_set_has_the_same_bits() {
    let values = |seed: usize| (0..1037).map(move |i| ((i * 7919 + seed) % 1009) as f32 / 1009.0 - 0.5);
    for nesterov in [false, true] {
        for (rate, momentum, kept) in [(0.7, 0.9, 0.9), (0.3, 0.0, 0.0), (1.0, 0.0, 0.0), (1.5, 0.5, 0.25)] {
            let step = momentum::Coefficients { rate, momentum, kept, nesterov };
            let run = |instructions| {
                let [mut slow, mut buffer, mut fast] = [1, 2, 3].map(|seed| values(seed).collect::<Vec<f32>>());
                fast[1000] = f32::NAN;
                let pass = Pass::new().with_instructions(instructions);
                let tensors = std::iter::once(((&mut slow[..], &mut buffer[..]), &mut fast[..]));
                let refused = pass.for_each(
                    1037,
                    tensors,
                    #[inline(always)]
                    |((slow, buffer), fast)| momentum::outer_step(slow, buffer, fast, step),
                );
                (refused, slow, buffer, fast)
            };
            let expected = run(InstructionSet::Baseline);
            assert_eq!((expected.0, &expected.1), (1, &expected.3));
            InstructionSet::available().into_iter().for_each(|instructions| assert_eq!(run(instructions), expected));
        }
    }
}

#[test]
fn without_momentum_it_is_an_alpha() -> Result<(), Error> {
    let config = every(5, nesterov(0.5, 0.0)?)?;
    assert_eq!(config, LookaheadConfig::new());
    assert!(matches!(every(5, nesterov(1.1, 0.0)?)?.step_size(), StepSize::Outer(_)));
    let later = Schedule::steps(OuterMomentum::ZERO, [(7, OuterMomentum::new(0.1)?)])?;
    let config = every(5, OuterStep::nesterov(OuterRate::new(0.5)?, later))?;
    assert!(config.outer_step().is_some() && nesterov(0.5, 0.0)?.as_alpha().is_some());
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused() -> Result<(), Error> {
    for eta in [0.0, -0.5, f64::INFINITY, f64::NAN] {
        let error = OuterRate::new(eta).expect_err("eta out of range").to_string();
        assert!(error.starts_with("outer_rate is ") && error.ends_with("must be above 0 and finite"), "{error}");
    }
    // What f32 makes of these is out of the range.
    let in_single = [
        OuterRate::new(1e39).map(f64::from),
        OuterRate::new(1e-50).map(f64::from),
        Alpha::new(1e-50).map(f64::from),
        OuterMomentum::new(1.0 - 1e-9).map(f64::from),
    ];
    for refused in in_single {
        let error = refused.expect_err("no such f32").to_string();
        assert!(error.ends_with("must be in its range as the nearest f32 too"), "{error}");
    }
    assert!(OuterRate::new(3e38).is_ok() && OuterRate::new(1e-40).is_ok() && OuterMomentum::new(0.999_999_9).is_ok());
    for mu in [-0.1, 1.0, f64::INFINITY, f64::NAN] {
        let error = OuterMomentum::new(mu).expect_err("mu out of range").to_string();
        assert!(
            error.starts_with("outer_momentum is ") && error.ends_with("must be at least 0 and below 1"),
            "{error}"
        );
    }
    let error = nesterov(0.5, 0.5)?.with_restarts(0).expect_err("no restarts").to_string();
    assert_eq!(error, "restart_every is 0, but must be at least 1");
    let rounded = family::snoo().with_slow_storage(SlowStorage::Bf16 { seed: 1 });
    assert_eq!(Lookahead::with_config(Sgd::new(), rounded).map(|_| ()), Err(Error::MomentumOverRounded));
    // syncs after steps 1, 29, 57, … around cycles of two
    let inner = Lookahead::with_config(Sgd::new(), LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?))?;
    let refused = Lookahead::with_config(inner, family::snoo_of_the_speedrun()).map(|_| ());
    assert!(matches!(refused, Err(Error::PeriodsDoNotNest { step: 1, .. })), "{refused:?}");
    Ok(())
}

/// An optimizer that leaves its fused step unused, so that the sync is a pass of its own.
#[derive(Debug, Clone)]
struct Separate<A>(A);

impl<A> Cadence for Separate<A> {}

impl<A: Optimizer<f64>> Optimizer<f64> for Separate<A> {
    type State = A::State;

    fn init(&self, params: &ParamSet<'_, f64>) -> A::State {
        self.0.init(params)
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, f64>, grads: &Grads<'_, f64>, state: &mut A::State) {
        self.0.step(lr, params, grads, state);
    }
}

#[test]
fn a_fused_step_equals_a_separate_one() -> Result<(), Error> {
    let values: Vec<f64> = (0..70_001).map(|i| ((i * 7919) % 1009) as f64 / 1009.0 - 0.5).collect();
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let config = every(3, nesterov(0.7, 0.9)?)?.with_inner_state(policy);
        let fused = Lookahead::with_config(AdamW::new(), config.clone())?;
        let separate = Lookahead::with_config(Separate(AdamW::new()), config)?;
        let (mut ours, mut theirs) = (params(&values)?, params(&values)?);
        let (mut state, mut other) = (fused.init(&ours), separate.init(&theirs));
        for t in 0..10 {
            let gradients: Vec<f64> = ours.slice(0).iter().map(|w| w + (t as f64).sin()).collect();
            step(&fused, 0.05, &mut ours, &mut state, &gradients)?;
            step(&separate, 0.05, &mut theirs, &mut other, &gradients)?;
            assert_eq!(ours.to_vecs(), theirs.to_vecs(), "{policy:?}, step {t}");
        }
        assert_eq!(state.momentum(), other.momentum());
    }
    Ok(())
}
