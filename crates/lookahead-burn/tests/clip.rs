//! Clipping by the global norm, against PyTorch and by hand.

mod device;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use lookahead_burn::{Error, clip_by_global_norm};

#[derive(Module, Debug)]
struct Weights {
    matrix: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    unused: Param<Tensor<1>>,
}

const MATRIX: [[f64; 3]; 2] = [[0.5, -1.5, 2.0], [0.0, 0.25, -1.0]];
const BIAS: [f64; 3] = [1.0, -0.125, 0.75];

fn weights(device: &Device) -> Weights {
    Weights {
        matrix: Param::from_tensor(Tensor::zeros([2, 3], device)),
        bias: Param::from_tensor(Tensor::zeros([3], device)),
        unused: Param::from_tensor(Tensor::zeros([4], device)),
    }
}

fn gradients(weights: &Weights, matrix: [[f64; 3]; 2], dtype: FloatDType) -> GradientsParams {
    let device = device::under_test();
    let mut grads = GradientsParams::new();
    grads.register(weights.matrix.id, Tensor::<2>::from_data(matrix, (&device, DType::from(dtype))));
    grads.register(weights.bias.id, Tensor::<1>::from_data(BIAS, (&device, DType::from(dtype))));
    grads
}

/// The gradients as one list, the matrix first.
fn values(weights: &Weights, grads: &GradientsParams) -> Vec<f64> {
    let matrix = grads.get::<2>(weights.matrix.id).unwrap().into_data();
    let bias = grads.get::<1>(weights.bias.id).unwrap().into_data();
    matrix.iter().chain(bias.iter::<f64>()).collect()
}

// import torch
// w = torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))
// b = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
// for max_norm in 0.25, 2.5, 100.:
//     w.grad = torch.tensor([[.5, -1.5, 2.], [0., .25, -1.]], dtype=torch.float64)
//     b.grad = torch.tensor([1., -.125, .75], dtype=torch.float64)
//     norm = torch.nn.utils.clip_grad_norm_([w, b], max_norm)
//     print(max_norm, norm.item(), w.grad.flatten().tolist(), b.grad.tolist())
const NORM: f64 = 3.023346655611956;
#[rustfmt::skip]
const CLIPPED: [(f64, [f64; 9]); 3] = [
    (0.25, [
        0.041344897854527, -0.12403469356358102, 0.165379591418108, 0.0, 0.0206724489272635, -0.082689795709054,
        0.082689795709054, -0.01033622446363175, 0.06201734678179051,
    ]),
    (2.5, [
        0.41344897854527, -1.24034693563581, 1.65379591418108, 0.0, 0.206724489272635, -0.82689795709054,
        0.82689795709054, -0.1033622446363175, 0.620173467817905,
    ]),
    (100.0, [0.5, -1.5, 2.0, 0.0, 0.25, -1.0, 1.0, -0.125, 0.75]),
];

#[test]
fn clipped_gradients_are_those_of_pytorch_in_every_precision() {
    // f32 goes through the CPU's slices, the others through tensor operations.
    // In half precision the result alone is rounded, to the nearest.
    let halves = [(FloatDType::F16, 2.0_f64.powi(-11)), (FloatDType::BF16, 2.0_f64.powi(-8))];
    let precisions = [(FloatDType::F32, 1e-7), (FloatDType::F64, 1e-15)].into_iter().chain(halves);
    for (dtype, tolerance) in precisions.filter(|(dtype, _)| device::under_test().supports_dtype(*dtype)) {
        let weights = weights(&device::under_test().autodiff());
        for (max_norm, expected) in CLIPPED {
            let grads = gradients(&weights, MATRIX, dtype);
            let clipped = clip_by_global_norm(&weights, grads, max_norm).unwrap();
            let (norm, grads) = (clipped.norm().unwrap(), &clipped.grads);
            // The host sums in f64, a device by a kernel of f32, or by tensor operations in f64.
            let in_f64 = device::under_test() == Device::flex() || dtype == FloatDType::F64;
            let tolerance_of_norm = if in_f64 { 1e-14 } else { 1e-6 };
            assert!((norm - NORM).abs() < tolerance_of_norm, "{norm}");
            assert_eq!(clipped.clipped().unwrap(), max_norm < NORM);
            assert!(grads.get::<1>(weights.unused.id).is_none());
            for (value, expected) in values(&weights, grads).into_iter().zip(expected) {
                assert!((value - expected).abs() <= tolerance * expected.abs(), "{value} is not {expected}");
            }
        }
    }
}

#[test]
fn gradients_below_the_norm_keep_their_bits() {
    let weights = weights(&device::under_test());
    let clipped = clip_by_global_norm(&weights, gradients(&weights, MATRIX, FloatDType::F32), 3.1).unwrap();
    assert!(!clipped.clipped().unwrap());
    assert_eq!(values(&weights, &clipped.grads), [MATRIX.concat(), BIAS.to_vec()].concat());
}

#[test]
fn a_norm_that_is_not_finite_is_reported_and_scales_nothing() {
    let weights = weights(&device::under_test());
    let precisions = [FloatDType::F32, FloatDType::F64, FloatDType::BF16];
    for dtype in precisions.into_iter().filter(|dtype| device::under_test().supports_dtype(*dtype)) {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let matrix = [[bad, 1.0, 2.0], [3.0, 4.0, 5.0]];
            let clipped = clip_by_global_norm(&weights, gradients(&weights, matrix, dtype), 0.1).unwrap();
            let norm = clipped.norm().unwrap();
            assert!(if bad.is_nan() { norm.is_nan() } else { norm == f64::INFINITY }, "{norm} of {bad}");
            assert!(!clipped.clipped().unwrap());
            assert_eq!(values(&weights, &clipped.grads)[1..6], [1.0, 2.0, 3.0, 4.0, 5.0]);
        }
    }
}

#[test]
fn finite_gradients_whose_squares_overflow_are_clipped() {
    let weights = weights(&device::under_test());
    let scales = [(FloatDType::F32, 1e30, 1e-6), (FloatDType::BF16, 1e30, 1e-2), (FloatDType::F64, 1e200, 1e-14)];
    for (dtype, scale, tolerance) in
        scales.into_iter().filter(|(dtype, ..)| device::under_test().supports_dtype(*dtype))
    {
        let matrix = [[3.0 * scale, 0.0, 0.0], [0.0, 4.0 * scale, 0.0]];
        let clipped = clip_by_global_norm(&weights, gradients(&weights, matrix, dtype), 1.0).unwrap();
        assert!((clipped.norm().unwrap() / (5.0 * scale) - 1.0).abs() < tolerance, "{}", clipped.norm().unwrap());
        assert!((values(&weights, &clipped.grads)[4] - 0.8).abs() < tolerance);
    }
}

/// A factor that half precision would round to 0.
#[test]
fn large_gradients_in_half_precision_are_scaled_not_lost() {
    let weights = weights(&device::under_test());
    for dtype in [FloatDType::F16, FloatDType::BF16].into_iter().filter(|d| device::under_test().supports_dtype(*d)) {
        let matrix = [[32768.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
        let clipped = clip_by_global_norm(&weights, gradients(&weights, matrix, dtype), 2.5e-4).unwrap();
        let scaled = values(&weights, &clipped.grads)[0];
        assert!((scaled / 2.5e-4 - 1.0).abs() < 0.004, "{dtype:?}: {scaled}");
    }
}

/// Of several of a kernel's blocks, the last of them not full, beside a single element; the sum is known by its formula.
#[test]
fn long_gradients_are_summed_as_far_as_they_go() {
    #[derive(Module, Debug)]
    struct Long {
        long: Param<Tensor<2>>,
        single: Param<Tensor<1>>,
        none: Param<Tensor<2>>,
    }
    let device = device::under_test();
    let (rows, columns) = (1001, 130);
    let long = Long {
        long: Param::from_tensor(Tensor::zeros([rows, columns], &device)),
        single: Param::from_tensor(Tensor::zeros([1], &device)),
        none: Param::from_tensor(Tensor::zeros([0, 3], &device)),
    };
    let count = rows * columns;
    // Numbers of f32, and each square too.
    let value = |i: usize| (i % 64) as f32 / 64.0 - 0.5;
    let values: Vec<f32> = (0..count).map(value).collect();
    let expected: f64 = (0..count).map(|i| f64::from(value(i)).powi(2)).sum::<f64>() + 9.0;
    let transposed = |values: &[f32]| Tensor::<1>::from_floats(values, &device).reshape([columns, rows]).transpose();
    let mut grads = GradientsParams::new();
    grads.register(long.long.id, transposed(&values));
    grads.register(long.single.id, Tensor::<1>::from_floats([-3.0], &device));
    grads.register(long.none.id, Tensor::<2>::zeros([0, 3], &device));
    let clipped = clip_by_global_norm(&long, grads, 1.0).unwrap();
    let norm = clipped.norm().unwrap();
    assert!((norm / expected.sqrt() - 1.0).abs() < 1e-6, "{norm} is not {}", expected.sqrt());
    let last: Vec<f32> = clipped.grads.get::<2>(long.long.id).unwrap().transpose().into_data().iter().collect();
    let found = f64::from(last[count - 1]) * norm;
    assert!((found - f64::from(value(count - 1))).abs() < 1e-6, "{found}");
}

#[test]
fn a_shared_parameter_counts_once() {
    #[derive(Module, Debug)]
    struct Tied {
        encoder: Param<Tensor<1>>,
        decoder: Param<Tensor<1>>,
    }
    let device = device::under_test();
    let encoder = Param::from_tensor(Tensor::<1>::zeros([2], &device));
    let tied = Tied { decoder: encoder.clone(), encoder };
    let mut grads = GradientsParams::new();
    grads.register(tied.encoder.id, Tensor::<1>::from_floats([3.0, 4.0], &device));
    let clipped = clip_by_global_norm(&tied, grads, 1.0).unwrap();
    assert_eq!(clipped.norm().unwrap(), 5.0);
    let gradient: Vec<f32> = clipped.grads.get::<1>(tied.decoder.id).unwrap().into_data().iter().collect();
    assert!((gradient[0] - 0.6).abs() < 1e-6 && (gradient[1] - 0.8).abs() < 1e-6);
}

#[test]
fn only_the_modules_own_gradients_count() {
    let (weights, other) = (weights(&device::under_test()), weights(&device::under_test()));
    let mut grads = gradients(&weights, MATRIX, FloatDType::F32);
    grads.register(other.bias.id, Tensor::<1>::from_floats([100.0, 100.0, 100.0], &device::under_test()));
    let clipped = clip_by_global_norm(&weights, grads, 0.5).unwrap();
    // A device without f64 sums in f32.
    assert!((clipped.norm().unwrap() - NORM).abs() < 1e-6);
    let foreign: Vec<f32> = clipped.grads.get::<1>(other.bias.id).unwrap().into_data().iter().collect();
    assert_eq!(foreign, [100.0; 3]);
}

#[test]
fn no_gradients_have_norm_zero() {
    let clipped = clip_by_global_norm(&weights(&device::under_test()), GradientsParams::new(), 1.0).unwrap();
    assert_eq!((clipped.norm().unwrap(), clipped.clipped().unwrap(), clipped.grads.is_empty()), (0.0, false, true));
}

#[test]
fn the_bound_must_be_above_zero_and_finite() {
    for max_norm in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = clip_by_global_norm(&weights(&device::under_test()), GradientsParams::new(), max_norm);
        assert!(matches!(refused, Err(Error::Hyperparameter(lookahead::Error::OutOfRange { name: "max_norm", .. }))));
    }
}
