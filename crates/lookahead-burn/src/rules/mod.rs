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

use crate::cube;
use crate::fused_step::Kernel;
use crate::rule_state::RuleState;
use crate::weights::{expect_precision, in_precision, widened};

/// The step of a rule by the kernel of the device if it has one, else by `step`, in at least f32.
fn by_kernel_or<const D: usize>(
    kernel: Kernel<'_>,
    lr: f64,
    tensor: Tensor<D>,
    grad: Tensor<D>,
    state: Option<RuleState<D>>,
    step: impl FnOnce(Tensor<D>, Tensor<D>, RuleState<D>) -> (Tensor<D>, RuleState<D>),
) -> (Tensor<D>, Option<RuleState<D>>) {
    let state = state.unwrap_or_default();
    if cube::fit(&tensor, &grad, state.moments()) {
        let (tensor, state, _) = cube::step(kernel, lr, tensor, grad, state, None);
        return (tensor, Some(state));
    }
    let (tensor, state) = in_single(tensor, grad, |tensor, grad| step(tensor, grad, state));
    (tensor, Some(state))
}

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
