//! The outer step with momentum: Eq. 1 as SGD with momentum on `delta = phi - theta`, after which theta restarts from
//! phi.

use super::{Pass, Slow};
use crate::{Alpha, Float};

/// The numbers of one outer step, in the precision of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients<T> {
    /// The outer learning rate eta.
    pub rate: T,
    /// The outer momentum mu. 0: the step is Eq. 1 with alpha = eta, bit for bit.
    pub momentum: T,
    /// What stays of the buffer: `mu rho`. 0: it begins anew, whatever it held.
    pub kept: T,
    /// Whether the momentum is Nesterov's, or the heavy ball's.
    pub nesterov: bool,
}

impl Coefficients<f64> {
    /// The same in the precision of the weights.
    #[must_use]
    pub fn in_precision<T: Float>(self) -> Coefficients<T> {
        let Self { rate, momentum, kept, nesterov } = self;
        let [rate, momentum, kept] = [rate, momentum, kept].map(T::from_f64);
        Coefficients { rate, momentum, kept, nesterov }
    }
}

/// `b <- mu rho b + delta`, `phi <- phi - eta d`, `theta <- phi`, with `delta = phi - theta` and d = delta without
/// momentum, b for the heavy ball, `delta + mu b` for Nesterov.
///
/// An element whose result is not finite keeps its slow weight, and its buffer begins anew. Gives the number of such
/// elements.
///
/// ```
/// use lookahead::kernels::momentum::{Coefficients, outer_step};
/// let step = Coefficients { rate: 0.5, momentum: 0.5, kept: 0.5, nesterov: true };
/// let (mut slow, mut buffer, mut fast) = ([4.0, 1.0], [2.0, 2.0], [2.0, f64::NAN]);
/// assert_eq!(outer_step(&mut slow, &mut buffer, &mut fast, step), 1);
/// assert_eq!((slow, buffer, fast), ([2.25, 1.0], [3.0, 0.0], [2.25, 1.0]));  // b = 1 + 2, d = 2 + 1.5
/// ```
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn outer_step<T: Float>(slow: &mut [T], buffer: &mut [T], fast: &mut [T], step: Coefficients<T>) -> usize {
    let length = slow.len();
    assert!(buffer.len() == length && fast.len() == length, "slow weights, buffer and fast weights of one tensor");
    let mut refused = 0;
    for ((phi, b), theta) in slow.iter_mut().zip(buffer).zip(fast) {
        let (settled, kept, finite) = settle(*phi, *b, *theta, step);
        refused += usize::from(!finite);
        (*phi, *b, *theta) = (settled, kept, settled);
    }
    refused
}

/// The new slow weight and buffer, and whether the result was finite.
#[inline(always)]
fn settle<T: Float>(
    phi: T,
    b: T,
    theta: T,
    Coefficients { rate, momentum, kept, nesterov }: Coefficients<T>,
) -> (T, T, bool) {
    let one = T::from_f64(1.0);
    let delta = phi - theta;
    // b <- mu rho b + delta
    let b = (if kept == T::ZERO { T::ZERO } else { kept * b }) + delta;
    let moved = if momentum == T::ZERO {
        if rate == one { theta } else { phi - rate * delta }
    } else {
        phi - rate * (if nesterov { delta + momentum * b } else { b })
    };
    let finite = moved.is_finite();
    (if finite { moved } else { phi }, if finite && b.is_finite() { b } else { T::ZERO }, finite)
}

impl Pass {
    /// [`outer_step`] of one tensor.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn outer_step<T: Float>(
        &self,
        slow: &mut [T],
        buffer: &mut [T],
        fast: &mut [T],
        step: Coefficients<T>,
    ) -> usize {
        let elements = fast.len();
        assert!(
            slow.len() == elements && buffer.len() == elements,
            "slow weights, buffer and fast weights of one tensor"
        );
        self.for_each(
            elements,
            std::iter::once((Slow::Momentum { slow, buffer, step }, fast)),
            #[inline(always)]
            |(slow, fast)| slow.pull_back(fast, Alpha::ONE),
        )
    }
}

/// The mean of several workers' weights, element by element: `mean <- mean + (theta_n - mean) / n` for the n-th of
/// them. Of equal weights it is that weight, bit for bit.
///
/// ```
/// use lookahead::kernels::momentum::mean;
/// let mut weights = [1.0, 0.1];
/// mean(&mut weights, [&[3.0, 0.1][..], &[5.0, 0.1][..]]);
/// assert_eq!(weights, [3.0, 0.1]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn mean<'a, T: Float>(first: &mut [T], others: impl IntoIterator<Item = &'a [T]>) {
    for (others, values) in others.into_iter().enumerate() {
        assert_eq!(first.len(), values.len(), "the weights of two workers");
        let workers = T::from_f64((others + 2) as f64);
        for (mean, &theta) in first.iter_mut().zip(values) {
            *mean = *mean - (*mean - theta) / workers;
        }
    }
}
