//! Comparisons of weights that say where they differ.

use std::fmt::Display;

use crate::{Slow, Subject};

/// Asserts that two lists of tensors hold the same bits, the sign of zero included.
#[track_caller]
pub(crate) fn assert_same_bits(what: impl Display, left: &[Vec<f64>], right: &[Vec<f64>]) {
    compare(what, left, right, |a, b| a.to_bits() == b.to_bits());
}

/// Asserts the same of what two kernels have computed, which on some devices may differ by rounding.
#[track_caller]
pub(crate) fn assert_same_by_other_kernels<S: Subject>(what: impl Display, left: &[Vec<f64>], right: &[Vec<f64>]) {
    match S::limits().contraction {
        0.0 => assert_same_bits(what, left, right),
        tolerance => assert_close(what, tolerance, left, right),
    }
}

/// Asserts that slow weights are what a sync makes of them beside these fast ones.
#[track_caller]
pub(crate) fn assert_slow_beside_fast<S: Subject>(what: impl Display, slow: &[Vec<f64>], fast: &[Vec<f64>]) {
    compare(what, slow, fast, |phi, theta| match S::SLOW {
        Slow::Same => phi.to_bits() == theta.to_bits(),
        Slow::Wider => S::PRECISION.round(phi).to_bits() == theta.to_bits(),
        Slow::Rounded => {
            let [phi, theta] = [phi, theta].map(|weight| (weight as f32).to_bits());
            let toward_zero = theta & 0xffff_0000;
            phi == toward_zero || (theta != toward_zero && phi == toward_zero + 0x1_0000)
        }
    });
}

/// Asserts that two lists of tensors agree within `tolerance` times the larger magnitude, or 1 where that is larger.
#[track_caller]
pub(crate) fn assert_close(what: impl Display, tolerance: f64, left: &[Vec<f64>], right: &[Vec<f64>]) {
    compare(what, left, right, |a, b| (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0));
}

/// Asserts that all values are finite.
#[track_caller]
pub(crate) fn assert_finite(what: impl Display, tensors: &[Vec<f64>]) {
    compare(what, tensors, tensors, |a, _| a.is_finite());
}

#[track_caller]
fn compare(what: impl Display, left: &[Vec<f64>], right: &[Vec<f64>], agree: impl Fn(f64, f64) -> bool) {
    let lengths = |tensors: &[Vec<f64>]| tensors.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(left), lengths(right), "{what}: the numbers of values differ");
    for (tensor, (left, right)) in left.iter().zip(right).enumerate() {
        for (element, (&a, &b)) in left.iter().zip(right).enumerate() {
            assert!(agree(a, b), "{what}: tensor {tensor}, element {element}: {a:e} and {b:e}");
        }
    }
}
