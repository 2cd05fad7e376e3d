//! The adaptive step size (Sec. 2.1, Prop. 1): exact where its assumptions hold, clipped, asked for at syncs only.

use std::cell::RefCell;

use lookahead::kernels::AlphaSums;
use lookahead::rules::{Adam, Sgd};
use lookahead::{
    Adaptive, Alpha, CurvaturePower, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, LookaheadState,
    Optimizer, ParamSet, SyncPeriod, SyncReport,
};

/// The curvature of the loss `sum a_i w_i^2 / 2`.
const CURVATURE: [f64; 2] = [1.0, 4.0];

fn config(k: u32, low: f64, curvature: CurvaturePower) -> Result<LookaheadConfig, Error> {
    let adaptive = Adaptive::new().with_low(Alpha::new(low)?).with_curvature(curvature);
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_adaptive_alpha(adaptive))
}

fn report<S: lookahead::InnerState<f64>>(state: &LookaheadState<f64, S>) -> SyncReport {
    *state.last_sync().expect("a sync has happened")
}

fn loss(weights: &[f64]) -> f64 {
    weights.iter().zip(CURVATURE).map(|(w, a)| a * w * w / 2.0).sum()
}

/// Three steps along gradients whose squares are `moments` in each element, then a sync with the loss's own gradient.
/// Gives theta_3, phi_1 and alpha.
fn cycle_on_quadratic<A: Optimizer<f64>>(
    inner: A,
    lr: f64,
    power: CurvaturePower,
    moments: [f64; 2],
) -> Result<(Vec<f64>, Vec<f64>, f64), Error> {
    let optimizer = Lookahead::with_config(inner, config(3, 0.01, power)?)?;
    let mut params = ParamSet::new();
    params.push("w", [2], vec![1.0, 1.0])?;
    let mut state = optimizer.init(&params);
    let theta_k = RefCell::new(Vec::new());
    for sign in [1.0, 1.0, -1.0] {
        let [first, second] = moments.map(f64::sqrt);
        let grads = Grads::new(&params, [Some(vec![sign * first, second])])?;
        optimizer.step_with(lr, &mut params, &grads, &mut state, |params| {
            theta_k.replace(params.slice(0).to_vec());
            let gradient: Vec<f64> = params.slice(0).iter().zip(CURVATURE).map(|(w, a)| a * w).collect();
            Grads::new(params, [Some(gradient)]).expect("one gradient for one tensor")
        });
    }
    let report = report(&state);
    assert!(!report.clipped, "alpha is {}", report.alpha.get());
    assert_eq!(params.slice(0), &*state.slow()[0]);
    Ok((theta_k.into_inner(), params.slice(0).to_vec(), report.alpha.get()))
}

/// The point on the way from phi_0 = (1, 1) to theta that has the least loss, found without Prop. 1.
fn best_alpha(theta: &[f64]) -> f64 {
    let at = |alpha: f64| loss(&[1.0 + alpha * (theta[0] - 1.0), 1.0 + alpha * (theta[1] - 1.0)]);
    let (mut low, mut high) = (0.0, 2.0);
    for _ in 0..200 {
        let third = (high - low) / 3.0;
        if at(low + third) < at(high - third) { high -= third } else { low += third }
    }
    (low + high) / 2.0
}

#[test]
fn alpha_minimizes_a_quadratic_whose_curvature_is_the_second_moment() -> Result<(), Error> {
    let squares = CURVATURE.map(|a| a * a);
    let sgd = |power, moments| cycle_on_quadratic(Sgd::new(), 0.4, power, moments);
    let adam = |power, moments| cycle_on_quadratic(Adam::new(), 0.75, power, moments);
    for (what, run) in [
        ("SGD", sgd(CurvaturePower::SecondMoment, CURVATURE)?),
        ("SGD, root", cycle_on_quadratic(Sgd::new(), 0.3, CurvaturePower::Root, squares)?),
        ("Adam", adam(CurvaturePower::SecondMoment, CURVATURE)?),
        ("Adam, root", adam(CurvaturePower::Root, squares)?),
    ] {
        let (theta, phi, alpha) = run;
        let best = best_alpha(&theta);
        assert!(best > 0.05 && best < 0.95, "{what}: an optimum of {best} tests nothing");
        assert!((alpha - best).abs() < 1e-6, "{what}: alpha {alpha}, but {best} is best");
        let reached = theta.iter().map(|theta| 1.0 + alpha * (theta - 1.0));
        assert!(reached.zip(&phi).all(|(expected, phi)| (expected - phi).abs() < 1e-14), "{what}: {phi:?}");
    }
    Ok(())
}

#[test]
fn plain_step_takes_the_last_gradient() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), config(2, 0.01, CurvaturePower::SecondMoment)?)?;
    let mut params = ParamSet::new();
    params.push("w", [1], vec![0.0])?;
    let mut state = optimizer.init(&params);
    for gradient in [-1.0, 0.5] {
        let grads = Grads::new(&params, [Some(vec![gradient])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
    }
    // theta: 0 -> 1 -> 0.5, so d = -0.5; the average of squares, its bias corrected, weighs 1 by 0.999 and 0.25 by 1
    let second = (0.999 * 1.0 + 0.25) / 1.999;
    let expected = 1.0 + 0.5 * -0.5 / (0.25 * second);
    let low = report(&state);
    assert!(expected < 0.01 && low.clipped && low.alpha.get() == 0.01, "{low:?} for an estimate of {expected}");

    for gradient in [-1.0, 0.125] {
        let grads = Grads::new(&params, [Some(vec![gradient])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
    }
    // d = -0.875; four squares 1, 0.25, 1, 1/64 by age
    let ages = [0.999_f64.powi(3), 0.999_f64.powi(2), 0.999, 1.0];
    let second = (ages[0] + ages[1] * 0.25 + ages[2] + ages[3] / 64.0) / ages.iter().sum::<f64>();
    let expected = 1.0 + 0.125 * -0.875 / (0.875 * 0.875 * second);
    let inside = report(&state);
    assert!((inside.alpha.get() - expected).abs() < 1e-12 && !inside.clipped, "{inside:?}, expected {expected}");
    Ok(())
}

#[test]
fn weights_that_did_not_move_give_one() -> Result<(), Error> {
    for (lr, gradient) in [(0.1, 0.0), (0.0, 3.0)] {
        let optimizer = Lookahead::with_config(Sgd::new(), config(3, 0.5, CurvaturePower::SecondMoment)?)?;
        let mut params = ParamSet::new();
        params.push("w", [2], vec![1.0, -0.0])?;
        let mut state = optimizer.init(&params);
        for _ in 0..3 {
            let grads = Grads::new(&params, [Some(vec![gradient; 2])])?;
            optimizer.step(lr, &mut params, &grads, &mut state);
        }
        let report = report(&state);
        assert_eq!((report.alpha, report.clipped), (Alpha::ONE, false), "rate {lr}, gradient {gradient}");
        assert_eq!(params.slice(0).iter().map(|w| w.to_bits()).collect::<Vec<_>>(), [1.0_f64, -0.0].map(f64::to_bits));
    }
    Ok(())
}

#[test]
fn estimates_outside_the_range_are_clipped_and_say_so() -> Result<(), Error> {
    let adaptive = Adaptive::new().with_low(Alpha::new(0.3)?);
    for (slope, curvature, alpha, clipped) in [
        (-0.5, 1.0, 0.5, false),
        (-0.7, 1.0, 0.3, false),
        (-0.701, 1.0, 0.3, true),
        (-9.0, 1.0, 0.3, true),
        (0.0, 1.0, 1.0, false),
        (0.001, 1.0, 1.0, true),
        (0.0, 0.0, 1.0, false),
        (5.0, 0.0, 1.0, false),
        (f64::NAN, 1.0, 0.3, true),
        (1.0, f64::NAN, 0.3, true),
        (f64::INFINITY, 1.0, 1.0, true),
        (f64::INFINITY, f64::INFINITY, 0.3, true),
    ] {
        let chosen = adaptive.choose(AlphaSums { slope, curvature });
        let close = (chosen.alpha.get() - alpha).abs() < 1e-12;
        assert!(close && chosen.clipped == clipped, "slope {slope}, curvature {curvature}: {chosen:?}");
    }
    assert_eq!(Adaptive::default().low().get(), 0.5);
    assert_eq!(Adaptive::default().curvature(), CurvaturePower::SecondMoment);
    Ok(())
}

#[test]
fn the_gradient_is_asked_for_at_adaptive_syncs_only() -> Result<(), Error> {
    let fixed = LookaheadConfig::new().with_sync_period(SyncPeriod::new(3)?);
    for (config, expected) in [(config(3, 0.5, CurvaturePower::SecondMoment)?, vec![2, 5]), (fixed, vec![])] {
        let optimizer = Lookahead::with_config(Sgd::new(), config)?;
        let mut params = ParamSet::new();
        params.push("w", [1], vec![8.0])?;
        let mut state = optimizer.init(&params);
        let mut asked = Vec::new();
        for step in 0..8 {
            let before = params.slice(0)[0];
            let grads = Grads::new(&params, [Some(vec![1.0])])?;
            optimizer.step_with(0.5, &mut params, &grads, &mut state, |params| {
                asked.push(step);
                assert_eq!(params.slice(0), [before - 0.5], "the gradient is that of the fast weights after the step");
                Grads::new(params, [Some(vec![-0.25])]).expect("one gradient for one tensor")
            });
        }
        assert_eq!(asked, expected);
    }
    Ok(())
}

#[test]
fn a_partial_cycle_ends_with_the_last_alpha() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Sgd::new(), config(2, 0.25, CurvaturePower::SecondMoment)?)?;
    let mut params = ParamSet::new();
    params.push("w", [1], vec![0.0])?;
    let mut state = optimizer.init(&params);
    let step = |params: &mut ParamSet<'_, f64>, state: &mut _, gradient: f64| -> Result<(), Error> {
        let grads = Grads::new(params, [Some(vec![gradient])])?;
        optimizer.step(1.0, params, &grads, state);
        Ok(())
    };
    step(&mut params, &mut state, 1.0)?;
    optimizer.sync_now(&mut params, &mut state);
    assert_eq!((report(&state).alpha.get(), params.slice(0)[0]), (0.25, -0.25), "alpha_low before the first sync");

    step(&mut params, &mut state, 1.0)?;
    step(&mut params, &mut state, -0.125)?;
    let chosen = report(&state);
    assert!(!chosen.clipped && chosen.alpha.get() > 0.5, "{chosen:?}");
    let before = params.slice(0)[0];
    step(&mut params, &mut state, 1.0)?;
    optimizer.sync_now(&mut params, &mut state);
    let moved = params.slice(0)[0] - before;
    assert!((moved + chosen.alpha.get()).abs() < 1e-15, "moved {moved} with alpha {}", chosen.alpha.get());
    Ok(())
}

#[test]
fn tensors_that_never_had_a_gradient_do_not_count() -> Result<(), Error> {
    let alpha_with = |frozen: usize| -> Result<f64, Error> {
        let optimizer = Lookahead::with_config(Adam::new(), config(2, 0.01, CurvaturePower::SecondMoment)?)?;
        let mut params = ParamSet::new();
        params.push("frozen", [frozen], vec![7.0; frozen])?.push("w", [1], vec![0.5])?;
        let mut state = optimizer.init(&params);
        for gradient in [1.0, -0.125] {
            let grads = Grads::new(&params, [None, Some(vec![gradient])])?;
            optimizer.step(0.5, &mut params, &grads, &mut state);
        }
        Ok(report(&state).alpha.get())
    };
    assert_eq!(alpha_with(0)?, alpha_with(5)?);
    Ok(())
}

/// A Lookahead inside that resets its inner optimizer has just emptied its second moment when the outer one syncs.
#[test]
fn around_a_resetting_lookahead_the_curvature_is_not_empty() -> Result<(), Error> {
    let inside = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?).with_inner_state(InnerStatePolicy::Reset);
    let inner = Lookahead::with_config(Adam::new(), inside)?;
    let optimizer = Lookahead::with_config(inner, config(4, 0.01, CurvaturePower::SecondMoment)?)?;
    let mut params = ParamSet::new();
    params.push("w", [1], vec![0.5])?;
    let mut state = optimizer.init(&params);
    for gradient in [1.0, 1.0, 1.0, -0.125] {
        let grads = Grads::new(&params, [Some(vec![gradient])])?;
        optimizer.step(0.5, &mut params, &grads, &mut state);
    }
    assert!(report(&state).alpha < Alpha::ONE, "the last gradient pulls back, yet {:?}", report(&state));
    Ok(())
}
