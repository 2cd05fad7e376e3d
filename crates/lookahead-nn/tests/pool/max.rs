//! Max pooling.

use lookahead_nn::pool::{ImageShape, Pooling, Window};
use proptest::prelude::*;

use super::{coarse, config, configs, noise, pooling};

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn maxima_and_gradients_are_those_of_plain_loops(seed in any::<u64>(), config in configs()) {
        let Some(pooling) = pooling(&config) else { return Ok(()) };
        let (inputs, outputs) = (pooling.input().elements(), pooling.output().elements());
        let (x, dy) = (coarse(seed, inputs), noise(seed ^ 1, outputs));
        let (mut y, mut places, mut dx) = (vec![f32::NAN; outputs], vec![u32::MAX; outputs], vec![f32::NAN; inputs]);
        pooling.max(&x, &mut y, &mut places).unwrap();
        pooling.max_backward(&dy, &places, &mut dx).unwrap();

        let mut expected_dx = vec![0.0_f64; inputs];
        for (i, place) in config.places().into_iter().enumerate() {
            let mut elements = place.elements.into_iter();
            let first = elements.next().unwrap();
            let (element, pixel) = elements.fold(first, |best, next| if x[next.0] > x[best.0] { next } else { best });
            prop_assert_eq!((y[i], places[i] as usize), (x[element], pixel));
            expected_dx[element] += f64::from(dy[i]);
        }
        for (dx, expected) in dx.iter().zip(expected_dx) {
            prop_assert!((f64::from(*dx) - expected).abs() < 2e-6, "{} for {}", dx, expected);
        }
    }
}

#[test]
fn gradients_are_slopes() {
    let window = Window::new([3, 2]).with_stride([2, 1]).with_padding([1, 0]);
    let pooling = Pooling::new(window, ImageShape::new([2, 5, 4, 3]).unwrap()).unwrap();
    let (x, dy) = (noise(1, pooling.input().elements()), noise(2, pooling.output().elements()));
    let loss = |x: &[f32]| {
        let (mut y, mut places) = (vec![0.0; dy.len()], vec![0; dy.len()]);
        pooling.max(x, &mut y, &mut places).unwrap();
        y.iter().zip(&dy).map(|(&y, &dy)| f64::from(y) * f64::from(dy)).sum::<f64>()
    };
    let (mut y, mut places, mut dx) = (vec![0.0; dy.len()], vec![0; dy.len()], vec![0.0; x.len()]);
    pooling.max(&x, &mut y, &mut places).unwrap();
    pooling.max_backward(&dy, &places, &mut dx).unwrap();
    for i in 0..x.len() {
        let moved = |step: f32| {
            let mut x = x.clone();
            x[i] += step;
            loss(&x)
        };
        // The loss is linear until another element becomes the maximum.
        let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        assert!((f64::from(dx[i]) - slope).abs() < 2e-3, "{} for {slope}", dx[i]);
    }
}

#[test]
fn the_last_nan_beats_all() {
    let pooling = Pooling::new(Window::new([1, 5]), ImageShape::new([1, 1, 5, 2]).unwrap()).unwrap();
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let (mut y, mut places) = ([0.0; 2], [9; 2]);
    pooling.max(&[1.0, 1.0, nan, 2.0, inf, inf, nan, 3.0, 5.0, 4.0], &mut y, &mut places).unwrap();
    assert!(y[0].is_nan());
    assert_eq!((y[1], places), (inf, [3, 2]));
}

#[test]
fn minus_infinity_beats_the_padding() {
    let window = Window::new([3, 3]).with_padding([1, 1]).with_stride([1, 1]);
    let pooling = Pooling::new(window, ImageShape::new([1, 2, 2, 1]).unwrap()).unwrap();
    let (mut y, mut places) = ([0.0; 4], [9; 4]);
    pooling.max(&[f32::NEG_INFINITY; 4], &mut y, &mut places).unwrap();
    assert_eq!((y, places), ([f32::NEG_INFINITY; 4], [0; 4]));
}
