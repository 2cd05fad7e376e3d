//! The scale of a tensor: what its numbers are divided by before they are squared.

use burn::tensor::{DType, Tensor};

/// The largest magnitude, as a number that can be divided by: normal, and finite also where an element is not. Of no elements
/// the least such number.
pub(crate) fn largest_magnitude<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let (least, most) = match values.dtype() {
        DType::F64 => (f64::MIN_POSITIVE, f64::MAX),
        // WGSL promises no accuracy of a division by more.
        _ => (f64::from(f32::MIN_POSITIVE), 2.0_f64.powi(126)),
    };
    if values.shape().num_elements() == 0 {
        return Tensor::full([1], least, (&values.device(), values.dtype()));
    }
    values.abs().max().clamp(least, most)
}
