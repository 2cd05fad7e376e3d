//! One SGD step of one tensor: plain, heavy ball, Nesterov; PyTorch's definitions.

use crate::Float;

/// The numbers of one step, in the precision of the weights.
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
///
/// # Panics
/// If the slices differ in length.
pub fn plain<T: Float>(weights: &mut [T], grads: &[T], c: Coefficients<T>) {
    assert_eq!(weights.len(), grads.len(), "a tensor and its gradient");
    for (theta, &g) in weights.iter_mut().zip(grads) {
        let g = g + c.weight_decay * *theta;
        *theta = *theta - c.lr * g;
    }
}

/// `v <- mu v + (1 - dampening) g`, `theta <- theta - gamma v`.
///
/// # Panics
/// If the slices differ in length.
pub fn heavy_ball<T: Float>(weights: &mut [T], grads: &[T], velocity: &mut [T], c: Coefficients<T>) {
    with_momentum(weights, grads, velocity, c, |_, v| v);
}

/// `v <- mu v + (1 - dampening) g`, `theta <- theta - gamma (g + mu v)`.
///
/// # Panics
/// If the slices differ in length.
pub fn nesterov<T: Float>(weights: &mut [T], grads: &[T], velocity: &mut [T], c: Coefficients<T>) {
    with_momentum(weights, grads, velocity, c, |g, v| g + c.momentum * v);
}

#[inline]
fn with_momentum<T: Float>(
    weights: &mut [T],
    grads: &[T],
    velocity: &mut [T],
    c: Coefficients<T>,
    direction: impl Fn(T, T) -> T,
) {
    assert_eq!(weights.len(), grads.len(), "a tensor and its gradient");
    assert_eq!(weights.len(), velocity.len(), "a tensor and its velocity");
    for ((theta, &g), v) in weights.iter_mut().zip(grads).zip(velocity) {
        let g = g + c.weight_decay * *theta;
        *v = c.momentum * *v + c.gradient_weight * g;
        *theta = *theta - c.lr * direction(g, *v);
    }
}
