//! Output shapes, and which windows are accepted.

use lookahead_nn::pool::{ImageShape, Pooling, Window};
use proptest::prelude::*;

use super::{config, configs, pooling};

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn a_pooling_is_refused_exactly_if_a_window_holds_no_pixel_or_none_fits(config in configs()) {
        let output = config.output();
        let sound = !output.contains(&0) && config.places().iter().all(|place| !place.elements.is_empty());
        prop_assert_eq!(pooling(&config).map(|pooling| pooling.output().dims()), sound.then_some(output));
    }
}

#[test]
fn the_poolings_of_known_networks() {
    let output = |window, input| Pooling::new(window, ImageShape::new(input).unwrap()).unwrap().output().dims();
    // ResNet-50's stem, VGG, GoogLeNet's (ceil mode), a whole image.
    let stem = Window::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    assert_eq!(output(stem, [2, 112, 112, 64]), [2, 56, 56, 64]);
    assert_eq!(output(Window::new([2, 2]), [2, 7, 9, 5]), [2, 3, 4, 5]);
    assert_eq!(output(Window::new([3, 3]).with_stride([2, 2]).with_ceil(), [1, 112, 112, 64]), [1, 56, 56, 64]);
    assert_eq!(output(Window::new([7, 7]), [1, 7, 7, 3]), [1, 1, 1, 3]);
}

#[test]
fn ceil_mode_drops_a_window_that_starts_in_the_padding() {
    // Of 3 pixels with one padded on each side, windows of 2 start at -1 and 1; a third would start at 3, in the
    // padding.
    let window = Window::new([2, 2]).with_padding([1, 1]).with_ceil();
    let pooling = Pooling::new(window, ImageShape::new([1, 3, 3, 1]).unwrap()).unwrap();
    assert_eq!(pooling.output().dims(), [1, 2, 2, 1]);
}
