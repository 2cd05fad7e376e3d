//! Our own inner rules for Burn, with PyTorch's definitions and defaults.

#[macro_use]
mod builders;

mod adafactor;
mod adam;
mod sgd;

pub use adafactor::{AdaFactor, AdaFactorState};
pub use adam::{Adam, AdamW};
pub use sgd::Sgd;

use burn::tensor::Tensor;

use crate::weights::{expect_precision, in_precision, widened};

/// A step in at least f32, whatever the precision of the weights: half precision has no number as small as Adam's epsilon,
/// nor as the square of a small gradient. What the rule remembers is as precise.
fn in_single<const D: usize, S>(
    tensor: Tensor<D>,
    grad: Tensor<D>,
    step: impl FnOnce(Tensor<D>, Tensor<D>) -> (Tensor<D>, S),
) -> (Tensor<D>, S) {
    expect_precision(&tensor, || "a parameter".to_owned());
    let dtype = tensor.dtype();
    let (tensor, state) = step(widened(tensor), widened(grad));
    (in_precision(tensor, dtype), state)
}
