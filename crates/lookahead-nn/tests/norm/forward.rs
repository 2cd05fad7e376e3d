//! Outputs and statistics.

use lookahead_nn::norm::{BatchNorm, Epilogue, NormError, RunningStatistics};
use proptest::prelude::*;

use super::reference::{Layer, statistics, widen};
use super::{assert_close, config, noise, rms};

const EPSILON: f64 = 1e-5;

/// Trains on `x` with and without additions and ReLU, and compares all that comes out with f64.
#[track_caller]
fn check_training(x: &[f32], channels: usize) -> Result<(), NormError> {
    let (gamma, beta) = (noise(2, channels, 1.0, 0.3), noise(3, channels, 0.1, 0.3));
    let added = noise(4, x.len(), 0.0, 1.0);
    let norm = BatchNorm::new(&gamma, &beta, EPSILON)?;
    let (wide_x, wide_added, wide_gamma, wide_beta) = (widen(x), widen(&added), widen(&gamma), widen(&beta));
    let (mean, variance) = statistics(&wide_x, channels);
    for (adds, relu) in [(false, false), (false, true), (true, false), (true, true)] {
        let epilogue = Epilogue::default();
        let epilogue = if adds { epilogue.with_added(&added) } else { epilogue };
        let epilogue = if relu { epilogue.with_relu() } else { epilogue };
        let mut y = vec![f32::NAN; x.len()];
        let batch = norm.train(x, epilogue, &mut y)?;

        let added = adds.then_some(wide_added.as_slice());
        let layer = Layer { x: &wide_x, gamma: &wide_gamma, beta: &wide_beta, epsilon: EPSILON, added, relu };
        let expected = layer.trained();
        let before_relu = rms(Layer { relu: false, ..layer }.trained().into_iter());
        assert_close("y", &y, &expected, before_relu);
        assert_eq!(batch.pixels, x.len() / channels);
        for c in 0..channels {
            let std = (variance[c] + EPSILON).sqrt();
            assert!((batch.mean[c] - mean[c]).abs() <= 1e-8 * std, "mean {} for {}", batch.mean[c], mean[c]);
            let error = (batch.variance[c] - variance[c]).abs();
            assert!(error <= 1e-8 * std * std, "variance {} for {}", batch.variance[c], variance[c]);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn training_is_what_the_equations_say(
        seed in any::<u64>(), pixels in 1..400_usize, channels in 1..70_usize,
        mean in -3.0..3.0_f32, std in 0.01..10.0_f32,
    ) {
        check_training(&noise(seed, pixels * channels, mean, std), channels).unwrap();
    }

    #[test]
    fn evaluation_is_what_the_equations_say(
        seed in any::<u64>(), pixels in 1..400_usize, channels in 1..70_usize, adds: bool, relu: bool,
    ) {
        let x = noise(seed, pixels * channels, 0.5, 2.0);
        let (gamma, beta) = (noise(2, channels, 1.0, 0.3), noise(3, channels, 0.1, 0.3));
        let mean = noise(5, channels, 0.5, 0.5);
        let variance: Vec<f32> = noise(6, channels, 0.0, 2.0).iter().map(|x| x * x).collect();
        let added = noise(4, x.len(), 0.0, 1.0);
        let epilogue = if adds { Epilogue::default().with_added(&added) } else { Epilogue::default() };
        let epilogue = if relu { epilogue.with_relu() } else { epilogue };
        let mut y = vec![f32::NAN; x.len()];
        let norm = BatchNorm::new(&gamma, &beta, EPSILON).unwrap();
        norm.evaluate(&x, RunningStatistics { mean: &mean, variance: &variance }, epilogue, &mut y).unwrap();

        let (x, gamma, beta, added) = (widen(&x), widen(&gamma), widen(&beta), widen(&added));
        let added = adds.then_some(added.as_slice());
        let layer = Layer { x: &x, gamma: &gamma, beta: &beta, epsilon: EPSILON, added, relu };
        let (mean, variance) = (widen(&mean), widen(&variance));
        let before_relu = rms(Layer { relu: false, ..layer }.normalized_by(&mean, &variance).into_iter());
        assert_close("y", &y, &layer.normalized_by(&mean, &variance), before_relu);
    }
}

#[test]
fn channels_of_every_kind_in_more_than_one_part() {
    for channels in [1, 3, 16, 17, 64, 130, 512, 1023] {
        check_training(&noise(7, 70_000 / channels * channels, 0.3, 1.0), channels).unwrap();
    }
}

#[test]
fn a_mean_of_ten_thousand_standard_deviations() {
    for channels in [1, 3, 64] {
        check_training(&noise(8, 20_000 * channels, 1e4, 1.0), channels).unwrap();
    }
}

#[test]
fn a_first_pixel_far_from_all_others() {
    let mut x = noise(9, 50_000 * 3, 0.0, 1.0);
    x[..3].copy_from_slice(&[1e4, -1e5, 0.0]);
    check_training(&x, 3).unwrap();
}

#[test]
fn one_pixel_and_equal_pixels_have_no_variance() {
    let (gamma, beta) = ([2.0, -3.0, 0.5], [0.25, 0.5, -1.0]);
    let norm = BatchNorm::new(&gamma, &beta, EPSILON).unwrap();
    for pixels in [1, 5] {
        let x = [1e7, 0.1, -3.3].repeat(pixels);
        let mut y = vec![f32::NAN; x.len()];
        let batch = norm.train(&x, Epilogue::default(), &mut y).unwrap();
        assert_eq!(batch.variance, [0.0; 3]);
        for (y, beta) in y.iter().zip(beta.iter().cycle()) {
            assert!((y - beta).abs() < 1e-5, "{y} for {beta}");
        }
    }
}

#[test]
fn nan_stays_in_its_channel_and_passes_the_relu() {
    let mut x = noise(10, 300 * 3, 0.0, 1.0);
    x[100 * 3 + 1] = f32::NAN;
    let mut y = vec![0.0; x.len()];
    let norm = BatchNorm::new(&[1.0; 3], &[0.0; 3], EPSILON).unwrap();
    norm.train(&x, Epilogue::default().with_relu(), &mut y).unwrap();
    assert!(y.iter().enumerate().all(|(i, y)| y.is_nan() == (i % 3 == 1)));
}

#[test]
fn unbiased_variance_divides_by_one_pixel_less() {
    let norm = BatchNorm::new(&[1.0], &[0.0], EPSILON).unwrap();
    let batch = norm.train(&[1.0, 2.0, 3.0, 6.0], Epilogue::default(), &mut [0.0; 4]).unwrap();
    assert_eq!((batch.mean[0], batch.variance[0]), (3.0, 3.5));
    assert!((batch.unbiased_variance()[0] - 14.0 / 3.0).abs() < 1e-15);
}
