//! What the slow step computes by itself: ways, their lengths, and how far they agree.

use lookahead::Float;

/// `theta <- phi + (theta - theta')`, and phi, with its bits, where that way is 0 or not finite.
pub(crate) fn go_on<T: Float>(theta: &mut [T], phi: &[T], start: &[T]) {
    for ((theta, &phi), &start) in theta.iter_mut().zip(phi).zip(start) {
        let way = *theta - start;
        *theta = if way.is_finite() && way != T::ZERO { phi + way } else { phi };
    }
}

/// Summed in lanes, so that processors can.
pub(crate) fn squared_distance<T: Float>(a: &[T], b: &[T]) -> f64 {
    let square = |a: T, b: T| (a.to_f64() - b.to_f64()) * (a.to_f64() - b.to_f64());
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += square(a[lane], b[lane]);
        }
    }
    lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| square(*a, *b)).sum::<f64>()
}

/// `sum_(i != j) d_i d_j / (N (N - 1))` over `sum_i |d_i|^2 / N`, from `|sum_i d_i / N|^2` and `sum_i |d_i|^2`.
pub(crate) fn cosine(workers: f64, mean_square: f64, squares: f64) -> Option<f64> {
    let products = workers * workers * mean_square - squares;
    (workers > 1.0 && squares > 0.0).then(|| products / ((workers - 1.0) * squares))
}
