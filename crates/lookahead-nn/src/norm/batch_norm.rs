//! Batch normalisation (Ioffe and Szegedy, 2015) over pixels, in training and in evaluation, forward and backward.

use super::error::check_length;
use super::normalization::Normalization;
use super::pieces::in_pool;
use super::rows::Rows;
use super::{BatchStatistics, Downstream, Epilogue, NormError, ParameterGradients, RunningStatistics, Upstream};

/// Batch normalisation with the parameters of one layer.
///
/// Tensors are `[pixels, channels]`, where pixels are batch size times height times width: NHWC flattened. With rstd =
/// 1 / sqrt(variance + epsilon),
///
/// ```text
/// y = max((x - mean) rstd gamma + beta + added, 0)        [+ added] and [max] if the epilogue asks for them
/// ```
///
/// Sums are taken in f64, and the mean is subtracted before anything is rounded: where a channel's mean is 10,000 times
/// its standard deviation, the output still has f32's precision.
///
/// The end of a residual block, y = max(norm(x) + shortcut, 0), forward and backward:
///
/// ```
/// use lookahead_nn::norm::{BatchNorm, Downstream, Epilogue, Upstream};
///
/// let (x, shortcut) = ([1.0, -2.0, 3.0, 0.5], [0.5, 0.5, -9.0, 0.5]); // two pixels of two channels
/// let norm = BatchNorm::new(&[1.0, 1.0], &[0.0, 0.0], 1e-5)?;
/// let mut y = [0.0; 4];
/// let batch = norm.train(&x, Epilogue::default().with_added(&shortcut).with_relu(), &mut y)?;
///
/// let (mut dx, mut d_shortcut) = ([0.0; 4], [0.0; 4]);
/// let above = Upstream::new(&[1.0; 4]).through_relu(&y);
/// let parameters = norm.backward(&x, &batch, above, Downstream::new(&mut dx).with_added(&mut d_shortcut))?;
/// assert_eq!(d_shortcut, [0.0, 0.0, 0.0, 1.0]);
/// assert_eq!(parameters.beta, [0.0, 1.0]);
/// # Ok::<(), lookahead_nn::norm::NormError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f64,
}

impl<'a> BatchNorm<'a> {
    /// The smallest epsilon: with less, 1 / sqrt(epsilon) times gamma is soon infinite in f32, and where x is its mean, 0
    /// times infinity.
    pub const SMALLEST_EPSILON: f64 = f32::MIN_POSITIVE as f64;

    /// The layer with scale `gamma` and shift `beta`, one of each for every channel, and `epsilon` from
    /// [`SMALLEST_EPSILON`](Self::SMALLEST_EPSILON) on (1e-5 is usual).
    ///
    /// # Errors
    /// If `gamma` is empty, `beta` not as long, or `epsilon` not finite or smaller.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, NormError};
    /// let refused = BatchNorm::new(&[1.0, 1.0], &[0.0], 1e-5);
    /// assert!(matches!(refused, Err(NormError::Length { slice: "beta", got: 1, needed: 2, .. })));
    /// ```
    pub fn new(gamma: &'a [f32], beta: &'a [f32], epsilon: f64) -> Result<Self, NormError> {
        if gamma.is_empty() {
            return Err(NormError::Empty { slice: "gamma" });
        }
        check_length("beta", beta.len(), "gamma", gamma.len())?;
        if !(epsilon.is_finite() && epsilon >= Self::SMALLEST_EPSILON) {
            return Err(NormError::Epsilon { got: epsilon });
        }
        Ok(Self { gamma, beta, epsilon })
    }

    /// The forward pass of training: normalises `x` by the statistics of `x` itself and returns them, for
    /// [`backward`](Self::backward) and for the running averages that the caller keeps.
    ///
    /// # Errors
    /// If `x` is empty or not `[pixels, channels]`, or `y` or what the epilogue adds is not as long.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, Epilogue};
    /// let norm = BatchNorm::new(&[2.0], &[0.5], 1e-12)?;
    /// let mut y = [0.0; 2];
    /// let batch = norm.train(&[1.0, 3.0], Epilogue::default().with_relu(), &mut y)?;
    /// assert_eq!((batch.mean[0], batch.variance[0]), (2.0, 1.0));
    /// assert_eq!(y, [0.0, 2.5]); // 2 * -1 + 0.5 < 0, and 2 * 1 + 0.5
    /// # Ok::<(), lookahead_nn::norm::NormError>(())
    /// ```
    pub fn train(&self, x: &[f32], epilogue: Epilogue<'_>, y: &mut [f32]) -> Result<BatchStatistics, NormError> {
        let rows = self.rows(x)?;
        epilogue.check(x.len())?;
        check_length("y", y.len(), "x", x.len())?;
        Ok(in_pool(x.len(), || {
            let statistics = BatchStatistics::of(x, rows, self.gamma.len());
            Normalization::by_batch(&statistics, self.epsilon).apply((self.gamma, self.beta), rows, x, epilogue, y);
            statistics
        }))
    }

    /// The forward pass of evaluation: normalises `x` by `running` statistics.
    ///
    /// # Errors
    /// As [`train`](Self::train); or if `running` does not have as many channels as `gamma`.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, Epilogue, RunningStatistics};
    /// let norm = BatchNorm::new(&[1.0], &[0.0], 1e-12)?;
    /// let mut y = [0.0; 2];
    /// norm.evaluate(&[1.0, 7.0], RunningStatistics { mean: &[1.0], variance: &[4.0] }, Epilogue::default(), &mut y)?;
    /// assert_eq!(y, [0.0, 3.0]);
    /// # Ok::<(), lookahead_nn::norm::NormError>(())
    /// ```
    pub fn evaluate(
        &self,
        x: &[f32],
        running: RunningStatistics<'_>,
        epilogue: Epilogue<'_>,
        y: &mut [f32],
    ) -> Result<(), NormError> {
        let rows = self.rows(x)?;
        running.check(self.gamma.len())?;
        epilogue.check(x.len())?;
        check_length("y", y.len(), "x", x.len())?;
        Normalization::by_running(running, self.epsilon).apply((self.gamma, self.beta), rows, x, epilogue, y);
        Ok(())
    }

    /// The backward pass of [`train`](Self::train) on the same `x`, through the statistics that it returned.
    ///
    /// # Errors
    /// If `x` is empty or not `[pixels, channels]`, `batch` has another number of pixels or channels, or a gradient is
    /// not as long as `x`.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, Downstream, Epilogue, Upstream};
    /// let norm = BatchNorm::new(&[1.0], &[0.0], 1e-5)?;
    /// let (x, mut y, mut dx) = ([1.0, 2.0, 6.0], [0.0; 3], [0.0; 3]);
    /// let batch = norm.train(&x, Epilogue::default().with_relu(), &mut y)?;
    /// let above = Upstream::new(&[1.0, 1.0, 1.0]).through_relu(&y);
    /// let parameters = norm.backward(&x, &batch, above, Downstream::new(&mut dx))?;
    /// assert_eq!(parameters.beta, [1.0]); // one pixel alone is above the mean
    /// assert!(dx.iter().sum::<f32>().abs() < 1e-6); // a constant added to x changes nothing
    /// # Ok::<(), lookahead_nn::norm::NormError>(())
    /// ```
    pub fn backward(
        &self,
        x: &[f32],
        batch: &BatchStatistics,
        above: Upstream<'_>,
        below: Downstream<'_>,
    ) -> Result<ParameterGradients, NormError> {
        let rows = self.rows(x)?;
        batch.check(self.gamma.len(), x.len())?;
        above.check(x.len())?;
        below.check(x.len())?;
        let normalization = Normalization::by_batch(batch, self.epsilon);
        Ok(in_pool(x.len(), || normalization.gradients(self.gamma, rows, x, above, below)))
    }

    /// The backward pass of [`evaluate`](Self::evaluate): of a frozen layer, whose statistics do not depend on `x`.
    ///
    /// # Errors
    /// If `x` is empty or not `[pixels, channels]`, `running` has another number of channels, or a gradient is not as
    /// long as `x`.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, Downstream, RunningStatistics, Upstream};
    /// let norm = BatchNorm::new(&[3.0], &[0.0], 1e-12)?;
    /// let running = RunningStatistics { mean: &[1.0], variance: &[4.0] };
    /// let mut dx = [0.0; 2];
    /// let parameters =
    ///     norm.evaluate_backward(&[1.0, 7.0], running, Upstream::new(&[2.0, 4.0]), Downstream::new(&mut dx))?;
    /// assert_eq!(dx, [3.0, 6.0]); // dy rstd gamma
    /// assert_eq!((parameters.gamma[0], parameters.beta[0]), (12.0, 6.0));
    /// # Ok::<(), lookahead_nn::norm::NormError>(())
    /// ```
    pub fn evaluate_backward(
        &self,
        x: &[f32],
        running: RunningStatistics<'_>,
        above: Upstream<'_>,
        below: Downstream<'_>,
    ) -> Result<ParameterGradients, NormError> {
        let rows = self.rows(x)?;
        running.check(self.gamma.len())?;
        above.check(x.len())?;
        below.check(x.len())?;
        let normalization = Normalization::by_running(running, self.epsilon);
        Ok(in_pool(x.len(), || normalization.gradients(self.gamma, rows, x, above, below)))
    }

    fn rows(&self, x: &[f32]) -> Result<Rows, NormError> {
        let channels = self.gamma.len();
        match x.len() {
            0 => Err(NormError::Empty { slice: "x" }),
            got if got % channels != 0 => Err(NormError::PartialPixel { got, channels }),
            len => Ok(Rows::new(len, channels)),
        }
    }
}
