//! Bad input is told, and nothing is written.

use lookahead_nn::norm::{
    BatchNorm, BatchStatistics, Downstream, Epilogue, NormError, RunningStatistics, Upstream, add_relu, relu,
    relu_backward,
};

const X: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn norm() -> BatchNorm<'static> {
    BatchNorm::new(&[1.0, 1.0], &[0.0, 0.0], 1e-5).unwrap()
}

fn length(slice: &'static str, got: usize, needed: usize, like: &'static str) -> NormError {
    NormError::Length { slice, got, needed, like }
}

#[test]
fn parameters() {
    assert_eq!(BatchNorm::new(&[], &[], 1e-5).unwrap_err(), NormError::Empty { slice: "gamma" });
    assert_eq!(BatchNorm::new(&[1.0], &[0.0; 2], 1e-5).unwrap_err(), length("beta", 2, 1, "gamma"));
    for epsilon in [0.0, 1e-39, -1e-5, f64::INFINITY, f64::NAN] {
        let error = BatchNorm::new(&[1.0], &[0.0], epsilon).unwrap_err();
        assert!(matches!(error, NormError::Epsilon { got } if got.to_bits() == epsilon.to_bits()));
    }
}

#[test]
fn forward() {
    let train = |x: &[f32], epilogue, y: &mut [f32]| norm().train(x, epilogue, y).unwrap_err();
    let none = Epilogue::default();
    assert_eq!(train(&[], none, &mut []), NormError::Empty { slice: "x" });
    assert_eq!(train(&X[..5], none, &mut [0.0; 5]), NormError::PartialPixel { got: 5, channels: 2 });
    let mut y = [9.0; 5];
    assert_eq!(train(&X, none, &mut y), length("y", 5, 6, "x"));
    assert_eq!(y, [9.0; 5]);
    assert_eq!(train(&X, none.with_added(&X[..4]), &mut [0.0; 6]), length("added", 4, 6, "x"));

    let evaluate = |mean: &[f32], variance: &[f32], y: &mut [f32]| {
        norm().evaluate(&X, RunningStatistics { mean, variance }, none, y).unwrap_err()
    };
    assert_eq!(evaluate(&[0.0], &[1.0; 2], &mut [0.0; 6]), length("mean", 1, 2, "gamma"));
    assert_eq!(evaluate(&[0.0; 2], &[1.0; 3], &mut [0.0; 6]), length("variance", 3, 2, "gamma"));
    assert_eq!(evaluate(&[0.0; 2], &[1.0; 2], &mut [0.0; 7]), length("y", 7, 6, "x"));
}

#[test]
fn backward() {
    let batch = norm().train(&X, Epilogue::default(), &mut [0.0; 6]).unwrap();
    fn refused(batch: &BatchStatistics, above: Upstream<'_>, below: Downstream<'_>) -> NormError {
        norm().backward(&X, batch, above, below).unwrap_err()
    }
    let above = Upstream::new(&[0.0; 6]);
    let (dx, d_added) = (&mut [9.0; 6], &mut [9.0; 5]);
    assert_eq!(refused(&batch, Upstream::new(&X[..3]), Downstream::new(dx)), length("dy", 3, 6, "x"));
    assert_eq!(refused(&batch, above.through_relu(&X[..2]), Downstream::new(dx)), length("y", 2, 6, "x"));
    assert_eq!(refused(&batch, above, Downstream::new(&mut [0.0; 8])), length("dx", 8, 6, "x"));
    assert_eq!(refused(&batch, above, Downstream::new(dx).with_added(d_added)), length("d_added", 5, 6, "x"));
    assert_eq!((*dx, *d_added), ([9.0; 6], [9.0; 5]));

    let other = BatchNorm::new(&[1.0; 3], &[0.0; 3], 1e-5).unwrap();
    assert_eq!(other.backward(&X, &batch, above, Downstream::new(dx)).unwrap_err(), length("mean", 2, 3, "gamma"));
    assert_eq!(
        norm().backward(&X[..4], &batch, Upstream::new(&X[..4]), Downstream::new(&mut dx[..4])).unwrap_err(),
        length("x", 4, 6, "batch")
    );
    let running = RunningStatistics { mean: &[0.0], variance: &[1.0] };
    let frozen = norm().evaluate_backward(&X, running, above, Downstream::new(dx)).unwrap_err();
    assert_eq!(frozen.to_string(), "`mean` has 1 elements; it needs 2, as many as `gamma`");
}

#[test]
fn activations() {
    assert_eq!(relu(&X, &mut [0.0; 5]).unwrap_err(), length("y", 5, 6, "x"));
    assert_eq!(add_relu(&X, &X[..1], &mut [0.0; 6]).unwrap_err(), length("added", 1, 6, "x"));
    assert_eq!(add_relu(&X, &X, &mut [0.0; 7]).unwrap_err(), length("y", 7, 6, "x"));
    assert_eq!(relu_backward(&X, &X[..2], &mut [0.0; 6]).unwrap_err(), length("dy", 2, 6, "y"));
    assert_eq!(relu_backward(&X, &X, &mut [0.0; 2]).unwrap_err(), length("dx", 2, 6, "y"));
}
