//! Averages against the runs of `testdata/family`, made with their authors' code: those that train where they evaluate,
//! and exponential ones. The weights after every step, stepped and evaluated.

use std::borrow::Cow;

#[cfg(feature = "serde")]
use lookahead::Snapshot;
use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Alpha, Averaged, Averaging, Error, Float, Gpa, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer,
    OuterMomentum, OuterRate, OuterStep, ParamSet, PowerWarmUp, PrimalAveraged, PrimalAveraging, PublishedDecay,
    ScheduleFree, SyncPeriod,
};
use lookahead_laws::family::{InnerRule, Run, Source, assert_follows, average, gradients, initial, primal, sgdm};

/// In f64 both programs differ by rounding alone; f32 rounds each step.
fn tolerance<T: Float>() -> f64 {
    if size_of::<T>() == 8 { 1e-12 } else { 5e-5 }
}

/// Each run of a source, in both precisions, under the optimizer that `wrap` puts around its rule.
macro_rules! source {
    ($stem:ident: $runs:literal, $member:path, $wrap:path) => {
        #[test]
        fn $stem() -> Result<(), Error> {
            let stem = stringify!($stem);
            let source = Source::read(stem);
            assert_eq!(source.runs.len(), $runs, "{stem}.json: the number of runs");
            for run in &source.runs {
                let at = format!("{stem}.json, {}", run.name());
                match $member(stem, run)? {
                    (InnerRule::Sgd(rule), averaging) => both(&at, run, &$wrap(rule, averaging))?,
                    (InnerRule::AdamW(rule), averaging) => both(&at, run, &$wrap(rule, averaging))?,
                }
            }
            Ok(())
        }
    };
}

source!(schedulefree_sgd: 8, primal, PrimalAveraged::new);
source!(schedulefree_wrapper: 8, primal, PrimalAveraged::new);
source!(schedulefree_adamw: 8, primal, PrimalAveraged::new);
source!(schedulefree_adamw_paper: 4, primal, PrimalAveraged::new);
source!(gpa_adamw: 7, primal, PrimalAveraged::new);
source!(ema_timm: 11, average, Averaged::new);
source!(ema_tensorflow: 3, average, Averaged::new);
source!(ema_torch_swa_utils: 5, average, Averaged::new);

/// An optimizer, and what it keeps that a source keeps too.
trait Keeps<T: Float>: Optimizer<T> {
    fn kept(_state: &Self::State) -> Option<Vec<&[T]>> {
        None
    }
}

impl<T: Float, A: Optimizer<T>> Keeps<T> for Averaged<A> {}

impl<T: Float, A: Optimizer<T>> Keeps<T> for PrimalAveraged<A> {
    fn kept(state: &Self::State) -> Option<Vec<&[T]>> {
        Some(state.z().iter().map(|z| &z[..]).collect())
    }
}

fn both(at: &str, run: &Run, optimizer: &(impl Keeps<f32> + Keeps<f64>)) -> Result<(), Error> {
    follow::<f64, _>(at, run, optimizer)?;
    follow::<f32, _>(at, run, optimizer)
}

fn follow<T: Float, O: Keeps<T>>(at: &str, run: &Run, optimizer: &O) -> Result<(), Error> {
    let mut params = initial::<T>()?;
    let mut state = optimizer.init(&params);
    assert_eq!(run.fast.len(), run.slow.len(), "{at}: the weights to evaluate");
    for (t, (fast, slow)) in run.fast.iter().zip(&run.slow).enumerate() {
        let grads = Grads::new(&params, gradients(&params, t, 0))?;
        optimizer.step(run.lr(t), &mut params, &grads, &mut state);
        let at = format!("{at}, after step {}", t + 1);
        let stepped: Vec<&[T]> = params.iter().map(|param| param.values()).collect();
        assert_follows(&format!("{at}: stepped"), &stepped, fast, tolerance::<T>());
        let evaluated = optimizer.evaluate(&params, &state);
        let evaluated: Vec<&[T]> = evaluated.iter().map(Cow::as_ref).collect();
        assert_follows(&format!("{at}: evaluated"), &evaluated, slow, tolerance::<T>());
        if let Some(kept) = O::kept(&state) {
            assert_follows(&format!("{at}: kept"), &kept, &run.kept[t], tolerance::<T>());
        }
    }
    Ok(())
}

/// The paper's recursion, written out: z by AdamW with its weight decay, x and y from it.
#[test]
fn gpa_decays_z_as_the_paper_says() -> Result<(), Error> {
    let (mu_x, mu_y, rule) = (0.9, 0.7, AdamW::new().with_weight_decay(0.1)?);
    let optimizer = PrimalAveraged::new(rule, Gpa::new().with_coefficients(mu_x, mu_y)?);
    let (mut y, mut z, mut x) = (initial::<f64>()?, initial()?, initial::<f64>()?.to_vecs().concat());
    let (mut state, mut inner) = (optimizer.init(&y), rule.init(&z));
    for t in 0..30 {
        let grads = Grads::new(&y, gradients(&y, t, 0))?;
        optimizer.step(0.01, &mut y, &grads, &mut state);
        rule.step(0.01, &mut z, &grads, &mut inner);
        let at_z = z.to_vecs().concat();
        x.iter_mut().zip(&at_z).for_each(|(x, z)| *x = mu_x * *x + (1.0 - mu_x) * z);
        let at_y: Vec<f64> = x.iter().zip(&at_z).map(|(x, z)| mu_y * x + (1.0 - mu_y) * z).collect();
        let found: Vec<&[f64]> = y.iter().map(|param| param.values()).collect();
        assert_follows(&format!("y after step {}", t + 1), &found, &at_y, 1e-12);
        let evaluated = optimizer.evaluate(&y, &state);
        let evaluated: Vec<&[f64]> = evaluated.iter().map(Cow::as_ref).collect();
        assert_follows(&format!("x after step {}", t + 1), &evaluated, &x, 1e-12);
    }
    Ok(())
}

/// GPA's x where `mu_y = 0`, which [`Gpa`] refuses. The numbers are NumPy's, by the recursion alone.
#[test]
fn an_average_that_begins_at_the_initial_weights_is_gpa_without_x_in_y() -> Result<(), Error> {
    let expected = [
        (
            1,
            [
                0.9543269357771429,
                0.361354130914811,
                -0.5058410560830022,
                -0.9889825966989261,
                -0.7249250448917279,
                0.08849810842227382,
                0.8337044377497707,
                0.949223089648368,
            ],
        ),
        (
            30,
            [
                0.8121786947870901,
                0.2745813128926523,
                -0.4045231624872492,
                -0.8091581054770587,
                -0.5567814583402286,
                0.06350354301293523,
                0.6435333700328917,
                0.7461117259435984,
            ],
        ),
    ];
    let optimizer = Averaged::new(AdamW::new(), Averaging::exponential(0.9)?.with_initial_weights());
    let mut params = initial::<f64>()?;
    let mut state = optimizer.init(&params);
    for t in 0..30 {
        let grads = Grads::new(&params, gradients(&params, t, 0))?;
        optimizer.step(0.01, &mut params, &grads, &mut state);
        for (_, expected) in expected.iter().filter(|(step, _)| *step == t + 1) {
            let mean = optimizer.evaluate(&params, &state);
            let mean: Vec<&[f64]> = mean.iter().map(Cow::as_ref).collect();
            assert_follows(&format!("after step {}", t + 1), &mean, expected, 1e-12);
        }
    }
    Ok(())
}

/// k = 1 with momentum is an average that trains: Nesterov's with mu_x = mu_y, the heavy ball's with mu_y = 1.
#[test]
fn an_outer_step_with_period_one_is_gpa() -> Result<(), Error> {
    let (eta, mu) = (0.7, 0.9);
    let (rate, momentum, rule) = (OuterRate::new(eta)?, OuterMomentum::new(mu)?, AdamW::new().with_weight_decay(0.0)?);
    for (mu_y, step) in [(mu, OuterStep::nesterov(rate, momentum)), (1.0, OuterStep::heavy_ball(rate, momentum))] {
        let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(1)?).with_outer_step(step);
        let (outer, gpa) =
            (Lookahead::with_config(rule, config)?, PrimalAveraged::new(rule, Gpa::new().with_coefficients(mu, mu_y)?));
        let (mut phi, mut y) = (initial::<f64>()?, initial::<f64>()?);
        let (mut of_outer, mut of_gpa) = (outer.init(&phi), gpa.init(&y));
        for t in 0..30 {
            let grads = Grads::new(&phi, gradients(&phi, t, 0))?;
            outer.step(0.01, &mut phi, &grads, &mut of_outer);
            let grads = Grads::new(&y, gradients(&y, t, 0))?;
            gpa.step(eta * 0.01 / (1.0 - mu), &mut y, &grads, &mut of_gpa);
            let found: Vec<&[f64]> = y.iter().map(|param| param.values()).collect();
            assert_follows(&format!("mu_y {mu_y}, step {}", t + 1), &found, &phi.to_vecs().concat(), 1e-12);
        }
    }
    Ok(())
}

/// A Lookahead below that does nothing is not there, nor is the average where x takes all of z.
#[test]
fn an_average_around_a_lookahead() -> Result<(), Error> {
    let still = LookaheadConfig::new().with_sync_period(SyncPeriod::new(3)?).with_alpha(Alpha::ONE);
    let below = Lookahead::with_config(AdamW::new(), still)?;
    let (with, without) =
        (PrimalAveraged::new(below, ScheduleFree::new()), PrimalAveraged::new(AdamW::new(), ScheduleFree::new()));
    let (mut ours, mut theirs) = (initial::<f32>()?, initial::<f32>()?);
    let (mut state, mut other) = (with.init(&ours), without.init(&theirs));
    for t in 0..10 {
        let grads = Grads::new(&ours, gradients(&ours, t, 0))?;
        with.step(0.01, &mut ours, &grads, &mut state);
        without.step(0.01, &mut theirs, &grads, &mut other);
        assert_eq!(ours.to_vecs(), theirs.to_vecs(), "step {t}");
    }
    assert_eq!(state.z(), other.z());
    Ok(())
}

/// The Lookahead below syncs: z is its slow weights then, x stays, and a second time changes nothing.
#[test]
fn a_partial_cycle_below_an_average_ends() -> Result<(), Error> {
    let below = Lookahead::with_config(Sgd::new(), LookaheadConfig::new().with_sync_period(SyncPeriod::new(3)?))?;
    let optimizer = PrimalAveraged::new(below, Gpa::new());
    let mut params = initial::<f64>()?;
    let mut state = optimizer.init(&params);
    for t in 0..4 {
        let grads = Grads::new(&params, gradients(&params, t, 0))?;
        optimizer.step(0.1, &mut params, &grads, &mut state);
    }
    let z_and_x = |params: &ParamSet<'_, f64>, state: &_| -> [Vec<f64>; 2] {
        let state: &<PrimalAveraged<Lookahead<Sgd>> as Optimizer<f64>>::State = state;
        [state.z().iter().flat_map(|z| z.to_vec()).collect(), optimizer.evaluate(params, state).concat()]
    };
    let [z, x] = z_and_x(&params, &state);
    let expected: Vec<f64> = state.inner().slow().concat().iter().zip(&z).map(|(phi, z)| (phi + z) / 2.0).collect();
    optimizer.end_partial_cycle(&mut params, &mut state);
    assert_eq!(state.inner().clock().phase(), 0);
    let [z, evaluated] = z_and_x(&params, &state);
    assert_eq!(z, state.inner().slow().concat());
    assert_follows("z", &[&z], &expected, 1e-15);
    assert_follows("x", &[&evaluated], &x, 1e-15);
    let before = (params.to_vecs(), state.clone());
    optimizer.end_partial_cycle(&mut params, &mut state);
    assert_eq!((params.to_vecs(), state), before);
    Ok(())
}

/// A tensor without a gradient keeps its bits, y, z and x, where the Lookahead below has no way to go.
#[test]
fn resting_under_an_average_around_a_lookahead_moves_nothing() -> Result<(), Error> {
    fn check<T: Float>(averaging: PrimalAveraging, z: f64, y: f64) -> Result<(), Error> {
        let below = Lookahead::with_config(Sgd::new(), LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?))?;
        let optimizer = PrimalAveraged::new(below, averaging);
        let mut params = ParamSet::new();
        params.push("w", [3], [z, -0.0, 1.0].map(T::from_f64).to_vec())?;
        let mut state = optimizer.init(&params);
        params.slice_mut(0)[0] = T::from_f64(y);
        let bits = |params: &ParamSet<'_, T>, state: &_| -> Vec<u64> {
            let state: &<PrimalAveraged<Lookahead<Sgd>> as Optimizer<T>>::State = state;
            let (y, x) = (params.slice(0).iter(), optimizer.evaluate(params, state)[0].to_vec());
            y.chain(&x).chain(state.z()[0].iter()).map(|value| value.to_f64().to_bits()).collect()
        };
        let (before, none) = (bits(&params, &state), Grads::new(&params, [None::<Vec<T>>])?);
        for step in 0..1000 {
            optimizer.step(0.1, &mut params, &none, &mut state);
            assert_eq!(bits(&params, &state), before, "{averaging:?}, after step {}", step + 1);
        }
        Ok(())
    }
    for (mu_y, z, y) in [(0.5, 0.243_029_25, 1.122_231), (0.7, 0.4, 0.1)] {
        let gpa = Gpa::new().with_coefficients(0.9, mu_y)?;
        let free = ScheduleFree::new().with_beta(mu_y)?;
        for averaging in [PrimalAveraging::from(gpa), free.into()] {
            check::<f32>(averaging, z, y)?;
            check::<f64>(averaging, z, y)?;
        }
    }
    Ok(())
}

/// A Lookahead below is around z: that is where its slow weights are after a sync of one above.
#[test]
fn a_sync_above_an_average_leaves_the_lookahead_below_at_z() -> Result<(), Error> {
    let every = |k| Ok::<_, Error>(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?));
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let below = PrimalAveraged::new(Lookahead::with_config(sgdm()?, every(2)?)?, Gpa::new());
        let optimizer = Lookahead::with_config(below, every(4)?.with_inner_state(policy))?;
        let mut params = initial::<f64>()?;
        let mut state = optimizer.init(&params);
        for t in 0..8 {
            let grads = Grads::new(&params, gradients(&params, t, 0))?;
            optimizer.step(0.1, &mut params, &grads, &mut state);
            if t % 4 == 3 {
                let (below, z) = (state.inner().inner(), state.inner().z());
                assert_eq!(below.slow().concat(), z.iter().flat_map(|z| z.to_vec()).collect::<Vec<_>>(), "{policy:?}");
            }
        }
    }
    Ok(())
}

/// x follows from y and z by beta or mu_y: a run does not go on with another one, but with another memory.
#[cfg(feature = "serde")]
#[test]
fn a_saved_average_keeps_what_it_is_read_by() -> Result<(), Error> {
    let gpa = |mu_x, mu_y| Ok::<_, Error>(PrimalAveraged::new(Sgd::new(), Gpa::new().with_coefficients(mu_x, mu_y)?));
    let free = |beta| Ok::<_, Error>(PrimalAveraged::new(Sgd::new(), ScheduleFree::new().with_beta(beta)?));
    for (saved, other, name) in [(gpa(0.9, 0.7)?, gpa(0.9, 0.5)?, "mu_y of Gpa"), (free(0.9)?, free(0.8)?, "beta of S")]
    {
        let mut params = initial::<f64>()?;
        let snapshot = Snapshot::capture(&saved, &params, &saved.init(&params))?;
        let refused = snapshot.restore_under_new_hyperparameters(&other, &mut params).map(|_| ());
        let refused = refused.expect_err("another average").to_string();
        assert!(refused.contains(name), "{refused}");
    }
    let mut params = initial::<f64>()?;
    let saved = gpa(0.9, 0.7)?;
    let snapshot = Snapshot::capture(&saved, &params, &saved.init(&params))?;
    snapshot.restore_under_new_hyperparameters(&gpa(0.99, 0.7)?, &mut params).map(|_| ())
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = [
        (ScheduleFree::new().with_beta(0.0).map(|_| ()), "beta is 0, but must be at least 0.01 and at most 1"),
        (ScheduleFree::new().with_beta(1.5).map(|_| ()), "beta is 1.5, but must be at least 0.01 and at most 1"),
        (ScheduleFree::new().with_beta(0.009).map(|_| ()), "beta is 0.009, but must be at least 0.01 and at most 1"),
        (Gpa::new().with_coefficients(0.9, 1e-8).map(|_| ()), "mu_y is 1e-8, but must be at least 0.01 and at most 1"),
        // What f32 makes of this is out of the range.
        (
            Gpa::new().with_coefficients(1.0 - 1e-9, 0.7).map(|_| ()),
            "mu_x is 0.999999999, but must be in its range as the nearest f32 too",
        ),
        (ScheduleFree::new().with_power(-1.0).map(|_| ()), "power is -1, but must be from 0 to 10"),
        (ScheduleFree::new().with_rate_power(f64::NAN).map(|_| ()), "rate_power is NaN, but must be from 0 to 10"),
        (ScheduleFree::new().with_weight_decay(-0.1).map(|_| ()), "weight_decay is -0.1, but must be finite and"),
        (ScheduleFree::new().with_corrected_rate(1.0).map(|_| ()), "beta2 is 1, but must be at least 0 and below 1"),
        (Gpa::new().with_coefficients(1.0, 0.5).map(|_| ()), "mu_x is 1, but must be at least 0 and below 1"),
        (Gpa::new().with_coefficients(0.5, 0.0).map(|_| ()), "mu_y is 0, but must be at least 0.01 and at most 1"),
        (Gpa::new().with_published_decay(PublishedDecay::OnZ(-1.0)).map(|_| ()), "weight_decay is -1, but must be"),
        (PowerWarmUp::new().with_gamma(0.0).map(|_| ()), "gamma is 0, but must be above 0 and finite"),
        (PowerWarmUp::new().with_power(f64::INFINITY).map(|_| ()), "power is inf, but must be above 0 and finite"),
        (PowerWarmUp::new().with_min_decay(1.0).map(|_| ()), "min_decay is 1, but must be at least 0 and below 1"),
        (Averaging::exponential_with_power_warm_up(1.1, PowerWarmUp::new()).map(|_| ()), "decay is 1.1, but must be"),
        (
            PowerWarmUp::new()
                .with_min_decay(0.9)
                .and_then(|warm_up| Averaging::exponential_with_power_warm_up(0.5, warm_up))
                .map(|_| ()),
            "min_decay is 0.9, but must be at most the decay",
        ),
        (ScheduleFree::new().with_power(300.0).map(|_| ()), "power is 300, but must be from 0 to 10"),
        (AdamW::new().with_epsilon_hat(-1.0).map(|_| ()), "epsilon is -1, but must be finite and not negative"),
    ];
    for (refused, words) in refused {
        let error = refused.expect_err(words).to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
