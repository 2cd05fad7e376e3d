//! Bad input is told, and nothing is written.

use lookahead_nn::pool::{
    Denominator, ImageShape, PoolError, Pooling, Window, global_average, global_average_backward,
};

fn images() -> ImageShape {
    ImageShape::new([2, 4, 6, 3]).unwrap()
}

fn refused(window: Window) -> PoolError {
    Pooling::new(window, images()).unwrap_err()
}

fn length(slice: &'static str, got: usize, needed: usize) -> PoolError {
    PoolError::Length { slice, got, needed }
}

#[test]
fn shapes() {
    for (dims, dimension) in
        [([0, 1, 1, 1], "batch"), ([1, 0, 1, 1], "height"), ([1, 1, 0, 1], "width"), ([1, 1, 1, 0], "channels")]
    {
        assert_eq!(ImageShape::new(dims).unwrap_err(), PoolError::NoElements { dimension });
    }
    for dims in
        [[1, 1 << 16, 1 << 16, 1], [usize::MAX, 2, 1, 1], [1, 1, usize::MAX, 1], [1 << 20, 1 << 15, 1 << 15, 1 << 20]]
    {
        assert!(matches!(ImageShape::new(dims).unwrap_err(), PoolError::TooLarge { .. }), "{dims:?}");
    }
}

#[test]
fn settings() {
    let window = Window::new([2, 2]);
    let setting = |setting, got, least| PoolError::Setting { setting, got, least };
    assert_eq!(refused(Window::new([0, 2])), setting("kernel", [0, 2], 1));
    assert_eq!(refused(window.with_stride([1, 0])), setting("stride", [1, 0], 1));
    assert_eq!(refused(window.with_dilation([1, 0])), setting("dilation", [1, 0], 1));
    assert_eq!(refused(Window::new([2, usize::MAX])), setting("kernel", [2, usize::MAX], 1));
    assert_eq!(refused(window.with_padding([0, 65_536])), setting("padding before", [0, 65_536], 0));
    assert_eq!(
        refused(window.with_uneven_padding([[0, 65_536], [0, 0]])).to_string(),
        "padding after is [65536, 0] (height, width); each must be in 0..=65535"
    );
}

#[test]
fn windows() {
    let too_large = |axis, extent, padded| PoolError::WindowTooLarge { axis, extent, padded };
    assert_eq!(refused(Window::new([5, 2])), too_large("height", 5, 4));
    assert_eq!(refused(Window::new([2, 4]).with_dilation([1, 3]).with_padding([0, 1])), too_large("width", 10, 8));
    let alone = |axis, window| PoolError::PaddingAlone { axis, window };
    assert_eq!(refused(Window::new([2, 2]).with_padding([2, 0])), alone("height", 0));
    assert_eq!(refused(Window::new([2, 2]).with_uneven_padding([[0, 0], [0, 2]])), alone("width", 3));
    let largest = Window::new([1, 1]).with_stride([1, 1]).with_padding([65_535, 65_535]);
    assert_eq!(refused(largest), alone("height", 0));
    // Row 3 is padding, and what is 5 rows further lies behind the 4 pixels.
    let gaps = Window::new([2, 1]).with_stride([1, 1]).with_dilation([5, 1]).with_padding([4, 0]);
    assert_eq!(refused(gaps), alone("height", 3));
}

#[test]
fn slices() {
    // 2 images of 4 x 6 pixels of 3 channels become 2 x 3 pixels: 144 elements and 36.
    let pooling = Pooling::new(Window::new([2, 2]), images()).unwrap();
    let (x, dy) = ([0.0; 144], [0.0; 36]);
    let (mut y, mut places, mut dx) = ([9.0; 36], [9; 36], [9.0; 144]);
    assert_eq!(pooling.max(&x[1..], &mut y, &mut places).unwrap_err(), length("x", 143, 144));
    assert_eq!(pooling.max(&x, &mut y[1..], &mut places).unwrap_err(), length("y", 35, 36));
    assert_eq!(pooling.max(&x, &mut y, &mut places[1..]).unwrap_err(), length("places", 35, 36));
    assert_eq!(pooling.max_backward(&x, &places, &mut dx).unwrap_err(), length("dy", 144, 36));
    assert_eq!(pooling.max_backward(&dy, &[], &mut dx).unwrap_err(), length("places", 0, 36));
    assert_eq!(pooling.max_backward(&dy, &places, &mut dx[2..]).unwrap_err(), length("dx", 142, 144));

    let denominator = Denominator::Pixels;
    assert_eq!(pooling.average(denominator, &x[1..], &mut y).unwrap_err(), length("x", 143, 144));
    assert_eq!(pooling.average(denominator, &x, &mut y[1..]).unwrap_err(), length("y", 35, 36));
    assert_eq!(pooling.average_backward(denominator, &x, &mut dx).unwrap_err(), length("dy", 144, 36));
    assert_eq!(pooling.average_backward(denominator, &dy, &mut dx[2..]).unwrap_err(), length("dx", 142, 144));

    assert_eq!(global_average(images(), &x[1..], &mut y[..6]).unwrap_err(), length("x", 143, 144));
    assert_eq!(global_average(images(), &x, &mut y).unwrap_err(), length("y", 36, 6));
    assert_eq!(global_average_backward(images(), &dy, &mut dx).unwrap_err(), length("dy", 36, 6));
    assert_eq!(global_average_backward(images(), &dy[..6], &mut dx[1..]).unwrap_err(), length("dx", 143, 144));
    assert!(y == [9.0; 36] && places == [9; 36] && dx == [9.0; 144], "written in spite of an error");
}
