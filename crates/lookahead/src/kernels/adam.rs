//! One Adam or AdamW step of one tensor; PyTorch's definitions.

use crate::Float;

/// The numbers of one step, in the precision of the weights.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<T> {
    /// `1 - beta_1`.
    pub first_rest: T,
    /// `beta_2`.
    pub beta2: T,
    /// `1 - beta_2`.
    pub second_rest: T,
    /// The learning rate over the first moment's bias correction, `gamma / w_1`.
    pub step_size: T,
    /// `1 / sqrt(w_2)`, the second moment's bias correction.
    pub inverse_root: T,
    /// Added to the denominator.
    pub epsilon: T,
    /// Adam's weight decay lambda: the gradient becomes `g + lambda theta`. 0 for AdamW.
    pub coupled_decay: T,
    /// AdamW's weight decay: the weights are first multiplied by `1 - gamma lambda`. 1 for Adam.
    pub keep: T,
}

/// `m <- m + (1 - beta_1)(g - m)`, `v <- beta_2 v + (1 - beta_2) g^2`,
/// `theta <- theta - (gamma / w_1) m / (sqrt(v / w_2) + epsilon)`.
///
/// # Panics
/// If the slices differ in length.
pub fn step<T: Float>(weights: &mut [T], grads: &[T], first: &mut [T], second: &mut [T], c: Coefficients<T>) {
    assert_eq!(weights.len(), grads.len(), "a tensor and its gradient");
    assert_eq!(weights.len(), first.len(), "a tensor and its first moment");
    assert_eq!(weights.len(), second.len(), "a tensor and its second moment");
    for (((theta, &g), m), v) in weights.iter_mut().zip(grads).zip(first).zip(second) {
        let g = g + c.coupled_decay * *theta;
        *m = *m + c.first_rest * (g - *m);
        *v = c.beta2 * *v + c.second_rest * g * g;
        let denominator = v.sqrt() * c.inverse_root + c.epsilon;
        *theta = *theta * c.keep - c.step_size * *m / denominator;
    }
}
