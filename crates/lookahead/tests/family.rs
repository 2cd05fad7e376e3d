//! Lookahead's descendants against the runs of `testdata/family`, made with their authors' code: the weights after
//! every step and the momentum at the end.

use std::borrow::Cow;

use lookahead::{
    Alpha, Buffer, BufferUnit, EmaNesterovConfig, Error, Float, Grads, Lookahead, LookaheadConfig, Optimizer,
    OuterMomentum, OuterRate, OuterStep, ParamSet, Schedule, SyncClock, SyncPeriod, Tick, Workers, family,
};
use lookahead_laws::family::{self as members, InnerRule, Run, Source, assert_follows, gradients, initial};

/// In f64 both programs differ by rounding alone; f32 rounds each step.
fn tolerance<T: Float>() -> f64 {
    if size_of::<T>() == 8 { 1e-12 } else { 5e-5 }
}

fn slices<'a, T: Float>(params: &'a ParamSet<'_, T>) -> Vec<&'a [T]> {
    params.iter().map(|param| param.values()).collect()
}

/// Each run of a source under the configuration that it stands for.
fn check(stem: &str, runs: usize) -> Result<(), Error> {
    let source = Source::read(stem);
    assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
    for run in &source.runs {
        let (at, config) = (format!("{stem}.json, {}", run.name()), members::lookahead(stem, run)?);
        match run.inner.rule()? {
            InnerRule::Sgd(rule) => {
                follow::<f64>(&at, run, rule, config.clone())?;
                follow::<f32>(&at, run, rule, config)?;
            }
            InnerRule::AdamW(rule) => {
                follow::<f64>(&at, run, rule, config.clone())?;
                follow::<f32>(&at, run, rule, config)?;
            }
        }
    }
    Ok(())
}

fn follow<T: Float>(at: &str, run: &Run, rule: impl Optimizer<T>, config: LookaheadConfig) -> Result<(), Error> {
    let optimizer = Lookahead::with_config(rule, config)?;
    let mut params = initial::<T>()?;
    let mut state = optimizer.init(&params);
    let mut at_sync: Vec<f64> = params.to_vecs().concat().iter().map(|value| value.to_f64()).collect();
    for (t, expected) in run.fast.iter().enumerate() {
        let (syncs, grads) = (state.clock().outer(), Grads::new(&params, gradients(&params, t, 0))?);
        optimizer.step(run.lr(t), &mut params, &grads, &mut state);
        let at = format!("{at}, after step {}", t + 1);
        if state.clock().outer() > syncs {
            at_sync.clone_from(expected);
            compare_momentum(&at, (run, t), optimizer.config().outer_step(), (syncs as usize, state.momentum()));
        }
        assert_follows(&format!("{at}: fast weights"), &slices(&params), expected, tolerance::<T>());
        let slow = state.slow();
        let slow: Vec<&[T]> = slow.iter().map(Cow::as_ref).collect();
        assert_follows(&format!("{at}: slow weights"), &slow, &at_sync, tolerance::<T>());
    }
    let (ours, theirs) = (state.clock().outer() as usize, run.momentum.len());
    assert!(theirs == 0 || theirs == ours, "{at}: {ours} syncs, {theirs} in the source");
    Ok(())
}

/// The buffers after sync number `outer`, counted from 0, which ended step `t`.
fn compare_momentum<T: Float>(
    at: &str,
    (run, t): (&Run, usize),
    step: Option<&OuterStep>,
    (outer, buffers): (usize, Option<&[Buffer<T>]>),
) {
    if let (Some(step), Some(expected), Some(found)) = (step, run.momentum.get(outer), buffers) {
        let expected: Vec<f64> = expected.iter().map(|u| as_delta(step, run.lr(t), *u)).collect();
        let found: Vec<&[T]> = found.iter().map(|buffer| &buffer[..]).collect();
        assert_follows(&format!("{at}: the momentum"), &found, &expected, tolerance::<T>());
    }
}

/// A source's buffer as ways that the fast weights have gone.
fn as_delta(step: &OuterStep, lr: f64, u: f64) -> f64 {
    match step.buffer_unit() {
        BufferUnit::Delta => u,
        BufferUnit::DeltaOverLearningRate => u * lr,
        BufferUnit::OuterStep => u / step.rate().at(0).get(),
    }
}

/// A test for each source, with the number of its runs.
macro_rules! sources {
    ($($name:ident: $runs:literal),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                check(stringify!($name), $runs)
            }
        )+
    };
}

sources!(
    lookahead_official: 16,
    lookahead_pytorch_optimizer: 20,
    lookahead_optax: 20,
    snoo_paper: 19,
    snoo_pr128: 9,
    muloco1: 10,
    diloco_torchft: 6,
    slowmo_fairscale: 17,
    slowmo_torchdistx: 9,
);

fn check_two_workers(stem: &str, runs: usize) -> Result<(), Error> {
    let source = Source::read(stem);
    assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
    for run in &source.runs {
        let (at, step) = (format!("{stem}.json, {}", run.name()), members::outer_step(stem, run)?);
        match run.inner.rule()? {
            InnerRule::Sgd(rule) => {
                follow_two_workers::<f64>(&at, run, rule, step.clone())?;
                follow_two_workers::<f32>(&at, run, rule, step)?;
            }
            InnerRule::AdamW(rule) => {
                follow_two_workers::<f64>(&at, run, rule, step.clone())?;
                follow_two_workers::<f32>(&at, run, rule, step)?;
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
            let sync = outer.outer() as usize - 1;
            compare_momentum(at, (run, t), Some(outer.step()), (sync, outer.momentum()));
        }
        let both: Vec<&[T]> = workers.iter().flat_map(slices).collect();
        assert_follows(&format!("{at}, after step {}", t + 1), &both, expected, tolerance::<T>());
    }
    Ok(())
}

#[test]
fn two_workers_local_sgd() -> Result<(), Error> {
    check_two_workers("two_workers_local_sgd", 6)
}

#[test]
fn two_workers_diloco() -> Result<(), Error> {
    check_two_workers("two_workers_diloco", 6)
}

#[test]
fn two_workers_slowmo() -> Result<(), Error> {
    check_two_workers("two_workers_slowmo", 9)
}

/// What each function gives is what the runs above were followed with.
#[test]
fn the_family_has_the_numbers_of_its_sources() -> Result<(), Error> {
    let every = |k| Ok::<_, Error>(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?));
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
    let looks = EmaNesterovConfig::new().with_beta(0.3)?.with_gamma(0.99)?.with_prefill(300)?.with_rest(1950)?;
    assert_eq!(family::ema_nesterov_of_the_speedrun(0.02)?, looks.with_reference_rate(0.02)?);
    assert_eq!(family::local_sgd(SyncPeriod::new(9)?), every(9)?.with_alpha(Alpha::ONE));
    Ok(())
}
