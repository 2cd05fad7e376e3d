//! What is refused, and what is said of it.

use lookahead_nn::{Algorithm, Conv2d, ConvShape, Error, Padding};

fn shape() -> ConvShape {
    ConvShape::new([2, 5, 6, 4], 8, [3, 3])
}

fn refused(shape: ConvShape) -> String {
    Conv2d::new(&shape).unwrap_err().to_string()
}

#[test]
fn zero_sizes_are_refused() {
    assert_eq!(refused(shape().with_stride([1, 0])), "the horizontal stride is 0, but must be at least 1");
    assert_eq!(refused(shape().with_dilation([0, 1])), "the vertical dilation is 0, but must be at least 1");
    assert_eq!(refused(shape().with_groups(0)), "the number of groups is 0, but must be at least 1");
    assert_eq!(refused(ConvShape::new([0, 5, 5, 1], 1, [1, 1])), "the batch is 0, but must be at least 1");
    assert_eq!(refused(ConvShape::new([1, 5, 5, 1], 1, [1, 0])), "the kernel's width is 0, but must be at least 1");
}

#[test]
fn uneven_groups_are_refused() {
    assert_eq!(refused(shape().with_groups(3)), "4 input channels cannot be divided into 3 groups of equal size");
    let wide = ConvShape::new([1, 5, 5, 6], 8, [3, 3]).with_groups(3);
    assert_eq!(refused(wide), "8 output channels cannot be divided into 3 groups of equal size");
}

#[test]
fn a_kernel_larger_than_the_image_is_refused() {
    let expected = "a kernel that spans 9 does not fit into a padded width of 6";
    assert_eq!(refused(shape().with_dilation([1, 4])), expected);
    let padding = Padding { left: 2, right: 1, ..Padding::default() };
    assert!(Conv2d::new(&shape().with_dilation([1, 4]).with_padding(padding)).is_ok());
}

#[test]
fn what_overflows_is_refused() {
    let padding = Padding { top: usize::MAX, ..Padding::default() };
    assert_eq!(
        refused(shape().with_padding(padding)),
        "the padded height would have more numbers than memory can hold"
    );
    let too_large = Error::TooLarge { name: "the input" };
    assert_eq!(Conv2d::new(&ConvShape::new([usize::MAX / 2, 5, 5, 1], 1, [1, 1])).unwrap_err(), too_large);
    let dilation = shape().with_dilation([usize::MAX, 1]);
    assert_eq!(Conv2d::new(&dilation).unwrap_err(), Error::TooLarge { name: "the kernel's dilated height" });
    let padding = Padding::from(usize::MAX / 8);
    assert_eq!(Conv2d::new(&shape().with_padding(padding)).unwrap_err(), Error::TooLarge { name: "the output" });
}

#[test]
fn slices_of_another_length_are_refused() {
    let conv = Conv2d::new(&shape()).unwrap();
    let (x, w, mut y) = (vec![0.0; conv.input_len()], vec![0.0; conv.weight_len()], vec![0.0; conv.output_len()]);
    let error = conv.forward(&x[1..], &w, None, &mut y).unwrap_err();
    assert_eq!(error.to_string(), "the input has 239 numbers, but its shape [2, 5, 6, 4] needs 240");
    let error = conv.forward(&x, &w, Some(&[0.0; 4]), &mut y).unwrap_err();
    assert_eq!(error.to_string(), "the bias has 4 numbers, but its shape [1, 1, 1, 8] needs 8");
    assert!(conv.forward(&x, &w[1..], None, &mut y).is_err());
    assert!(conv.forward(&x, &w, None, &mut y[1..]).is_err());
    assert!(conv.backward_data(&y, &w, &mut [0.0; 3]).is_err());
    assert!(conv.backward_weight(&x, &y, &mut [0.0; 3]).is_err());
    assert!(conv.backward_bias(&y, &mut [0.0; 3]).is_err());
    assert!(conv.weight_to_oihw(&w, &mut [0.0; 3]).is_err());
    assert!(conv.weight_from_oihw(&[0.0; 3], &mut w.clone()).is_err());
}

#[test]
fn slices_of_another_length_are_refused_by_every_algorithm() {
    let shape = ConvShape::new([2, 8, 8, 32], 32, [3, 3]).with_padding(1);
    let (x, w, mut y) = (vec![0.0; 2 * 8 * 8 * 32], vec![0.0; 9 * 32 * 32], vec![0.0; 2 * 8 * 8 * 32]);
    for algorithm in [Algorithm::Auto, Algorithm::Direct, Algorithm::Winograd4x4] {
        let conv = Conv2d::new(&shape).unwrap().with_algorithm(algorithm);
        let error = conv.forward(&x, &w[1..], None, &mut y).unwrap_err();
        assert_eq!(error.to_string(), "the weight has 9215 numbers, but its shape [3, 3, 32, 32] needs 9216");
        assert!(conv.forward(&x[1..], &w, None, &mut y).is_err());
        assert!(conv.backward_data(&y[1..], &w, &mut x.clone()).is_err());
        assert!(conv.backward_weight(&x, &y, &mut w.clone()[1..]).is_err());
    }
}
