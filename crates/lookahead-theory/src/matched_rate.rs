//! The learning rate with which the inner optimizer alone ends at a given final loss: what makes a comparison of
//! convergence fair (Sec. 3.1).

use crate::{Momentum, NoisyQuadratic};

/// Newton's steps until rounding stops them, from the farthest start.
const MOST_STEPS: u32 = 100;
/// A step up by less than this part of the learning rate is rounding.
const ROUNDING: f64 = 1e-12;

/// The learning rate of the inner optimizer for a final loss that is `above_least` above the least, by Newton's method
/// from `start`, which must not be below it.
///
/// With x = lr a the final loss, `1/2 sum a x sigma^2 (1 + beta) / ((1 - beta) (2 (1 + beta) - x))`, rises and is convex
/// in lr, so that a step down does not go past the root. Without noise every rate ends at the same loss: it is `start`.
pub(crate) fn matched_rate(problem: &NoisyQuadratic, momentum: Momentum, above_least: f64, start: f64) -> f64 {
    let beta = momentum.get();
    let (limit, gain) = (2.0 * (1.0 + beta), (1.0 + beta) / (1.0 - beta));
    let mut lr = start;
    for _ in 0..MOST_STEPS {
        let (mut bend, mut slope) = (0.0, 0.0);
        for direction in problem.directions() {
            let (a, room) = (direction.curvature, limit - lr * direction.curvature);
            let rate = 0.5 * a * a * direction.noise_variance * gain / room;
            bend += lr * rate * (lr * a / room);
            slope += limit * rate / room;
        }
        // lr - (loss - goal) / slope without a difference: loss = lr sum rate = lr slope - bend
        let next = (bend + above_least) / slope;
        if next.is_nan() || (next >= lr && next <= lr * (1.0 + ROUNDING)) {
            break;
        }
        lr = next;
    }
    lr
}
