//! Lookahead's descendants against the runs of `testdata/family`, made with their authors' code: the weights after
//! every step and the momentum at the end.

use std::borrow::Cow;

use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Alpha, BufferUnit, Error, Float, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, OuterMomentum,
    OuterRate, OuterStep, ParamSet, Schedule, SyncClock, SyncPeriod, Tick, Workers, family,
};
use lookahead_laws::family::{Inner, Run, Source, assert_follows, gradients, initial, sgdm};

/// In f64 both programs differ by rounding alone; f32 rounds each step.
fn tolerance<T: Float>() -> f64 {
    if size_of::<T>() == 8 { 1e-12 } else { 5e-5 }
}

fn slices<'a, T: Float>(params: &'a ParamSet<'_, T>) -> Vec<&'a [T]> {
    params.iter().map(|param| param.values()).collect()
}

/// Each run of a source under the configuration that it stands for.
fn check(stem: &str, runs: usize, config: impl Fn(&Run) -> Result<LookaheadConfig, Error>) -> Result<(), Error> {
    let source = Source::read(stem);
    assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
    for run in &source.runs {
        let at = format!("{stem}.json, {}", run.name());
        check_around::<f64>(&at, run, config(run)?)?;
        check_around::<f32>(&at, run, config(run)?)?;
    }
    Ok(())
}

fn check_around<T: Float>(at: &str, run: &Run, config: LookaheadConfig) -> Result<(), Error> {
    match run.inner {
        Inner::Sgd => follow::<T>(at, run, Sgd::new(), config),
        Inner::Sgdm => follow::<T>(at, run, sgdm()?, config),
        Inner::AdamW => follow::<T>(at, run, AdamW::new(), config),
    }
}

fn follow<T: Float>(at: &str, run: &Run, rule: impl Optimizer<T>, config: LookaheadConfig) -> Result<(), Error> {
    let optimizer = Lookahead::with_config(rule, config)?;
    let mut params = initial::<T>()?;
    let mut state = optimizer.init(&params);
    let mut at_sync = params.to_vecs().concat().iter().map(|value| value.to_f64()).collect();
    let mut rate_at_sync = run.lr(0);
    for (t, expected) in run.fast.iter().enumerate() {
        let (syncs, grads) = (state.clock().outer(), Grads::new(&params, gradients(&params, t, 0))?);
        optimizer.step(run.lr(t), &mut params, &grads, &mut state);
        let at = format!("{at}, after step {}", t + 1);
        if state.clock().outer() > syncs {
            (at_sync, rate_at_sync) = (expected.clone(), run.lr(t));
        }
        assert_follows(&format!("{at}: fast weights"), &slices(&params), expected, tolerance::<T>());
        let slow = state.slow();
        let slow: Vec<&[T]> = slow.iter().map(Cow::as_ref).collect();
        assert_follows(&format!("{at}: slow weights"), &slow, &at_sync, tolerance::<T>());
    }
    if let (Some(expected), Some(found)) = (&run.momentum, state.momentum()) {
        let step = optimizer.config().outer_step().expect("it has a momentum");
        let expected: Vec<f64> = expected.iter().map(|u| as_delta(step, rate_at_sync, *u)).collect();
        let found: Vec<&[T]> = found.iter().map(|buffer| &buffer[..]).collect();
        assert_follows(&format!("{at}: the momentum"), &found, &expected, tolerance::<T>());
    }
    Ok(())
}

/// A source's buffer as ways that the fast weights have gone.
fn as_delta(step: &OuterStep, lr: f64, u: f64) -> f64 {
    match step.buffer_unit() {
        BufferUnit::Delta => u,
        BufferUnit::DeltaOverLearningRate => u * lr,
        BufferUnit::OuterStep => u / step.rate().at(0).get(),
    }
}

fn every(k: u32) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?))
}

fn lookahead(run: &Run, alpha: &str, policy: InnerStatePolicy) -> Result<LookaheadConfig, Error> {
    let alpha = Alpha::new(run.number(alpha).expect("an alpha"))?;
    Ok(every(run.k)?.with_alpha(alpha).with_inner_state(policy))
}

/// The numbers of a run: eta, which SlowMo calls alpha, and mu.
fn numbers(run: &Run) -> Result<(OuterRate, OuterMomentum), Error> {
    let eta = run.number("eta").or_else(|| run.number("alpha")).expect("an outer learning rate");
    Ok((OuterRate::new(eta)?, OuterMomentum::new(run.number("mu").expect("an outer momentum"))?))
}

fn nesterov(run: &Run) -> Result<OuterStep, Error> {
    let (eta, mu) = numbers(run)?;
    Ok(OuterStep::nesterov(eta, mu))
}

fn slowmo(run: &Run) -> Result<OuterStep, Error> {
    let (alpha, mu) = numbers(run)?;
    Ok(OuterStep::heavy_ball(alpha, mu).with_buffer_unit(BufferUnit::DeltaOverLearningRate))
}

#[test]
fn lookahead_official() -> Result<(), Error> {
    // "reset" touches a momentum alone there: its other runs are without
    check("lookahead_official", 16, |run| match run.word("pullback_momentum") {
        Some("reset") => lookahead(run, "alpha", InnerStatePolicy::Reset),
        _ => lookahead(run, "alpha", InnerStatePolicy::Maintain),
    })
}

#[test]
fn lookahead_pytorch_optimizer() -> Result<(), Error> {
    check("lookahead_pytorch_optimizer", 20, |run| match run.word("pullback_momentum") {
        Some("reset") => lookahead(run, "alpha", InnerStatePolicy::Reset),
        Some("pullback") => lookahead(run, "alpha", InnerStatePolicy::Interpolate),
        _ => lookahead(run, "alpha", InnerStatePolicy::Maintain),
    })
}

#[test]
fn lookahead_optax() -> Result<(), Error> {
    check("lookahead_optax", 20, |run| match run.flag("reset_state") {
        true => lookahead(run, "slow_step_size", InnerStatePolicy::Reset),
        false => lookahead(run, "slow_step_size", InnerStatePolicy::Maintain),
    })
}

#[test]
fn snoo_paper() -> Result<(), Error> {
    check("snoo_paper", 19, |run| Ok(every(run.k)?.with_outer_step(nesterov(run)?)))
}

/// The first cycle has one step there.
#[test]
fn snoo_pr128() -> Result<(), Error> {
    check("snoo_pr128", 9, |run| {
        let periods = Schedule::syncs_from(SyncPeriod::new(1)?, SyncPeriod::new(run.k)?);
        Ok(LookaheadConfig::new().with_sync_period(periods).with_outer_step(nesterov(run)?))
    })
}

#[test]
fn muloco1() -> Result<(), Error> {
    check(
        "muloco1",
        10,
        |run| Ok(every(run.k)?.with_outer_step(nesterov(run)?.with_buffer_unit(BufferUnit::OuterStep))),
    )
}

#[test]
fn diloco_torchft() -> Result<(), Error> {
    check("diloco_torchft", 6, |run| Ok(every(run.k)?.with_outer_step(nesterov(run)?)))
}

/// Its runs whose slow weights were made before the first step, as in the paper.
#[test]
fn slowmo_fairscale() -> Result<(), Error> {
    check("slowmo_fairscale", 17, |run| Ok(every(run.k)?.with_outer_step(slowmo(run)?)))
}

/// Its first outer step follows step 1 + k, with a way of as many steps.
#[test]
fn slowmo_torchdistx() -> Result<(), Error> {
    check("slowmo_torchdistx", 9, |run| {
        let periods = Schedule::syncs_from(SyncPeriod::new(1 + run.k)?, SyncPeriod::new(run.k)?);
        Ok(LookaheadConfig::new().with_sync_period(periods).with_outer_step(slowmo(run)?))
    })
}

fn check_two_workers(stem: &str, runs: usize, step: impl Fn(&Run) -> Result<OuterStep, Error>) -> Result<(), Error> {
    let source = Source::read(stem);
    assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
    for run in &source.runs {
        let at = format!("{stem}.json, {}", run.name());
        for single in [false, true] {
            let step = step(run)?;
            match (run.inner, single) {
                (Inner::Sgd, false) => follow_two_workers::<f64>(&at, run, Sgd::new(), step)?,
                (Inner::Sgd, true) => follow_two_workers::<f32>(&at, run, Sgd::new(), step)?,
                (Inner::Sgdm, false) => follow_two_workers::<f64>(&at, run, sgdm()?, step)?,
                (Inner::Sgdm, true) => follow_two_workers::<f32>(&at, run, sgdm()?, step)?,
                (Inner::AdamW, false) => follow_two_workers::<f64>(&at, run, AdamW::new(), step)?,
                (Inner::AdamW, true) => follow_two_workers::<f32>(&at, run, AdamW::new(), step)?,
            }
        }
    }
    Ok(())
}

fn follow_two_workers<T: Float>(at: &str, run: &Run, rule: impl Optimizer<T>, step: OuterStep) -> Result<(), Error> {
    let mut workers = [initial::<T>()?, initial::<T>()?];
    let mut states = [rule.init(&workers[0]), rule.init(&workers[1])];
    let mut outer = Workers::new(step, &workers[0]);
    let (mut clock, every) = (SyncClock::default(), Schedule::from(SyncPeriod::new(run.k)?));
    for (t, expected) in run.fast.iter().enumerate() {
        for (rank, (params, state)) in workers.iter_mut().zip(&mut states).enumerate() {
            let grads = Grads::new(params, gradients(params, t, rank))?;
            rule.step(run.lr(t), params, &grads, state);
        }
        if clock.tick(&every) != Tick::Inner {
            assert_eq!(outer.sync(run.lr(t), &mut workers), 0);
        }
        let both: Vec<&[T]> = workers.iter().flat_map(slices).collect();
        assert_follows(&format!("{at}, after step {}", t + 1), &both, expected, tolerance::<T>());
    }
    Ok(())
}

#[test]
fn two_workers_local_sgd() -> Result<(), Error> {
    let mean = |_: &Run| Ok(OuterStep::nesterov(OuterRate::new(1.0)?, OuterMomentum::ZERO));
    check_two_workers("two_workers_local_sgd", 6, mean)
}

#[test]
fn two_workers_diloco() -> Result<(), Error> {
    check_two_workers("two_workers_diloco", 6, nesterov)
}

#[test]
fn two_workers_slowmo() -> Result<(), Error> {
    check_two_workers("two_workers_slowmo", 9, slowmo)
}

/// What each function gives is what the runs above were followed with.
#[test]
fn the_family_has_the_numbers_of_its_sources() -> Result<(), Error> {
    let step = |eta, mu| Ok::<_, Error>(OuterStep::nesterov(OuterRate::new(eta)?, OuterMomentum::new(mu)?));
    assert_eq!(family::snoo(), every(28)?.with_outer_step(step(0.68, 0.37)?));
    let offset = Schedule::syncs_from(SyncPeriod::new(1)?, SyncPeriod::new(28)?);
    assert_eq!(family::snoo_of_the_speedrun(), family::snoo().with_sync_period(offset));
    let in_outer_steps = step(0.7, 0.6)?.with_buffer_unit(BufferUnit::OuterStep);
    assert_eq!(family::muloco(), every(30)?.with_outer_step(in_outer_steps));
    assert_eq!(family::diloco(), every(500)?.with_outer_step(step(0.7, 0.9)?));
    let heavy_ball = OuterStep::heavy_ball(OuterRate::new(1.0)?, OuterMomentum::new(0.5)?);
    let over_rate = heavy_ball.with_buffer_unit(BufferUnit::DeltaOverLearningRate);
    assert_eq!(family::slowmo(), every(48)?.with_outer_step(over_rate));
    assert_eq!(family::local_sgd(SyncPeriod::new(9)?), every(9)?.with_alpha(Alpha::ONE));
    Ok(())
}
