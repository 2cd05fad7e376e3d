//! ReLU alone and after an addition.

use lookahead_nn::norm::{add_relu, relu, relu_backward};

use super::noise;

#[test]
fn element_by_element_over_several_pieces() {
    for len in [0, 1, 15, 40_001] {
        let (x, added, dy) = (noise(1, len, 0.0, 1.0), noise(2, len, 0.0, 1.0), noise(3, len, 0.0, 1.0));
        let [mut y, mut sum, mut dx] = [(); 3].map(|()| vec![f32::NAN; len]);
        relu(&x, &mut y).unwrap();
        add_relu(&x, &added, &mut sum).unwrap();
        relu_backward(&y, &dy, &mut dx).unwrap();
        for i in 0..len {
            assert_eq!(y[i], x[i].max(0.0));
            assert_eq!(sum[i], (x[i] + added[i]).max(0.0));
            assert_eq!(dx[i], if x[i] > 0.0 { dy[i] } else { 0.0 });
        }
    }
}

#[test]
fn nan_stays_nan_and_infinity_is_a_number() {
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0];
    let [mut y, mut sum, mut dx] = [[9.0; 4]; 3];
    relu(&x, &mut y).unwrap();
    add_relu(&x, &[0.0; 4], &mut sum).unwrap();
    relu_backward(&y, &[1.0, 2.0, 3.0, 4.0], &mut dx).unwrap();
    assert!(y[0].is_nan() && sum[0].is_nan());
    assert_eq!(y[1..], [f32::INFINITY, 0.0, 0.0]);
    assert_eq!(sum[1..], y[1..]);
    assert_eq!(dx, [1.0, 2.0, 0.0, 0.0]);
}
