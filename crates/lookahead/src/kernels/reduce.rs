//! The two sums of the adaptive step size (Prop. 1), and the average of squared gradients they may need.

use crate::Float;

/// Elements summed one after another before their sum joins the total: a fixed order, whatever runs in parallel.
const BLOCK: usize = 4096;

/// Prop. 1's sums, with `d = phi - theta`, `g = grad L(theta)` and the diagonal curvature A.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AlphaSums {
    /// `g . d`
    pub slope: f64,
    /// `d . A d`
    pub curvature: f64,
}

impl AlphaSums {
    /// Adds one tensor, its curvature being `curvature(v)` of each value `v` of `moments`. A tensor without a gradient
    /// adds to the curvature alone. The sums are in f64, by blocks of 4096 elements in order.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn add<T: Float>(
        &mut self,
        slow: &[T],
        fast: &[T],
        gradient: Option<&[T]>,
        moments: &[T],
        curvature: impl Fn(f64) -> f64,
    ) {
        assert_eq!(slow.len(), fast.len(), "slow and fast weights of one tensor");
        assert_eq!(slow.len(), moments.len(), "a tensor and its second moment");
        assert!(gradient.is_none_or(|gradient| gradient.len() == slow.len()), "a tensor and its gradient");
        for start in (0..slow.len()).step_by(BLOCK) {
            let mut block = Self::default();
            for i in start..slow.len().min(start + BLOCK) {
                let d = slow[i].to_f64() - fast[i].to_f64();
                block.slope += gradient.map_or(0.0, |gradient| gradient[i].to_f64() * d);
                block.curvature += d * curvature(moments[i].to_f64()) * d;
            }
            self.slope += block.slope;
            self.curvature += block.curvature;
        }
    }
}

/// `a <- beta a + (1 - beta) g^2`: the diagonal of the empirical Fisher, averaged.
///
/// # Panics
/// If the slices differ in length.
pub fn accumulate_squares<T: Float>(average: &mut [T], gradient: &[T], beta: f64) {
    assert_eq!(average.len(), gradient.len(), "a tensor and its gradient");
    let (keep, rest) = (T::from_f64(beta), T::from_f64(1.0 - beta));
    for (average, &g) in average.iter_mut().zip(gradient) {
        *average = keep * *average + rest * g * g;
    }
}
