//! One SGD step of one element: plain, heavy ball, Nesterov; PyTorch's definitions.

use crate::Float;

/// The numbers of one step of a tensor, in the precision of the weights.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<T> {
    /// The learning rate gamma.
    pub lr: T,
    /// Coupled weight decay lambda: the gradient becomes `g + lambda theta`.
    pub weight_decay: T,
    /// The momentum mu.
    pub momentum: T,
    /// What the gradient counts for in the velocity: `1 - dampening`, and 1 in a tensor's first step.
    pub gradient_weight: T,
}

/// `theta <- theta - gamma g`, with `g <- g + lambda theta` before.
#[inline(always)]
pub fn plain<T: Float>(theta: T, g: T, []: [T; 0], c: Coefficients<T>) -> (T, [T; 0]) {
    let g = g + c.weight_decay * theta;
    (theta - c.lr * g, [])
}

/// `v <- mu v + (1 - dampening) g`, `theta <- theta - gamma v`.
#[inline(always)]
pub fn heavy_ball<T: Float>(theta: T, g: T, [v]: [T; 1], c: Coefficients<T>) -> (T, [T; 1]) {
    let g = g + c.weight_decay * theta;
    let v = c.momentum * v + c.gradient_weight * g;
    (theta - c.lr * v, [v])
}

/// `v <- mu v + (1 - dampening) g`, `theta <- theta - gamma (g + mu v)`.
#[inline(always)]
pub fn nesterov<T: Float>(theta: T, g: T, [v]: [T; 1], c: Coefficients<T>) -> (T, [T; 1]) {
    let g = g + c.weight_decay * theta;
    let v = c.momentum * v + c.gradient_weight * g;
    (theta - c.lr * (g + c.momentum * v), [v])
}
