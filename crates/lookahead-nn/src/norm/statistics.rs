//! Mean and variance for each channel: of a batch, or running over many.

use super::NormError;
use super::error::check_length;
use super::rows::Rows;
use super::sums::{BLOCK, Sums};

/// Mean and biased variance of one batch, for each channel.
///
/// They are kept in f64 because the backward pass subtracts the mean again: where it is 10,000 standard deviations away
/// from zero, an f32 mean alone would cost half of the digits.
///
/// Running averages are the caller's: Burn 0.22 keeps `(1 - momentum) running + momentum batch` with the *biased*
/// variance and momentum 0.1 by default; PyTorch the same with the *unbiased* one, which is
/// [`unbiased_variance`](Self::unbiased_variance).
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatistics {
    /// The mean of each channel.
    pub mean: Vec<f64>,
    /// The biased variance of each channel: the mean of the squared distances from the mean, zero for a single pixel.
    pub variance: Vec<f64>,
    /// Pixels of the batch: batch size times height times width.
    pub pixels: usize,
}

impl BatchStatistics {
    /// The statistics of `x`, which is not empty.
    pub(super) fn of(x: &[f32], rows: Rows, channels: usize) -> Self {
        // Sums run over distances from the first pixel k. Of n pixels one is k, so that
        // (mean - k)^2 <= n variance: the difference below loses at most a factor n of f64's precision.
        let first_pixel = || x[..channels].iter().map(|&x| f64::from(x));
        let origin = rows.spread(first_pixel());
        let sums = Sums::of_parts(
            rows,
            x.chunks(rows.part()).collect(),
            #[inline(always)]
            |(part, sums): (&[f32], &mut Sums)| {
                for block in part.chunks(BLOCK * rows.width()) {
                    sums.add_moments(block, &origin);
                }
            },
        );
        let n = rows.pixels() as f64;
        // mean = k + sum (x - k) / n
        let mean = first_pixel().zip(&sums.first).map(|(origin, sum)| origin + sum / n).collect();
        // variance = sum (x - k)^2 / n - (sum (x - k) / n)^2; NaN stays NaN
        let variance = sums.second.iter().zip(&sums.first).map(|(squares, sum)| {
            let variance = squares / n - (sum / n).powi(2);
            if variance < 0.0 { 0.0 } else { variance }
        });
        Self { mean, variance: variance.collect(), pixels: rows.pixels() }
    }

    /// The variance times n / (n - 1) for n pixels. A single pixel has none: NaN, as in PyTorch's tensors.
    ///
    /// ```
    /// use lookahead_nn::norm::{BatchNorm, Epilogue};
    /// let norm = BatchNorm::new(&[1.0], &[0.0], 1e-5)?;
    /// let batch = norm.train(&[1.0, 3.0], Epilogue::default(), &mut [0.0; 2])?;
    /// assert_eq!((batch.variance[0], batch.unbiased_variance()[0]), (1.0, 2.0));
    /// # Ok::<(), lookahead_nn::norm::NormError>(())
    /// ```
    #[must_use]
    pub fn unbiased_variance(&self) -> Vec<f64> {
        let n = self.pixels as f64;
        self.variance.iter().map(|variance| variance * n / (n - 1.0)).collect()
    }

    /// They fit `channels` and may be those of an input of `len` elements.
    pub(super) fn check(&self, channels: usize, len: usize) -> Result<(), NormError> {
        check_lengths(&self.mean, &self.variance, channels)?;
        check_length("x", len, "batch", self.pixels.saturating_mul(channels))
    }
}

/// Running statistics, for evaluation: one mean and one variance for each channel.
///
/// Only their lengths are checked. A variance below -epsilon gives NaN, and NaN stays NaN.
#[derive(Debug, Clone, Copy)]
pub struct RunningStatistics<'a> {
    /// The running mean of each channel.
    pub mean: &'a [f32],
    /// The running variance of each channel, zero or more.
    pub variance: &'a [f32],
}

impl RunningStatistics<'_> {
    pub(super) fn check(&self, channels: usize) -> Result<(), NormError> {
        check_lengths(self.mean, self.variance, channels)
    }
}

fn check_lengths<T>(mean: &[T], variance: &[T], channels: usize) -> Result<(), NormError> {
    check_length("mean", mean.len(), "gamma", channels)?;
    check_length("variance", variance.len(), "gamma", channels)
}
