//! The description of an optimizer in a snapshot: what differs is named, what is new has its default, and a state can go
//! on under other hyperparameters where that is asked for.

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{
    Adaptive, Alpha, Averaged, Averaging, Describe, Description, Error, Grads, InnerStatePolicy, Lookahead,
    LookaheadConfig, Optimizer, ParamSet, PowerWarmUp, Schedule, SlowStorage, Snapshot, SyncPeriod,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn params() -> Result<ParamSet<'static, f32>, Error> {
    let mut params = ParamSet::new();
    params.push("weight", [2, 2], vec![0.5, -1.0, 2.0, 0.25])?.push("bias", [2], vec![1.0, -0.5])?;
    Ok(params)
}

fn steps<O: Optimizer<f32>>(
    optimizer: &O,
    params: &mut ParamSet<'_, f32>,
    state: &mut O::State,
    count: usize,
) -> Result<(), Error> {
    for _ in 0..count {
        let gradients: Vec<_> = params.to_vecs().into_iter().map(Some).collect();
        let grads = Grads::new(params, gradients)?;
        optimizer.step(0.1, params, &grads, state);
    }
    Ok(())
}

/// After so many steps.
fn snapshot<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(
    optimizer: &O,
    count: usize,
) -> Result<Snapshot, Error> {
    let mut params = params()?;
    let mut state = optimizer.init(&params);
    steps(optimizer, &mut params, &mut state, count)?;
    Snapshot::from_bytes(&Snapshot::capture(optimizer, &params, &state)?.to_bytes()?)
}

fn config(k: u32, alpha: f64, policy: InnerStatePolicy) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_alpha(Alpha::new(alpha)?);
    Ok(config.with_inner_state(policy))
}

fn around<A: lookahead::Cadence>(inner: A, k: u32, alpha: f64) -> Result<Lookahead<A>, Error> {
    Lookahead::with_config(inner, config(k, alpha, InnerStatePolicy::Maintain)?)
}

/// The name of what differs, its value in the snapshot and here.
fn difference<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(
    snapshot: &Snapshot,
    here: &O,
) -> Result<[String; 3], Error> {
    let mut params = params()?;
    let before = params.to_vecs();
    match snapshot.restore(here, &mut params).map(|_| ()) {
        Err(Error::OtherOptimizer { name, expected, found }) => {
            assert_eq!(params.to_vecs(), before);
            Ok([name, found, expected])
        }
        other => panic!("{other:?} into {}", here.describe()),
    }
}

#[test]
fn the_hyperparameter_that_differs_is_named_with_both_values() -> Result<(), Error> {
    let sgd = Sgd::new().with_momentum(0.9)?;
    let saved = snapshot(&around(sgd, 4, 0.5)?, 6)?;
    let differs = |here: &Lookahead<Sgd>| difference(&saved, here);
    assert_eq!(differs(&around(sgd, 8, 0.5)?)?, ["sync_period of Lookahead", "4", "8"]);
    assert_eq!(differs(&around(sgd, 4, 0.8)?)?, ["alpha of Lookahead", "0.5", "0.8"]);
    assert_eq!(differs(&around(sgd, 8, 0.8)?)?, ["sync_period of Lookahead", "4", "8"], "the first");
    let other = sgd.with_momentum(0.5)?;
    assert_eq!(differs(&around(other, 4, 0.5)?)?, ["momentum of Lookahead / Sgd", "0.9", "0.5"]);
    let other = sgd.with_nesterov()?;
    assert_eq!(differs(&around(other, 4, 0.5)?)?, ["nesterov of Lookahead / Sgd", "off", "on"]);
    let other = sgd.with_weight_decay(1e-4)?;
    assert_eq!(differs(&around(other, 4, 0.5)?)?, ["weight_decay of Lookahead / Sgd", "0.0", "0.0001"]);
    let reset = Lookahead::with_config(sgd, config(4, 0.5, InnerStatePolicy::Reset)?)?;
    assert_eq!(differs(&reset)?, ["inner_state of Lookahead", "maintain", "reset"]);
    let rounded = config(4, 0.5, InnerStatePolicy::Maintain)?.with_slow_storage(SlowStorage::Bf16 { seed: 7 });
    assert_eq!(differs(&Lookahead::with_config(sgd, rounded)?)?, ["slow_storage of Lookahead", "full", "bf16"]);
    let scheduled = Schedule::steps(Alpha::new(0.5)?, [(9, Alpha::new(0.8)?)])?;
    let scheduled = config(4, 0.5, InnerStatePolicy::Maintain)?.with_alpha(scheduled);
    let expected = ["alpha of Lookahead", "0.5", "0.5 then 0.8 from outer step 9"];
    assert_eq!(differs(&Lookahead::with_config(sgd, scheduled)?)?, expected);
    let adaptive = config(4, 0.5, InnerStatePolicy::Maintain)?.with_adaptive_alpha(Adaptive::default());
    assert_eq!(differs(&Lookahead::with_config(sgd, adaptive)?)?, ["alpha of Lookahead", "0.5", "adaptive"]);

    assert_eq!(difference(&saved, &sgd)?, ["optimizer", "Lookahead", "Sgd"]);
    assert_eq!(difference(&saved, &around(Adam::new(), 4, 0.5)?)?, ["optimizer in Lookahead", "Sgd", "Adam"]);
    let twice = around(around(sgd, 4, 0.5)?, 4, 0.5)?;
    assert_eq!(difference(&saved, &twice)?, ["optimizer in Lookahead", "Sgd", "Lookahead"]);
    let averaged = Averaged::new(around(sgd, 4, 0.5)?, Averaging::Running { start: 0 });
    assert_eq!(difference(&saved, &averaged)?, ["optimizer", "Lookahead", "Averaged"]);
    Ok(())
}

#[test]
fn each_rule_and_average_says_its_hyperparameters() -> Result<(), Error> {
    let adam = snapshot(&Adam::new(), 1)?;
    assert_eq!(difference(&adam, &Adam::new().with_betas(0.9, 0.98)?)?, ["beta2 of Adam", "0.999", "0.98"]);
    assert_eq!(difference(&adam, &AdamW::new())?, ["optimizer", "Adam", "AdamW"]);
    let hat = Adam::new().with_epsilon_hat(1e-8)?;
    assert_eq!(difference(&adam, &hat)?, ["epsilon_is_hat of Adam", "off", "on"]);
    assert_eq!(difference(&snapshot(&hat, 1)?, &Adam::new())?, ["epsilon_is_hat of Adam", "on", "off"]);
    let ada_factor = snapshot(&AdaFactor::new(), 1)?;
    let clipped = AdaFactor::new().with_clipping(2.0)?;
    assert_eq!(difference(&ada_factor, &clipped)?, ["clipping of AdaFactor", "1.0", "2.0"]);
    let averaged = |averaging| Averaged::new(Sgd::new(), averaging);
    let running = snapshot(&averaged(Averaging::Running { start: 3 }), 5)?;
    assert_eq!(difference(&running, &averaged(Averaging::Running { start: 4 }))?, ["start of Averaged", "3", "4"]);
    let exponential = averaged(Averaging::exponential(0.5)?);
    assert_eq!(difference(&running, &exponential)?, ["average of Averaged", "running", "exponential"]);
    let rising = averaged(Averaging::exponential_with_power_warm_up(0.5, PowerWarmUp::new().with_power(0.75)?)?);
    let flat = snapshot(&exponential, 2)?;
    assert_eq!(difference(&flat, &rising)?, ["warm_up_power of Averaged", "0.0", "0.75"]);
    let from_theta_0 = averaged(Averaging::exponential(0.5)?.with_initial_weights());
    assert_eq!(difference(&flat, &from_theta_0)?, ["initial_weights of Averaged", "off", "on"]);
    Ok(())
}

/// A schedule without changes is its value.
#[test]
fn what_is_the_same_is_not_told_apart() -> Result<(), Error> {
    let constant = Schedule::steps(Alpha::new(0.5)?, [(4, Alpha::new(0.5)?)])?;
    let written_otherwise = config(4, 0.1, InnerStatePolicy::Maintain)?.with_alpha(constant);
    let saved = snapshot(&around(Sgd::new(), 4, 0.5)?, 3)?;
    assert!(saved.restore(&Lookahead::with_config(Sgd::new(), written_otherwise)?, &mut params()?).is_ok());
    Ok(())
}

/// A rule as a later version might describe it: with one hyperparameter more.
#[derive(Debug, Clone, Copy)]
struct Later {
    rule: Sgd,
    warmth: Option<f64>,
}

impl lookahead::Cadence for Later {}

impl Describe for Later {
    fn describe(&self) -> Description {
        let description = self.rule.describe();
        self.warmth.into_iter().fold(description, |description, warmth| description.with_new("warmth", warmth, 0.25))
    }
}

impl Optimizer<f32> for Later {
    type State = <Sgd as Optimizer<f32>>::State;

    fn init(&self, params: &ParamSet<'_, f32>) -> Self::State {
        self.rule.init(params)
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, f32>, grads: &Grads<'_, f32>, state: &mut Self::State) {
        self.rule.step(lr, params, grads, state);
    }
}

#[test]
fn a_hyperparameter_added_later_counts_as_its_default() -> Result<(), Error> {
    let [before, default, warm] = [None, Some(0.25), Some(0.5)].map(|warmth| Later { rule: Sgd::new(), warmth });
    assert!(snapshot(&before, 2)?.restore(&default, &mut params()?).is_ok(), "an older snapshot");
    assert!(snapshot(&default, 2)?.restore(&before, &mut params()?).is_ok(), "a newer one that makes no use of it");
    assert_eq!(difference(&snapshot(&before, 2)?, &warm)?, ["warmth of Sgd", "0.25", "0.5"]);
    assert_eq!(difference(&snapshot(&warm, 2)?, &before)?, ["warmth of Sgd", "0.5", "0.25"]);
    Ok(())
}

/// Takes the state over and goes on for some steps. Gives the weights then.
fn go_on<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(
    saved: &Snapshot,
    here: &O,
    count: usize,
) -> Result<Vec<Vec<f32>>, Error> {
    let mut params = params()?;
    let mut state = saved.restore_under_new_hyperparameters(here, &mut params)?;
    // it is one of this optimizer's now, at every step
    for _ in 0..count {
        let again = Snapshot::capture(here, &params, &state)?;
        state = again.restore(here, &mut params)?;
        steps(here, &mut params, &mut state, 1)?;
    }
    Ok(params.to_vecs())
}

#[test]
fn a_run_goes_on_under_another_alpha_and_k() -> Result<(), Error> {
    let sgd = Sgd::new().with_momentum(0.9)?;
    // schedules that change at outer step 1 are the run that is expected
    let periods = Schedule::steps(SyncPeriod::new(4)?, [(1, SyncPeriod::new(2)?)])?;
    let alphas = Schedule::steps(Alpha::new(0.5)?, [(1, Alpha::new(0.9)?)])?;
    let scheduled = LookaheadConfig::new().with_sync_period(periods).with_alpha(alphas);
    let scheduled = Lookahead::with_config(sgd, scheduled)?;
    let (mut expected, count) = (params()?, 9);
    let mut state = scheduled.init(&expected);
    steps(&scheduled, &mut expected, &mut state, 4 + count)?;

    let saved = snapshot(&around(sgd, 4, 0.5)?, 4)?;
    assert_eq!(go_on(&saved, &around(sgd, 2, 0.9)?, count)?, expected.to_vecs());
    Ok(())
}

/// In mid-cycle, beyond the new k: the sync comes with the next step.
#[test]
fn a_shorter_period_is_due_at_once() -> Result<(), Error> {
    let saved = snapshot(&around(Sgd::new(), 8, 0.5)?, 5)?;
    let (shorter, mut params) = (around(Sgd::new(), 3, 0.5)?, params()?);
    let mut state = saved.restore_under_new_hyperparameters(&shorter, &mut params)?;
    assert_eq!((state.clock().phase(), state.clock().outer()), (5, 0));
    steps(&shorter, &mut params, &mut state, 1)?;
    assert_eq!((state.clock().phase(), state.clock().outer()), (0, 1));
    Ok(())
}

#[test]
fn what_a_state_lacks_begins_and_what_is_not_kept_goes() -> Result<(), Error> {
    let plain = around(Sgd::new(), 4, 0.5)?;
    let heavy = Sgd::new().with_momentum(0.9)?.with_dampening(0.5)?;
    // momentum from here on: as a first step with it
    let saved = snapshot(&Sgd::new(), 3)?;
    let mut expected = params()?;
    steps(&Sgd::new(), &mut expected, &mut Sgd::new().init(&params()?), 3)?;
    let mut fresh = heavy.init(&expected);
    steps(&heavy, &mut expected, &mut fresh, 4)?;
    assert_eq!(go_on(&saved, &heavy, 4)?, expected.to_vecs());
    // and from momentum to none
    let saved = snapshot(&heavy, 3)?;
    let mut expected = params()?;
    saved.restore(&heavy, &mut expected).map(drop)?;
    steps(&Sgd::new(), &mut expected, &mut Sgd::new().init(&params()?), 2)?;
    assert_eq!(go_on(&saved, &Sgd::new(), 2)?, expected.to_vecs());

    // policies and step sizes, from each to each other, in mid-cycle
    let adaptive = |policy| -> Result<_, Error> {
        Lookahead::with_config(Sgd::new(), config(4, 0.5, policy)?.with_adaptive_alpha(Adaptive::default()))
    };
    let mut all = vec![plain.clone()];
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        all.push(Lookahead::with_config(heavy, config(4, 0.7, policy)?)?);
        all.push(adaptive(policy)?);
    }
    for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (from, to))) {
        for count in [0, 3, 4, 6] {
            let weights = go_on(&snapshot(from, count)?, to, 9)?;
            assert!(weights.iter().flatten().all(|w| w.is_finite() && w.abs() < 2.0), "{weights:?}");
        }
    }
    Ok(())
}

/// After an average that has not begun one with the initial weights begins at those at hand.
#[test]
fn an_average_begins_at_the_weights_at_hand() -> Result<(), Error> {
    let saved = snapshot(&Averaged::new(Sgd::new(), Averaging::Running { start: 9 }), 3)?;
    let here = Averaged::new(Sgd::new(), Averaging::exponential(0.75)?.with_initial_weights());
    let mut params = params()?;
    let mut state = saved.restore_under_new_hyperparameters(&here, &mut params)?;
    let before = params.to_vecs().concat();
    steps(&here, &mut params, &mut state, 1)?;
    let mean = here.evaluate(&params, &state).concat();
    for ((mean, before), after) in mean.iter().zip(before).zip(params.to_vecs().concat()) {
        assert_eq!(*mean, before - 0.25 * (before - after));
    }
    Ok(())
}

/// "Interpolate" begins from the state at hand: right after a sync that is where it would be.
#[test]
fn interpolation_begins_from_the_state_at_hand() -> Result<(), Error> {
    let heavy = Sgd::new().with_momentum(0.9)?;
    let with = |policy| Lookahead::with_config(heavy, config(4, 1.0, policy)?);
    // with alpha = 1 both policies have the same bits, so the state after a sync is that of either
    let [maintain, interpolate] = [with(InnerStatePolicy::Maintain)?, with(InnerStatePolicy::Interpolate)?];
    let (mut expected, saved) = (params()?, snapshot(&interpolate, 4)?);
    let half = Lookahead::with_config(heavy, config(4, 0.5, InnerStatePolicy::Interpolate)?)?;
    let mut state = saved.restore_under_new_hyperparameters(&half, &mut expected)?;
    steps(&half, &mut expected, &mut state, 9)?;
    assert_eq!(go_on(&snapshot(&maintain, 4)?, &half, 9)?, expected.to_vecs());
    Ok(())
}

#[test]
fn what_cannot_be_taken_over_is_refused_by_name() -> Result<(), Error> {
    fn refused<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(
        saved: &Snapshot,
        here: &O,
    ) -> Result<String, Error> {
        let mut params = params()?;
        let before = params.to_vecs();
        match saved.restore_under_new_hyperparameters(here, &mut params).map(|_| ()) {
            Err(Error::OtherOptimizer { name, .. }) if params.to_vecs() == before => Ok(name),
            other => panic!("{other:?} into {}", here.describe()),
        }
    }
    let saved = snapshot(&around(Adam::new(), 4, 0.5)?, 6)?;
    assert_eq!(refused(&saved, &Adam::new())?, "optimizer");
    assert_eq!(refused(&saved, &around(AdamW::new(), 4, 0.5)?)?, "optimizer in Lookahead");
    assert_eq!(refused(&saved, &around(around(Adam::new(), 4, 0.5)?, 4, 0.5)?)?, "optimizer in Lookahead");
    let rounded =
        |seed| config(4, 0.9, InnerStatePolicy::Reset).map(|it| it.with_slow_storage(SlowStorage::Bf16 { seed }));
    let rounded = |seed| Lookahead::with_config(Adam::new(), rounded(seed)?);
    assert_eq!(refused(&saved, &rounded(1)?)?, "slow_storage of Lookahead");
    assert_eq!(refused(&snapshot(&rounded(1)?, 6)?, &rounded(2)?)?, "seed of Lookahead");
    Ok(())
}
