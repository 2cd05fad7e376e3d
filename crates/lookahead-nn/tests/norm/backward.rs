//! Gradients, beside the chain rule in f64 and beside finite differences.

use lookahead_nn::norm::{BatchNorm, Downstream, Epilogue, ParameterGradients, RunningStatistics, Upstream};
use proptest::prelude::*;

use super::reference::{Layer, widen};
use super::{assert_close, config, noise, rms};

const EPSILON: f64 = 1e-5;

/// A layer of `channels` trained on `x`, with what comes back for `dy`.
struct Trained {
    gamma: Vec<f32>,
    beta: Vec<f32>,
    added: Vec<f32>,
    dy: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    d_added: Vec<f32>,
    parameters: ParameterGradients,
}

fn train(x: &[f32], channels: usize, adds: bool, relu: bool) -> Trained {
    let (gamma, beta) = (noise(2, channels, 1.0, 0.3), noise(3, channels, 0.1, 0.3));
    let (added, dy) = (noise(4, x.len(), 0.0, 1.0), noise(5, x.len(), 0.2, 1.0));
    let norm = BatchNorm::new(&gamma, &beta, EPSILON).unwrap();
    let epilogue = if adds { Epilogue::default().with_added(&added) } else { Epilogue::default() };
    let epilogue = if relu { epilogue.with_relu() } else { epilogue };
    let [mut y, mut dx, mut d_added] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
    let batch = norm.train(x, epilogue, &mut y).unwrap();
    let above = if relu { Upstream::new(&dy).through_relu(&y) } else { Upstream::new(&dy) };
    let below = if adds { Downstream::new(&mut dx).with_added(&mut d_added) } else { Downstream::new(&mut dx) };
    let parameters = norm.backward(x, &batch, above, below).unwrap();
    Trained { gamma, beta, added, dy, y, dx, d_added, parameters }
}

/// Compares all four gradients with f64. Errors of dx are measured beside its first term, gamma rstd g: for few pixels
/// the terms cancel.
#[track_caller]
fn check(x: &[f32], channels: usize, adds: bool, relu: bool) {
    let layer = train(x, channels, adds, relu);
    let [x, gamma, beta, added] = [x, &layer.gamma, &layer.beta, &layer.added].map(widen);
    let added = adds.then_some(added.as_slice());
    let reference = Layer { x: &x, gamma: &gamma, beta: &beta, epsilon: EPSILON, added, relu };
    let expected = reference.gradients(&widen(&layer.dy), &widen(&layer.y));

    let (_, variance) = super::reference::statistics(&x, channels);
    let first_term = expected.added.iter().enumerate().map(|(i, g)| {
        let c = i % channels;
        gamma[c] / (variance[c] + EPSILON).sqrt() * g
    });
    assert_close("dx", &layer.dx, &expected.dx, rms(first_term));
    let pixels = (x.len() / channels) as f64;
    // That of a sum of as many independent numbers, or the sum itself.
    let parameter_scale = rms(expected.added.iter().copied()) * pixels.sqrt();
    for (what, got, expected) in
        [("dgamma", &layer.parameters.gamma, &expected.gamma), ("dbeta", &layer.parameters.beta, &expected.beta)]
    {
        assert_close(what, got, expected, parameter_scale.max(rms(expected.iter().copied())));
    }
    if adds {
        assert_eq!(widen(&layer.d_added), expected.added);
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn gradients_are_what_the_chain_rule_says(
        seed in any::<u64>(), pixels in 1..400_usize, channels in 1..70_usize,
        std in 0.01..10.0_f32, adds: bool, relu: bool,
    ) {
        check(&noise(seed, pixels * channels, 0.5, std), channels, adds, relu);
    }
}

#[test]
fn channels_of_every_kind_in_more_than_one_part() {
    for channels in [1, 3, 16, 17, 64, 130, 512, 1023] {
        check(&noise(7, 70_000 / channels * channels, 0.3, 1.0), channels, true, true);
        check(&noise(7, 70_000 / channels * channels, 0.3, 1.0), channels, false, true);
    }
}

#[test]
fn a_mean_of_ten_thousand_standard_deviations() {
    for channels in [1, 3, 64] {
        check(&noise(8, 20_000 * channels, 1e4, 1.0), channels, false, true);
    }
}

/// d(sum dy y) / d(what `move_by` moves), by central differences.
fn slope(dy: &[f64], output_moved_by: impl Fn(f64) -> Vec<f64>) -> f64 {
    const STEP: f64 = 1e-6;
    let loss = |step| output_moved_by(step).iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>();
    (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
}

fn moved(values: &[f64], index: usize, step: f64) -> Vec<f64> {
    let mut values = values.to_vec();
    values[index] += step;
    values
}

#[test]
fn gradients_are_slopes() {
    for (pixels, channels) in [(1, 2), (2, 1), (7, 3), (5, 17)] {
        for relu in [false, true] {
            let x = noise(11, pixels * channels, 0.5, 1.5);
            let layer = train(&x, channels, true, relu);
            let [x, gamma, beta, added, dy] =
                [&x, &layer.gamma, &layer.beta, &layer.added, &layer.dy].map(|v| widen(v));
            let at = Layer { x: &x, gamma: &gamma, beta: &beta, epsilon: EPSILON, added: Some(&added), relu };
            for i in 0..x.len() {
                let expected = slope(&dy, |step| Layer { x: &moved(&x, i, step), ..at }.trained());
                assert!((f64::from(layer.dx[i]) - expected).abs() < 1e-5, "dx {} for {expected}", layer.dx[i]);
                let expected = slope(&dy, |step| Layer { added: Some(&moved(&added, i, step)), ..at }.trained());
                assert!((f64::from(layer.d_added[i]) - expected).abs() < 1e-5, "{} for {expected}", layer.d_added[i]);
            }
            for c in 0..channels {
                let expected = slope(&dy, |step| Layer { gamma: &moved(&gamma, c, step), ..at }.trained());
                assert!((f64::from(layer.parameters.gamma[c]) - expected).abs() < 1e-5, "dgamma for {expected}");
                let expected = slope(&dy, |step| Layer { beta: &moved(&beta, c, step), ..at }.trained());
                assert!((f64::from(layer.parameters.beta[c]) - expected).abs() < 1e-5, "dbeta for {expected}");
            }
        }
    }
}

#[test]
fn gradients_of_a_frozen_layer_are_slopes() {
    let (pixels, channels) = (7, 3);
    let x = noise(12, pixels * channels, 0.5, 1.5);
    let (gamma, beta, dy) = (noise(2, channels, 1.0, 0.3), noise(3, channels, 0.1, 0.3), noise(5, x.len(), 0.2, 1.0));
    let (mean, variance) = ([0.4, -0.3, 1.2], [0.5, 2.0, 1.0]);
    let running = RunningStatistics { mean: &mean, variance: &variance };
    let norm = BatchNorm::new(&gamma, &beta, EPSILON).unwrap();
    let [mut y, mut dx] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
    norm.evaluate(&x, running, Epilogue::default().with_relu(), &mut y).unwrap();
    let above = Upstream::new(&dy).through_relu(&y);
    let parameters = norm.evaluate_backward(&x, running, above, Downstream::new(&mut dx)).unwrap();

    let [x, gamma, beta, dy] = [&x, &gamma, &beta, &dy].map(|values| widen(values));
    let (mean, variance) = (widen(&mean), widen(&variance));
    let at = Layer { x: &x, gamma: &gamma, beta: &beta, epsilon: EPSILON, added: None, relu: true };
    for (i, &dx) in dx.iter().enumerate() {
        let expected = slope(&dy, |step| Layer { x: &moved(&x, i, step), ..at }.normalized_by(&mean, &variance));
        assert!((f64::from(dx) - expected).abs() < 1e-5, "dx {dx} for {expected}");
    }
    for c in 0..channels {
        let expected =
            slope(&dy, |step| Layer { gamma: &moved(&gamma, c, step), ..at }.normalized_by(&mean, &variance));
        assert!((f64::from(parameters.gamma[c]) - expected).abs() < 1e-5, "dgamma for {expected}");
        let expected = slope(&dy, |step| Layer { beta: &moved(&beta, c, step), ..at }.normalized_by(&mean, &variance));
        assert!((f64::from(parameters.beta[c]) - expected).abs() < 1e-5, "dbeta for {expected}");
    }
}

#[test]
fn the_gradient_of_a_diverged_output_is_not_hidden() {
    let norm = BatchNorm::new(&[1.0], &[0.0], EPSILON).unwrap();
    let (x, mut y, mut dx) = ([1.0, f32::NAN], [0.0; 2], [0.0; 2]);
    let batch = norm.train(&x, Epilogue::default().with_relu(), &mut y).unwrap();
    let above = Upstream::new(&[1.0, 1.0]).through_relu(&y);
    let parameters = norm.backward(&x, &batch, above, Downstream::new(&mut dx)).unwrap();
    assert!(dx.iter().all(|dx| dx.is_nan()) && parameters.gamma[0].is_nan());
}
