//! A record that goes on under other hyperparameters, where that is asked for; and what is refused even then.

mod device;
mod parameters;

use burn::tensor::DType;
use lookahead::{
    Adaptive, Alpha, Averaging, InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, Schedule,
    SlowStorage, SyncPeriod, rules,
};
use lookahead_burn::{AdamW, Averaged, Error, InnerOptimizer, Lookahead, Record, RuleSet, Sgd};

use parameters::Parameters;

fn module() -> Parameters {
    let mut module = Parameters::new();
    module.push(&[2, 2], &[0.5, -1.0, 2.0, 0.25], DType::F32);
    module.push(&[2], &[1.0, -0.5], DType::F32);
    module
}

/// Gradient steps on |w|^2 / 2.
fn steps<I: InnerOptimizer>(optimizer: &mut I, mut module: Parameters, count: usize) -> Parameters {
    for _ in 0..count {
        let gradients: Vec<_> = module.values().into_iter().map(Some).collect();
        let grads = module.gradients(&gradients);
        module = optimizer.advance(&0.1.into(), module, grads);
    }
    module
}

/// A record after so many steps, by way of its bytes, and the module then.
fn saved<I: InnerOptimizer>(mut optimizer: I, count: usize) -> Result<(Record, Parameters), Error> {
    let module = steps(&mut optimizer, module(), count);
    Ok((Record::from_bytes(&optimizer.to_record(&module)?.to_bytes()?)?, module))
}

/// Takes the state over and goes on, saved and loaded again before each step. Gives the weights then.
fn go_on<I: InnerOptimizer>(saved: &(Record, Parameters), here: I, count: usize) -> Result<Vec<Vec<f64>>, Error> {
    let (record, module) = saved;
    let (mut optimizer, mut module) =
        (here.clone().load_record_under_new_hyperparameters(record, module)?, module.clone());
    for _ in 0..count {
        optimizer = here.clone().load_record(&optimizer.to_record(&module)?, &module)?;
        module = steps(&mut optimizer, module, 1);
    }
    Ok(module.values())
}

fn config(k: u32, alpha: f64, policy: InnerStatePolicy) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_alpha(Alpha::new(alpha)?);
    Ok(config.with_inner_state(policy))
}

fn heavy_ball() -> Result<Sgd, Error> {
    Ok(rules::Sgd::new().with_momentum(0.9)?.with_dampening(0.5)?.into())
}

/// A momentum that was not kept begins at 0, and one that is not wanted goes.
#[test]
fn a_run_goes_on_with_an_outer_momentum_and_without() -> Result<(), Error> {
    let step = |eta: Schedule<OuterRate>, mu: Schedule<OuterMomentum>| {
        let period = SyncPeriod::new(2)?;
        Ok::<_, Error>(LookaheadConfig::new().with_sync_period(period).with_outer_step(OuterStep::nesterov(eta, mu)))
    };
    let [half, more] = [OuterRate::new(0.5)?, OuterRate::new(0.7)?];
    let [none, some] = [OuterMomentum::ZERO, OuterMomentum::new(0.6)?];
    let (plain, momentum) = (step(half.into(), none.into())?, step(more.into(), some.into())?);
    let weights =
        |config| Ok::<_, Error>(steps(&mut Lookahead::with_config(heavy_ball()?, config)?, module(), 8).values());
    let go_from = |config, here| {
        let made = saved(Lookahead::with_config(heavy_ball()?, config)?, 4)?;
        go_on(&made, Lookahead::with_config(heavy_ball()?, here)?, 4)
    };

    let (etas, mus) = (Schedule::steps(half, [(2, more)])?, Schedule::steps(none, [(2, some)])?);
    let fresh = OuterStep::nesterov(etas, mus).with_restarts(2)?;
    let with = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?).with_outer_step(fresh);
    assert_eq!(go_from(plain.clone(), momentum.clone())?, weights(with)?);

    let without = step(Schedule::steps(more, [(2, half)])?, Schedule::steps(some, [(2, none)])?)?;
    assert_eq!(go_from(momentum, plain)?, weights(without)?);
    Ok(())
}

#[test]
fn a_run_goes_on_under_another_alpha_and_k() -> Result<(), Error> {
    let maintain = InnerStatePolicy::Maintain;
    let periods = Schedule::steps(SyncPeriod::new(4)?, [(1, SyncPeriod::new(2)?)])?;
    let alphas = Schedule::steps(Alpha::new(0.5)?, [(1, Alpha::new(0.9)?)])?;
    let scheduled = LookaheadConfig::new().with_sync_period(periods).with_alpha(alphas);
    let weights = steps(&mut Lookahead::with_config(heavy_ball()?, scheduled)?, module(), 4 + 9).values();

    let made = saved(Lookahead::with_config(heavy_ball()?, config(4, 0.5, maintain)?)?, 4)?;
    let here = Lookahead::with_config(heavy_ball()?, config(2, 0.9, maintain)?)?;
    let refused = here.clone().load_record(&made.0, &made.1).map(|_| ());
    let Err(Error::OtherOptimizer { name, expected, found }) = &refused else { panic!("{refused:?}") };
    assert_eq!([name, expected, found], ["sync_period of Lookahead", "2", "4"]);
    assert_eq!(go_on(&made, here, 9)?, weights);
    Ok(())
}

/// A velocity begins as in a first step with momentum, and is gone without.
#[test]
fn momentum_begins_and_ends() -> Result<(), Error> {
    let made = saved(RuleSet::new(Sgd::new()), 3)?;
    let expected = steps(&mut RuleSet::new(heavy_ball()?), made.1.clone(), 4).values();
    assert_eq!(go_on(&made, RuleSet::new(heavy_ball()?), 4)?, expected);

    let made = saved(RuleSet::new(heavy_ball()?), 3)?;
    let expected = steps(&mut RuleSet::new(Sgd::new()), made.1.clone(), 4).values();
    assert_eq!(go_on(&made, RuleSet::new(Sgd::new()), 4)?, expected);
    Ok(())
}

/// From each policy and step size to each other, in mid-cycle and right after a sync.
#[test]
fn policies_and_step_sizes_change() -> Result<(), Error> {
    let mut all = Vec::new();
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        all.push(Lookahead::with_config(heavy_ball()?, config(4, 0.7, policy)?)?);
        let adaptive = config(4, 0.7, policy)?.with_adaptive_alpha(Adaptive::default());
        all.push(Lookahead::with_config(Sgd::new(), adaptive)?);
    }
    for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (from, to))) {
        for count in [0, 3, 4, 6] {
            let weights = go_on(&saved(from.clone(), count)?, to.clone(), 9)?;
            assert!(weights.iter().flatten().all(|w| w.abs() < 2.0), "{weights:?}");
        }
    }
    Ok(())
}

#[test]
fn an_average_goes_on_in_another_way() -> Result<(), Error> {
    let averaged = |averaging| Averaged::new(RuleSet::new(Sgd::new()), averaging);
    let made = saved(averaged(Averaging::Running { start: 100 }), 4)?;
    let here = averaged(Averaging::exponential(0.5)?);
    let (mut optimizer, mut module) = (here.load_record_under_new_hyperparameters(&made.0, &made.1)?, made.1.clone());
    module = steps(&mut optimizer, module, 1);
    // no mean had begun: it begins with the weights after this step
    assert_eq!(optimizer.average_model(&module).values(), module.values());
    Ok(())
}

/// After an average that has not begun, one with the initial weights begins at those at hand.
#[test]
fn an_average_begins_at_the_weights_at_hand() -> Result<(), Error> {
    let averaged = |averaging| Averaged::new(RuleSet::new(Sgd::new()), averaging);
    let (record, module) = saved(averaged(Averaging::Running { start: 9 }), 3)?;
    let here = averaged(Averaging::exponential(0.75)?.with_initial_weights());
    let mut here = here.load_record_under_new_hyperparameters(&record, &module)?;
    let before = module.values().concat();
    let module = steps(&mut here, module, 1);
    let mean = here.average_model(&module).values().concat();
    for ((mean, before), after) in mean.iter().zip(before).zip(module.values().concat()) {
        assert!((mean - (0.75 * before + 0.25 * after)).abs() < 1e-6, "{mean} of {before} and {after}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_taken_over_is_refused_by_name() -> Result<(), Error> {
    fn refused<I: InnerOptimizer>(made: &(Record, Parameters), here: I) -> String {
        match here.load_record_under_new_hyperparameters(&made.0, &made.1).map(|_| ()) {
            Err(Error::OtherOptimizer { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    }
    let maintain = config(4, 0.5, InnerStatePolicy::Maintain)?;
    let made = saved(Lookahead::with_config(Sgd::new(), maintain.clone())?, 6)?;
    assert_eq!(refused(&made, RuleSet::new(Sgd::new())), "optimizer");
    assert_eq!(refused(&made, Lookahead::with_config(AdamW::new(), maintain.clone())?), "optimizer in Lookahead");
    let rounded = maintain.with_slow_storage(SlowStorage::Bf16 { seed: 1 });
    assert_eq!(refused(&made, Lookahead::with_config(Sgd::new(), rounded)?), "slow_storage of Lookahead");
    Ok(())
}

#[test]
fn a_record_of_another_layout_says_so() -> Result<(), Error> {
    let content = &b"whatever it was"[..];
    // version 1 had no checksum over itself
    for (version, covered) in [(1_u32, content), (3, &b"\x03\0\0\0whatever it was"[..])] {
        let checksum = crc32fast::hash(covered);
        let bytes = [&b"lookahed"[..], &version.to_le_bytes(), &checksum.to_le_bytes(), content].concat();
        let read = Record::from_bytes(&bytes).map(|_| ());
        let Err(Error::UnknownVersion { found, supported: 2 }) = read else { panic!("{read:?}") };
        assert_eq!(found, version);
    }
    Ok(())
}
