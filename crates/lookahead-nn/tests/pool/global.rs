//! The average of whole images.

use lookahead_nn::pool::{Denominator, ImageShape, Pooling, Window, global_average, global_average_backward};
use proptest::prelude::*;

use super::{assert_close, config, noise};

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn it_is_the_average_pooling_of_a_window_as_large_as_the_image(
        seed in any::<u64>(), batch in 1..5_usize, height in 1..9_usize, width in 1..9_usize, channels in 1..40_usize,
    ) {
        let shape = ImageShape::new([batch, height, width, channels]).unwrap();
        let (x, dy) = (noise(seed, shape.elements()), noise(seed ^ 1, batch * channels));
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        global_average(shape, &x, &mut y).unwrap();
        global_average_backward(shape, &dy, &mut dx).unwrap();

        let pooling = Pooling::new(Window::new([height, width]), shape).unwrap();
        let (mut windows_y, mut windows_dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        pooling.average(Denominator::Pixels, &x, &mut windows_y).unwrap();
        pooling.average_backward(Denominator::Pixels, &dy, &mut windows_dx).unwrap();
        let widen = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        assert_close(&y, &widen(&windows_y));
        assert_close(&dx, &widen(&windows_dx));
    }
}

#[test]
fn many_pixels_lose_no_digits() {
    let shape = ImageShape::new([1, 1000, 1000, 1]).unwrap();
    let x = vec![0.1; shape.elements()];
    let mut y = [0.0];
    global_average(shape, &x, &mut y).unwrap();
    assert_eq!(y, [0.1]);
}
