//! Average pooling.

use lookahead_nn::pool::{Denominator, ImageShape, Pooling, Window};
use proptest::prelude::*;

use super::{assert_close, config, configs, noise, pooling};

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn averages_and_gradients_are_those_of_plain_loops(seed in any::<u64>(), config in configs(), pads: bool) {
        let Some(pooling) = pooling(&config) else { return Ok(()) };
        let denominator = if pads { Denominator::PixelsAndPadding } else { Denominator::Pixels };
        let (inputs, outputs) = (pooling.input().elements(), pooling.output().elements());
        let (x, dy) = (noise(seed, inputs), noise(seed ^ 1, outputs));
        let (mut y, mut dx) = (vec![f32::NAN; outputs], vec![f32::NAN; inputs]);
        pooling.average(denominator, &x, &mut y).unwrap();
        pooling.average_backward(denominator, &dy, &mut dx).unwrap();

        let (mut expected_y, mut expected_dx) = (vec![0.0; outputs], vec![0.0; inputs]);
        for (i, place) in config.places().into_iter().enumerate() {
            let count = if pads { place.padded } else { place.elements.len() } as f64;
            for (element, _) in place.elements {
                expected_y[i] += f64::from(x[element]) / count;
                expected_dx[element] += f64::from(dy[i]) / count;
            }
        }
        assert_close(&y, &expected_y);
        assert_close(&dx, &expected_dx);
    }
}

#[test]
fn gradients_are_slopes() {
    let window = Window::new([3, 2]).with_stride([2, 1]).with_padding([1, 1]).with_ceil();
    let pooling = Pooling::new(window, ImageShape::new([2, 4, 4, 3]).unwrap()).unwrap();
    let (x, dy) = (noise(1, pooling.input().elements()), noise(2, pooling.output().elements()));
    for denominator in [Denominator::PixelsAndPadding, Denominator::Pixels] {
        let loss = |x: &[f32]| {
            let mut y = vec![0.0; dy.len()];
            pooling.average(denominator, x, &mut y).unwrap();
            y.iter().zip(&dy).map(|(&y, &dy)| f64::from(y) * f64::from(dy)).sum::<f64>()
        };
        let mut dx = vec![0.0; x.len()];
        pooling.average_backward(denominator, &dy, &mut dx).unwrap();
        for i in 0..x.len() {
            let moved = |step: f32| {
                let mut x = x.clone();
                x[i] += step;
                loss(&x)
            };
            // The loss is linear: a long step loses nothing.
            let slope = (moved(1.0) - moved(-1.0)) / 2.0;
            assert!((f64::from(dx[i]) - slope).abs() < 1e-6, "{} for {slope}", dx[i]);
        }
    }
}

#[test]
fn the_usual_denominator_counts_padding() {
    assert_eq!(Denominator::default(), Denominator::PixelsAndPadding);
}
