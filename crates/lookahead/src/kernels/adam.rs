//! One Adam or AdamW step of one element; PyTorch's definitions.

use crate::Float;

/// The numbers of one step of a tensor, in the precision of the weights.
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
#[inline(always)]
pub fn step<T: Float>(theta: T, g: T, [m, v]: [T; 2], c: Coefficients<T>) -> (T, [T; 2]) {
    let g = g + c.coupled_decay * theta;
    let m = m + c.first_rest * (g - m);
    let v = c.beta2 * v + c.second_rest * g * g;
    let denominator = v.sqrt() * c.inverse_root + c.epsilon;
    (theta * c.keep - c.step_size * m / denominator, [m, v])
}
