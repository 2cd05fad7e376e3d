//! Comparisons of weights that say where they differ.

use std::fmt::Display;

/// Asserts that two lists of tensors hold the same bits, the sign of zero included.
#[track_caller]
pub(crate) fn assert_same_bits(what: impl Display, left: &[Vec<f64>], right: &[Vec<f64>]) {
    compare(what, left, right, |a, b| a.to_bits() == b.to_bits());
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
