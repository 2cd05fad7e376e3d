//! EMA-Nesterov against the runs of `testdata/family`, made with its authors' code, and against what it equals.

use std::borrow::Cow;

#[cfg(feature = "serde")]
use lookahead::Snapshot;
use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Alpha, Averaged, Averaging, Buffer, Cadence, EmaNesterov, EmaNesterovConfig, Error, Float, Gpa, Grads,
    InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, PrimalAveraged, SyncPeriod, family,
};
use lookahead_laws::family::{InnerRule, Run, Source, assert_follows, ema_nesterov, gradients, initial, sgdm};

/// In f64 both programs differ by rounding alone; f32 rounds each step.
fn tolerance<T: Float>() -> f64 {
    if size_of::<T>() == 8 { 1e-12 } else { 5e-5 }
}

fn config(beta: f64, gamma: f64) -> Result<EmaNesterovConfig, Error> {
    EmaNesterovConfig::new().with_beta(beta)?.with_gamma(gamma)
}

fn every(k: u32) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?))
}

fn slices<'a, T: Float>(params: &'a ParamSet<'_, T>) -> Vec<&'a [T]> {
    params.iter().map(|param| param.values()).collect()
}

/// Step `t` with the gradient at the weights that are there.
fn step<T: Float, O: Optimizer<T>>(
    optimizer: &O,
    (params, state): (&mut ParamSet<'static, T>, &mut O::State),
    (t, lr): (usize, f64),
) -> Result<(), Error> {
    let grads = Grads::new(params, gradients(params, t, 0))?;
    optimizer.step(lr, params, &grads, state);
    Ok(())
}

#[test]
fn the_published_code_is_followed() -> Result<(), Error> {
    let source = Source::read("ema_nesterov");
    assert_eq!(source.runs.len(), 14);
    for run in &source.runs {
        match ema_nesterov("ema_nesterov", run)? {
            (InnerRule::Sgd(rule), config) => both(run, &EmaNesterov::with_config(rule, config))?,
            (InnerRule::AdamW(rule), config) => both(run, &EmaNesterov::with_config(rule, config))?,
        }
    }
    Ok(())
}

fn both<A>(run: &Run, optimizer: &EmaNesterov<A>) -> Result<(), Error>
where
    A: Optimizer<f32> + Optimizer<f64>,
{
    follow::<f64, A>(run, optimizer)?;
    follow::<f32, A>(run, optimizer)
}

/// p, theta and m after every step.
fn follow<T: Float, A: Optimizer<T>>(run: &Run, optimizer: &EmaNesterov<A>) -> Result<(), Error> {
    let mut params = initial::<T>()?;
    let mut state = optimizer.init(&params);
    assert!(run.fast.len() == 30 && run.slow.len() == 30 && run.kept.len() == 30, "{}: the steps", run.name());
    for t in 0..30 {
        step(optimizer, (&mut params, &mut state), (t, run.lr(t)))?;
        let at = format!("{}, after step {}", run.name(), t + 1);
        assert_follows(&format!("{at}: p"), &slices(&params), &run.fast[t], tolerance::<T>());
        let theta = optimizer.evaluate(&params, &state);
        let theta: Vec<&[T]> = theta.iter().map(Cow::as_ref).collect();
        assert_follows(&format!("{at}: theta"), &theta, &run.slow[t], tolerance::<T>());
        let m: Vec<&[T]> = state.momentum().iter().map(|m| &m[..]).collect();
        assert_follows(&format!("{at}: m"), &m, &run.kept[t], tolerance::<T>());
    }
    Ok(())
}

/// The weights stepped and evaluated after each of 30 steps.
fn trajectory<T: Float>(optimizer: &impl Optimizer<T>, lr: f64) -> Result<Vec<[Vec<T>; 2]>, Error> {
    let mut params = initial::<T>()?;
    let mut state = optimizer.init(&params);
    let one = |t| {
        step(optimizer, (&mut params, &mut state), (t, lr))?;
        Ok([params.to_vecs().concat(), optimizer.evaluate(&params, &state).concat()])
    };
    (0..30).map(one).collect()
}

/// To the bit, whatever is inside: where it does not look ahead, and before it does.
#[test]
fn without_a_look_ahead_it_is_the_inner_optimizer() -> Result<(), Error> {
    fn check<A: Optimizer<f32> + Optimizer<f64> + Clone>(inner: A) -> Result<(), Error> {
        for config in [config(0.0, 0.9)?, config(0.6, 0.9)?.with_prefill(30)?, config(0.6, 0.9)?.with_rest(1)?] {
            let ours = EmaNesterov::with_config(inner.clone(), config);
            assert_eq!(trajectory::<f64>(&ours, 0.05)?[..29], trajectory::<f64>(&inner, 0.05)?[..29]);
            assert_eq!(trajectory::<f32>(&ours, 0.05)?[..29], trajectory::<f32>(&inner, 0.05)?[..29]);
        }
        Ok(())
    }
    check(sgdm()?)?;
    check(AdamW::new())?;
    check(Lookahead::with_config(sgdm()?, every(3)?)?)?;
    check(PrimalAveraged::new(Sgd::new(), Gpa::new()))?;
    check(Averaged::new(AdamW::new(), Averaging::exponential(0.9)?.with_initial_weights()))
}

/// Sutskever et al. 2013: `v <- beta v - lr g(theta + beta v)`, `theta <- theta + v`.
#[test]
fn without_memory_around_sgd_it_is_nesterovs_momentum() -> Result<(), Error> {
    let (lr, beta) = (0.1, 0.9);
    let ours = trajectory::<f64>(&EmaNesterov::with_config(Sgd::new(), config(beta, 0.0)?), lr)?;
    let mut theta = initial::<f64>()?.to_vecs().concat();
    let mut v = vec![0.0; theta.len()];
    for (t, [_, evaluated]) in ours.iter().enumerate() {
        let mut p = initial::<f64>()?;
        let ahead = p.iter_mut().flat_map(|param| param.values_mut()).zip(theta.iter().zip(&v));
        ahead.for_each(|(p, (theta, v))| *p = theta + beta * v);
        for ((g, v), theta) in gradients(&p, t, 0).into_iter().flatten().flatten().zip(&mut v).zip(&mut theta) {
            *v = beta * *v - lr * g;
            *theta += *v;
        }
        assert_follows(&format!("theta after step {}", t + 1), &[evaluated], &theta, 1e-12);
    }
    // PyTorch's form holds the weights ahead
    let rule = trajectory::<f64>(&Sgd::new().with_momentum(beta)?.with_nesterov()?, lr)?;
    for ([p, _], [theirs, _]) in ours.iter().zip(&rule) {
        assert_follows("p", &[p], theirs, 1e-12);
    }
    Ok(())
}

/// theta is `beta x_(t-1) + (1 - beta) z_t` there, one step of x behind y.
#[test]
fn without_weight_decay_at_a_constant_rate_it_is_gpa() -> Result<(), Error> {
    let (lr, rule) = (0.01, AdamW::new().with_weight_decay(0.0)?);
    for (beta, gamma) in [(0.3, 0.99), (0.6, 0.9), (0.9, 0.0)] {
        let gpa = Gpa::new().with_coefficients(gamma + (1.0 - gamma) * beta, beta)?;
        let ours = trajectory::<f64>(&EmaNesterov::with_config(rule, config(beta, gamma)?), lr)?;
        let theirs = trajectory::<f64>(&PrimalAveraged::new(rule, gpa), lr / (1.0 - beta))?;
        let mut before = initial::<f64>()?.to_vecs().concat();
        for (t, ([p, theta], [y, x])) in ours.iter().zip(&theirs).enumerate() {
            let at = format!("beta {beta}, gamma {gamma}, step {}", t + 1);
            assert_follows(&at, &[p], y, 1e-12);
            let expected: Vec<f64> =
                y.iter().zip(x).zip(&before).map(|((y, x), before)| y - beta * (x - before)).collect();
            assert_follows(&at, &[theta], &expected, 1e-12);
            before.clone_from(x);
        }
    }
    Ok(())
}

/// A tensor without a gradient keeps its bits, and goes on from them.
#[test]
fn a_tensor_without_a_gradient_rests() -> Result<(), Error> {
    let optimizer = EmaNesterov::with_config(sgdm()?, config(0.6, 0.5)?);
    let mut params = initial::<f64>()?;
    let mut state = optimizer.init(&params);
    for t in 0..5 {
        step(&optimizer, (&mut params, &mut state), (t, 0.1))?;
    }
    let kept = |params: &ParamSet<'_, f64>, state: &<EmaNesterov<Sgd> as Optimizer<f64>>::State| {
        (params.slice(1).to_vec(), optimizer.evaluate(params, state)[1].to_vec(), state.momentum()[1].clone())
    };
    let before = kept(&params, &state);
    let mut gradient = gradients(&params, 5, 0);
    gradient[1] = None;
    let grads = Grads::new(&params, gradient)?;
    optimizer.step(0.1, &mut params, &grads, &mut state);
    assert_eq!(kept(&params, &state), before);
    step(&optimizer, (&mut params, &mut state), (6, 0.1))?;
    assert_ne!(kept(&params, &state), before);
    Ok(())
}

/// Below: theta is its slow weights after a partial cycle and m stays; a second end changes nothing.
#[test]
fn a_partial_cycle_below_ends_at_theta() -> Result<(), Error> {
    let optimizer = EmaNesterov::with_config(Lookahead::with_config(Sgd::new(), every(3)?)?, config(0.6, 0.5)?);
    let mut params = initial::<f64>()?;
    let mut state = optimizer.init(&params);
    for t in 0..4 {
        step(&optimizer, (&mut params, &mut state), (t, 0.1))?;
    }
    let m: Vec<Buffer<f64>> = state.momentum().to_vec();
    optimizer.end_partial_cycle(&mut params, &mut state);
    assert_eq!((state.inner().clock().phase(), state.momentum()), (0, &m[..]));
    let theta: Vec<f64> =
        params.to_vecs().concat().iter().zip(m.iter().flat_map(|m| m.to_vec())).map(|(p, m)| p - 0.6 * m).collect();
    assert_follows("theta", &[&theta], &state.inner().slow().concat(), 1e-15);
    let before = (params.to_vecs(), state.clone());
    optimizer.end_partial_cycle(&mut params, &mut state);
    assert_eq!((params.to_vecs(), state), before);
    Ok(())
}

/// In a sync without a gradient the Lookahead below works on theta, and p goes along; at alpha = 1 it is not there.
#[test]
fn a_lookahead_below_syncs_theta_without_a_gradient_too() -> Result<(), Error> {
    for (alpha, p, theta) in [(0.5, 3.0, 3.5), (1.0, 2.5, 3.0)] {
        let below = Lookahead::with_config(Sgd::new(), every(2)?.with_alpha(Alpha::new(alpha)?))?;
        let optimizer = EmaNesterov::with_config(below, config(0.5, 0.0)?);
        let mut params = ParamSet::new();
        params.push("w", [1], vec![4.0_f64])?;
        let mut state = optimizer.init(&params);
        // theta = 3 and m = -1, so p = 2.5
        for gradient in [Some(vec![1.0]), None] {
            let grads = Grads::new(&params, [gradient])?;
            optimizer.step(1.0, &mut params, &grads, &mut state);
        }
        assert_eq!((params.slice(0), &state.momentum()[0][..]), (&[p][..], &[-1.0][..]), "alpha = {alpha}");
        assert_eq!((state.inner().slow()[0][0], optimizer.evaluate(&params, &state)[0][0]), (theta, theta));
    }
    Ok(())
}

/// A sync above leaves a Lookahead below at theta.
#[test]
fn a_sync_above_leaves_the_lookahead_below_at_theta() -> Result<(), Error> {
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let below = EmaNesterov::with_config(Lookahead::with_config(sgdm()?, every(2)?)?, config(0.6, 0.5)?);
        let optimizer = Lookahead::with_config(below.clone(), every(4)?.with_inner_state(policy))?;
        let mut params = initial::<f64>()?;
        let mut state = optimizer.init(&params);
        for t in 0..8 {
            step(&optimizer, (&mut params, &mut state), (t, 0.1))?;
        }
        let looked_back: Vec<f64> = match policy {
            InnerStatePolicy::Reset => params.to_vecs().concat(),
            _ => {
                let m = state.inner().momentum().iter().flat_map(|m| m.to_vec());
                params.to_vecs().concat().iter().zip(m).map(|(p, m)| p - 0.6 * m).collect()
            }
        };
        assert_eq!(state.inner().inner().slow().concat(), looked_back, "{policy:?}");
    }
    Ok(())
}

/// From every step, with a window and a rate that falls, under a beta of its own too.
#[cfg(feature = "serde")]
#[test]
fn a_saved_run_goes_on_with_the_same_bits() -> Result<(), Error> {
    let window = config(0.6, 0.9)?.with_prefill(3)?.with_rest(12)?.with_reference_rate(0.1)?;
    let optimizer = EmaNesterov::with_config(Lookahead::with_config(sgdm()?, every(3)?)?, window);
    let other = EmaNesterov::with_config(optimizer.inner().clone(), config(0.1, 0.9)?);
    let lr = |t: usize| 0.1 / (t + 1) as f64;
    for saved in 0..15 {
        let mut params = initial::<f32>()?;
        let mut state = optimizer.init(&params);
        for t in 0..saved {
            step(&optimizer, (&mut params, &mut state), (t, lr(t)))?;
        }
        let bytes = Snapshot::capture(&optimizer, &params, &state)?.to_bytes()?;
        let (mut there, mut elsewhere) = (initial::<f32>()?, initial::<f32>()?);
        let mut loaded = Snapshot::from_bytes(&bytes)?.restore(&optimizer, &mut there)?;
        let under_another = Snapshot::from_bytes(&bytes)?.restore_under_new_hyperparameters(&other, &mut elsewhere)?;
        assert_eq!(other.evaluate(&elsewhere, &under_another), optimizer.evaluate(&params, &state));
        for t in saved..15 {
            step(&optimizer, (&mut params, &mut state), (t, lr(t)))?;
            step(&optimizer, (&mut there, &mut loaded), (t, lr(t)))?;
        }
        assert_eq!((params.to_vecs(), &state), (there.to_vecs(), &loaded), "saved after step {saved}");
    }
    Ok(())
}

#[cfg(feature = "serde")]
#[test]
fn hyperparameters_are_read_as_they_are_written() -> Result<(), Error> {
    let read = |json: &str| serde_json::from_str::<EmaNesterovConfig>(json).map_err(|error| error.to_string());
    assert_eq!(read("{}"), Ok(EmaNesterovConfig::new()));
    for config in [EmaNesterovConfig::new(), family::ema_nesterov_of_the_speedrun(0.0008)?, config(0.0, 0.5)?] {
        assert_eq!(read(&serde_json::to_string(&config).expect("JSON")), Ok(config));
    }
    for (json, words) in [(r#"{"beta": 1}"#, "beta is 1, but must be"), (r#"{"mu": 1}"#, "unknown field `mu`")] {
        assert!(read(json).is_err_and(|error| error.contains(words)), "{json}: {:?}", read(json));
    }
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused() -> Result<(), Error> {
    let new = EmaNesterovConfig::new();
    assert!(EmaNesterov::new(Lookahead::new(Sgd::new())).sync_periods().len() == 1);
    for (refused, words) in [
        (new.with_beta(1.0), "beta is 1, but must be at least 0 and below 1"),
        (new.with_beta(-0.1), "beta is -0.1, but must be at least 0 and below 1"),
        (new.with_gamma(f64::NAN), "gamma is NaN, but must be at least 0 and below 1"),
        (new.with_gamma(1.0 - 1e-9), "gamma is 0.999999999, but must be in its range as the nearest f32 too"),
        (new.with_gamma(1.0), "gamma is 1, but must be at least 0 and below 1"),
        (new.with_rest(5)?.with_prefill(5), "prefill is 5, but must be below rest"),
        (new.with_rest(0), "rest is 0, but must be above prefill"),
        (new.with_reference_rate(0.0), "reference_rate is 0, but must be above 0 and finite"),
        (family::ema_nesterov_of_the_speedrun(f64::INFINITY), "reference_rate is inf, but must be above 0 and finite"),
    ] {
        assert_eq!(refused.expect_err(words).to_string(), words);
    }
    Ok(())
}
