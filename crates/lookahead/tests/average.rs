//! Polyak averaging and NT-ASGD against numbers worked out by hand.

use lookahead::rules::Sgd;
use lookahead::{Averaged, Averaging, Error, Grads, Lookahead, NonMonotonicTrigger, Optimizer, ParamSet};

/// The weights to evaluate after each step of SGD that goes 8 -> 7 -> 6 -> …
fn averages(averaging: Averaging, steps: usize) -> Result<Vec<f64>, Error> {
    let optimizer = Averaged::new(Sgd::new(), averaging);
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let mut state = optimizer.init(&params);
    let mut seen = Vec::new();
    for step in 1..=steps {
        let grads = Grads::new(&params, [Some(vec![1.0])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
        assert_eq!(params.slice(0), [8.0 - step as f64], "averaging leaves the run as it is");
        seen.push(optimizer.evaluation_weights(&state).map_or(params.slice(0)[0], |mean| mean[0][0]));
    }
    Ok(seen)
}

#[test]
fn running_means() -> Result<(), Error> {
    assert_eq!(averages(Averaging::Running { start: 0 }, 4)?, [7.0, 6.5, 6.0, 5.5]);
    // before the average begins, the weights themselves
    assert_eq!(averages(Averaging::Running { start: 2 }, 5)?, [7.0, 6.0, 5.0, 4.5, 4.0]);
    assert_eq!(averages(Averaging::Running { start: 9 }, 2)?, [7.0, 6.0]);
    Ok(())
}

#[test]
fn exponential_means() -> Result<(), Error> {
    // 7; 0.75 * 7 + 0.25 * 6; 0.75 * 6.75 + 0.25 * 5
    assert_eq!(averages(Averaging::exponential(0.75)?, 3)?, [7.0, 6.75, 6.3125]);
    assert_eq!(averages(Averaging::exponential(0.0)?, 3)?, [7.0, 6.0, 5.0]);
    // from theta_0 = 8, by 1/4 in each step
    assert_eq!(averages(Averaging::exponential(0.75)?.with_initial_weights(), 3)?, [7.75, 7.3125, 6.734375]);
    Ok(())
}

/// NT-ASGD's loop written out, n being the non-monotone interval: the check, from 0, at which averaging begins.
fn merity(losses: &[f64], n: usize) -> Option<usize> {
    let mut logs: Vec<f64> = Vec::new();
    for (t, &loss) in losses.iter().enumerate() {
        if t > n && loss > logs[..t - n].iter().copied().fold(f64::INFINITY, f64::min) {
            return Some(t);
        }
        logs.push(loss);
    }
    None
}

fn trigger(losses: &[f64], n: usize) -> Option<usize> {
    let mut trigger = NonMonotonicTrigger::default();
    let fired: Vec<bool> = losses.iter().map(|&loss| trigger.observe(loss, n)).collect();
    assert_eq!(trigger.has_fired(), fired.contains(&true));
    let first = fired.iter().position(|&fired| fired);
    assert!(fired[first.unwrap_or(fired.len())..].iter().all(|&fired| fired), "once fired, always fired: {fired:?}");
    first
}

#[test]
fn the_trigger_is_that_of_merity() {
    let falling: Vec<f64> = (0..20).map(|i| 100.0 - f64::from(i)).collect();
    let stalling: Vec<f64> = (0..20).map(|i| f64::from((i - 10_i32).pow(2))).collect();
    let jumping: Vec<f64> = (0..40).map(|i| f64::from(i * 37 % 40) - f64::from(i)).collect();
    let flat = vec![3.0; 12];
    for losses in [&falling, &stalling, &jumping, &flat] {
        for n in 0..8 {
            assert_eq!(trigger(losses, n), merity(losses, n), "n = {n}, losses {losses:?}");
        }
    }
    assert_eq!(trigger(&falling, 5), None);
    assert_eq!(trigger(&flat, 0), None, "a loss as good as the best does not fire");
    // 8.6 is above 8, the best of 9 and 8: the last two, 7 and 8.5, do not count
    assert_eq!(trigger(&[9.0, 8.0, 7.0, 8.5, 8.6, 8.7], 2), Some(4));
}

#[test]
fn averaging_begins_when_the_trigger_fires() -> Result<(), Error> {
    let optimizer = Averaged::new(Sgd::new(), Averaging::NonMonotonic { patience: 1 });
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let mut state = optimizer.init(&params);
    let mut seen = Vec::new();
    for loss in [5.0, 4.0, 4.5, 4.2, 3.0] {
        let grads = Grads::new(&params, [Some(vec![1.0])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
        seen.push(optimizer.evaluation_weights(&state).map(|mean| mean[0][0]));
        optimizer.observe_validation_loss(loss, &mut state);
    }
    // 4.2 after step 4 is above 4.0: step 5 is the first of the mean
    assert_eq!(seen, [None, None, None, None, Some(3.0)]);
    let grads = Grads::new(&params, [Some(vec![1.0])])?;
    optimizer.step(1.0, &mut params, &grads, &mut state);
    assert_eq!(optimizer.evaluation_weights(&state), Some(vec![vec![2.5].into()]));
    Ok(())
}

#[test]
fn a_validation_loss_says_whether_averaging_is_on() -> Result<(), Error> {
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let late = Averaged::new(Sgd::new(), Averaging::Running { start: 1 });
    let mut state = late.init(&params);
    assert!(!late.observe_validation_loss(1.0, &mut state), "step 1 does not enter the mean");
    let grads = Grads::new(&params, [Some(vec![1.0])])?;
    late.step(1.0, &mut params, &grads, &mut state);
    assert!(late.observe_validation_loss(1.0, &mut state), "step 2 does");
    Ok(())
}

#[test]
fn a_tensor_that_joins_later_is_averaged_from_its_value() -> Result<(), Error> {
    let optimizer = Averaged::new(Sgd::new(), Averaging::exponential(0.5)?);
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let mut state = optimizer.init(&params);
    let grads = Grads::new(&params, [Some(vec![1.0])])?;
    optimizer.step(1.0, &mut params, &grads, &mut state);
    params.push("late", [1], vec![4.0])?;
    let grads = Grads::new(&params, [Some(vec![1.0]), Some(vec![2.0])])?;
    optimizer.step(1.0, &mut params, &grads, &mut state);
    assert_eq!(optimizer.evaluation_weights(&state), Some(vec![vec![6.5].into(), vec![3.0].into()]));
    Ok(())
}

/// Each tensor has the mean of its own weights, however late it joins.
#[test]
fn a_running_mean_counts_each_tensors_own_weights() -> Result<(), Error> {
    let optimizer = Averaged::new(Sgd::new(), Averaging::Running { start: 1 });
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let mut state = optimizer.init(&params);
    let mut means = Vec::new();
    for step in 0..6 {
        if step == 3 {
            params.push("late", [1], vec![40.0])?;
        }
        let gradients = [Some(vec![1.0]), Some(vec![10.0])].into_iter().take(params.len());
        let grads = Grads::new(&params, gradients)?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
        means.push(optimizer.evaluation_weights(&state).map(|mean| mean.iter().map(|mean| mean[0]).collect()));
    }
    // w goes 7, 6, 5, 4, 3, 2, its mean from 6 on; late goes 30, 20, 10, its mean from 30 on
    let expected: [Option<Vec<f64>>; 6] =
        [None, Some(vec![6.0]), Some(vec![5.5]), Some(vec![5.0, 30.0]), Some(vec![4.5, 25.0]), Some(vec![4.0, 20.0])];
    assert_eq!(means, expected);
    Ok(())
}

/// Before it begins, the average of a Lookahead's weights stands back behind the slow weights.
#[test]
fn around_a_lookahead_the_slow_weights_are_evaluated_until_it_begins() -> Result<(), Error> {
    let optimizer = Averaged::new(Lookahead::new(Sgd::new()), Averaging::Running { start: 5 });
    let mut params = ParamSet::new();
    params.push("w", [1], vec![8.0])?;
    let mut state = optimizer.init(&params);
    let mut seen = Vec::new();
    for _ in 0..7 {
        let grads = Grads::new(&params, [Some(vec![1.0])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
        seen.push(optimizer.evaluation_weights(&state).map(|weights| weights[0][0]));
    }
    // k = 5, alpha = 0.5: phi goes 8 -> 5.5; the mean then holds the fast weights 4.5 and 3.5
    assert_eq!(seen, [8.0, 8.0, 8.0, 8.0, 5.5, 4.5, 4.0].map(Some));
    Ok(())
}

#[test]
fn what_is_not_finite_never_reaches_a_mean() -> Result<(), Error> {
    for averaging in [Averaging::Running { start: 0 }, Averaging::exponential(0.5)?] {
        let optimizer = Averaged::new(Lookahead::new(Sgd::new()), averaging);
        let mut params = ParamSet::new();
        params.push("w", [2], vec![8.0, 8.0])?;
        let mut state = optimizer.init(&params);
        for gradient in [1.0, f64::NAN, 1.0, 1.0, 1.0, 1.0] {
            let grads = Grads::new(&params, [Some(vec![gradient, 1.0])])?;
            optimizer.step(1.0, &mut params, &grads, &mut state);
            let mean = optimizer.evaluation_weights(&state).expect("a mean")[0].clone();
            assert!(mean.iter().all(|mean| mean.is_finite()), "{averaging:?}: {mean:?}");
        }
        // The sync has healed the weights, and the mean goes on with them.
        assert_eq!(params.slice(0)[0], 7.0, "phi_0 = 8 was kept at the sync, and one step follows");
    }
    Ok(())
}

/// With n weights in it the mean keeps min(decay, (1 + n) / (10 + n)), each tensor by its own count.
#[test]
fn a_decay_warms_up() -> Result<(), Error> {
    let warm = averages(Averaging::exponential_with_warm_up(0.2)?, 4)?;
    let (mut expected, mut mean) = (vec![], 0.0);
    for (theta, keep) in [7.0, 6.0, 5.0, 4.0].into_iter().zip([0.0, 2.0 / 11.0, 0.2, 0.2]) {
        mean = mean - (1.0 - keep) * (mean - theta);
        expected.push(mean);
    }
    assert!(
        warm.iter().zip(&expected).all(|(warm, expected): (&f64, &f64)| (warm - expected).abs() < 1e-12),
        "{warm:?}"
    );
    assert_eq!(averages(Averaging::exponential_with_warm_up(0.0)?, 4)?, [7.0, 6.0, 5.0, 4.0]);
    Ok(())
}

/// A tensor that joins late soon forgets where it began, as the others have.
#[test]
fn a_late_tensor_warms_up_too() -> Result<(), Error> {
    let optimizer = Averaged::new(Sgd::new(), Averaging::exponential_with_warm_up(0.999)?);
    let mut params = ParamSet::new();
    params.push("early", [1], vec![0.0_f64])?;
    let mut state = optimizer.init(&params);
    for step in 0..50 {
        if step == 20 {
            params.push("late", [1], vec![-40.0_f64])?;
        }
        // "early" falls by 1 in each step, "late" rises from -40 to 0 at once and stays
        let late = if step == 20 { -40.0 } else { 0.0 };
        let grads = [Some(vec![1.0]), Some(vec![late])].into_iter().take(params.len());
        let grads = Grads::new(&params, grads)?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
    }
    let mean = optimizer.evaluation_weights(&state).expect("a mean");
    // a tenth of -40 is left of its beginning after its first step, and then ever less
    assert!(mean[1][0] > -0.01 && mean[1][0] <= 0.0, "{mean:?}");
    Ok(())
}
