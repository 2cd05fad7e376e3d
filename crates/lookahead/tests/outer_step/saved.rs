//! Outer steps saved at any step, and taken over under new hyperparameters.

use super::*;
use lookahead::{Alpha, Snapshot};

fn read(json: &str) -> Result<LookaheadConfig, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_config_reads_as_it_is_written() -> Result<(), Error> {
    let json = |config: &LookaheadConfig| serde_json::to_string(config).expect("JSON");
    let eta = Schedule::steps(OuterRate::new(1.0)?, [(1, OuterRate::new(0.5)?)])?;
    let everything = OuterStep::heavy_ball(eta, OuterMomentum::new(0.5)?)
        .with_buffer_unit(BufferUnit::OuterStep)
        .with_restarts(9)?;
    for config in [family::snoo(), family::muloco(), family::slowmo(), every(4, everything)?] {
        assert_eq!(read(&json(&config)).as_ref(), Ok(&config));
        let toml = toml::to_string(&config).expect("TOML");
        assert_eq!(toml::from_str::<LookaheadConfig>(&toml).as_ref(), Ok(&config), "{toml}");
    }
    assert_eq!(read(r#"{"sync_period": 28, "outer": {"rate": 0.68, "momentum": 0.37}}"#), Ok(family::snoo()));
    for (json, words) in [
        (r#"{"alpha": 0.5, "outer": {"rate": 0.5, "momentum": 0.5}}"#, "`alpha` and `outer` exclude each other"),
        (r#"{"adaptive": {}, "outer": {"rate": 0.5, "momentum": 0.5}}"#, "`adaptive` and `outer` exclude"),
        (r#"{"outer": {"rate": 0.5}}"#, "missing field `momentum`"),
        (r#"{"outer": {"rate": 0, "momentum": 0.5}}"#, "outer_rate is 0, but must be above 0 and finite"),
        (r#"{"outer": {"rate": 1, "momentum": 1}}"#, "outer_momentum is 1, but must be at least 0 and below 1"),
        (
            r#"{"outer": {"rate": 1, "momentum": 0.5, "restart_every": 0}}"#,
            "restart_every is 0, but must be at least 1",
        ),
        (r#"{"outer": {"rate": 1, "momentum": 0.5}, "slow_weights": "bf16"}"#, "not bf16"),
    ] {
        assert!(read(json).is_err_and(|error| error.contains(words)), "{json}: {:?}", read(json));
    }
    Ok(())
}

fn saved(config: LookaheadConfig) -> Result<Snapshot, Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), config)?;
    let mut params = params(&[8.0])?;
    let mut state = optimizer.init(&params);
    for _ in 0..5 {
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
    }
    Snapshot::capture(&optimizer, &params, &state)
}

/// Whoever begins an outer momentum in mid-run begins with none; whoever drops it goes on with Eq. 1.
#[test]
fn a_run_goes_on_with_a_momentum_or_without() -> Result<(), Error> {
    let alpha = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?).with_alpha(Alpha::new(0.5)?);
    let outer = every(2, nesterov(0.5, 0.5)?)?;
    for (from, to, kept) in [(&alpha, &outer, Some(0.0)), (&outer, &alpha, None), (&outer, &outer, Some(3.0))] {
        let (snapshot, optimizer) = (saved(from.clone())?, Lookahead::with_config(Sgd::new(), to.clone())?);
        let mut params = params(&[0.0])?;
        if from != to {
            let refused = snapshot.restore(&optimizer, &mut params).map(|_| ());
            assert!(matches!(refused, Err(Error::OtherOptimizer { .. })), "{refused:?}");
        }
        let mut state = snapshot.restore_under_new_hyperparameters(&optimizer, &mut params)?;
        assert_eq!(state.momentum().map(|b| b[0][0]), kept);
        let (phi, theta) = (state.slow()[0][0], params.slice(0)[0]);
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
        let delta = phi - theta + 1.0;
        let way = kept.map_or(delta, |b| delta + 0.5 * (0.5 * b + delta));
        assert_eq!(params.slice(0)[0], phi - 0.5 * way);
    }
    Ok(())
}

/// After every step, with a tensor that joins, one that rests and cycles cut short.
#[test]
fn a_saved_run_goes_on_at_any_step() -> Result<(), Error> {
    let eta = Schedule::steps(OuterRate::new(1.5)?, [(2, OuterRate::new(0.7)?)])?;
    let mu = Schedule::steps(OuterMomentum::ZERO, [(1, OuterMomentum::new(0.9)?)])?;
    let units = [BufferUnit::Delta, BufferUnit::DeltaOverLearningRate, BufferUnit::OuterStep];
    let policies = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
    for (unit, policy) in units.into_iter().flat_map(|unit| policies.map(|policy| (unit, policy))) {
        let plan = OuterStep::nesterov(eta.clone(), mu.clone()).with_buffer_unit(unit).with_restarts(4)?;
        let config = |k| Ok::<_, Error>(every(k, plan.clone())?.with_inner_state(policy));
        let inner = Lookahead::with_config(AdamW::new(), config(2)?)?;
        let optimizer = Lookahead::with_config(inner, config(4)?)?;
        let advance = |t: u32, params: &mut ParamSet<'static, f64>, state: &mut _| -> Result<(), Error> {
            if t == 6 {
                params.push("late", [2], vec![0.25, -0.5])?;
            }
            let gradients = params.iter().enumerate().map(|(index, param)| {
                let moves = index != 1 || t % 5 < 3;
                moves.then(|| param.values().iter().map(|w| w + f64::from(t).sin()).collect::<Vec<f64>>())
            });
            let grads = Grads::new(params, gradients.collect::<Vec<_>>())?;
            optimizer.step(0.1 / f64::from(1 + t % 3), params, &grads, state);
            if t % 9 == 7 {
                optimizer.sync_now(params, state);
            }
            Ok(())
        };
        let start = || -> Result<ParamSet<'static, f64>, Error> {
            let mut params = params(&[0.5, -0.25])?;
            params.push("resting", [1], vec![1.0])?;
            Ok(params)
        };
        let mut whole = start()?;
        let mut state = optimizer.init(&whole);
        for t in 0..30 {
            let mut copy = start()?;
            if whole.len() > copy.len() {
                copy.push("late", [2], vec![0.0; 2])?;
            }
            let bytes = Snapshot::capture(&optimizer, &whole, &state)?.to_bytes()?;
            let mut restored = Snapshot::from_bytes(&bytes)?.restore(&optimizer, &mut copy)?;
            advance(t, &mut copy, &mut restored)?;
            advance(t, &mut whole, &mut state)?;
            assert_eq!(copy.to_vecs(), whole.to_vecs(), "{unit:?}, {policy:?}, step {t}");
            assert!(restored == state, "{unit:?}, {policy:?}: the state after step {t}");
        }
    }
    Ok(())
}

/// The buffer holds ways, whatever it is measured in: under another unit it goes on at its length.
#[test]
fn a_run_goes_on_with_another_buffer_unit() -> Result<(), Error> {
    let units = [BufferUnit::Delta, BufferUnit::DeltaOverLearningRate, BufferUnit::OuterStep];
    for (from, to) in units.into_iter().flat_map(|from| units.map(|to| (from, to))) {
        let config = |unit| every(2, nesterov(0.5, 0.5)?.with_buffer_unit(unit));
        let optimizer = Lookahead::with_config(Sgd::new(), config(to)?)?;
        let mut params = params(&[0.0])?;
        let snapshot = saved(config(from)?)?;
        let mut state = snapshot.restore_under_new_hyperparameters(&optimizer, &mut params)?;
        step(&optimizer, 1.0, &mut params, &mut state, &[1.0])?;
        // as in a run with one unit: b = 1.5 + 2
        assert_eq!(state.momentum().map(|b| b[0][0]), Some(3.5), "{from:?}, then {to:?}");
    }
    Ok(())
}

#[test]
fn a_snapshot_says_which_outer_step_it_is_of() -> Result<(), Error> {
    let snapshot = saved(family::snoo())?;
    let text = snapshot.optimizer().to_string();
    let expected = "outer_rate 0.68, outer_momentum 0.37, outer_form nesterov, outer_buffer delta, restart_every 0";
    assert!(text.contains(expected), "{text}");
    let other = Lookahead::with_config(Sgd::new(), family::snoo().with_outer_step(nesterov(0.68, 0.5)?))?;
    let refused = snapshot.restore(&other, &mut params(&[0.0])?).map(|_| ());
    let expected = ["outer_momentum of Lookahead", "0.5", "0.37"].map(str::to_owned);
    let [name, expected, found] = expected;
    assert_eq!(refused, Err(Error::OtherOptimizer { name, expected, found }));
    Ok(())
}
