//! ReLU alone and after an addition, forward and backward.

use super::NormError;
use super::error::check_length;
use super::pieces::{PIECE, for_each_piece};

/// y = max(x, 0), element by element; NaN stays NaN.
///
/// # Errors
/// If `y` is not as long as `x`.
///
/// ```
/// let mut y = [9.0; 3];
/// lookahead_nn::norm::relu(&[-1.0, 0.0, 2.0], &mut y)?;
/// assert_eq!(y, [0.0, 0.0, 2.0]);
/// # Ok::<(), lookahead_nn::norm::NormError>(())
/// ```
pub fn relu(x: &[f32], y: &mut [f32]) -> Result<(), NormError> {
    check_length("y", y.len(), "x", x.len())?;
    for_each_piece(
        y,
        PIECE,
        #[inline(always)]
        |(start, y)| relu_of(y, &x[start..]),
    );
    Ok(())
}

/// y = max(x + added, 0), element by element; NaN stays NaN.
///
/// [`relu_backward`] gives the gradient of either summand.
///
/// # Errors
/// If `added` or `y` is not as long as `x`.
///
/// ```
/// let mut y = [9.0; 3];
/// lookahead_nn::norm::add_relu(&[-1.0, 0.0, 2.0], &[3.0, -1.0, 1.0], &mut y)?;
/// assert_eq!(y, [2.0, 0.0, 3.0]);
/// # Ok::<(), lookahead_nn::norm::NormError>(())
/// ```
pub fn add_relu(x: &[f32], added: &[f32], y: &mut [f32]) -> Result<(), NormError> {
    check_length("added", added.len(), "x", x.len())?;
    check_length("y", y.len(), "x", x.len())?;
    for_each_piece(
        y,
        PIECE,
        #[inline(always)]
        |(start, y)| relu_of_sum(y, &x[start..], &added[start..]),
    );
    Ok(())
}

/// The gradient of a ReLU's input from that of its output: `dx` = `dy` where `y` > 0, else 0.
///
/// Where `y` is NaN the gradient passes, as in PyTorch: a network that has diverged must not look healthy.
///
/// # Errors
/// If `dy` or `dx` is not as long as `y`.
///
/// ```
/// let mut dx = [9.0; 3];
/// lookahead_nn::norm::relu_backward(&[0.0, 0.5, 2.0], &[1.0, 2.0, 3.0], &mut dx)?;
/// assert_eq!(dx, [0.0, 2.0, 3.0]);
/// # Ok::<(), lookahead_nn::norm::NormError>(())
/// ```
pub fn relu_backward(y: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), NormError> {
    check_length("dy", dy.len(), "y", y.len())?;
    check_length("dx", dx.len(), "y", y.len())?;
    for_each_piece(
        dx,
        PIECE,
        #[inline(always)]
        |(start, dx)| mask(dx, &y[start..], &dy[start..]),
    );
    Ok(())
}

/// max(value, floor), but NaN stays NaN. With a floor of minus infinity it changes nothing.
#[inline(always)]
pub(super) fn at_least(floor: f32, value: f32) -> f32 {
    if value < floor { floor } else { value }
}

/// dy where y > 0 (or is NaN), else 0
#[inline(always)]
pub(super) fn passed(dy: f32, y: f32) -> f32 {
    if y <= 0.0 { 0.0 } else { dy }
}

/// dx = dy where y > 0 (or is NaN), else 0
#[inline(always)]
pub(super) fn mask(dx: &mut [f32], y: &[f32], dy: &[f32]) {
    for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
        *dx = passed(dy, y);
    }
}

/// y = max(x, 0)
#[inline(always)]
fn relu_of(y: &mut [f32], x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = at_least(0.0, x);
    }
}

/// y = max(x + added, 0)
#[inline(always)]
fn relu_of_sum(y: &mut [f32], x: &[f32], added: &[f32]) {
    for ((y, &x), &added) in y.iter_mut().zip(x).zip(added) {
        *y = at_least(0.0, x + added);
    }
}
