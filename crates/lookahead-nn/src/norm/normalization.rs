//! Statistics turned into the coefficients of the passes over memory: forward, and by the chain rule backward.

use super::backward::{self, InputGradient};
use super::forward::Coefficients;
use super::rows::Rows;
use super::{BatchStatistics, Downstream, Epilogue, RunningStatistics, Upstream};

/// The gradients of a normalisation's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterGradients {
    /// Of the scale, for each channel.
    pub gamma: Vec<f32>,
    /// Of the shift, for each channel.
    pub beta: Vec<f32>,
}

/// What a tensor is normalised by: the mean and 1 / sqrt(variance + epsilon) of each channel.
#[derive(Debug)]
pub(super) struct Normalization {
    mean: Vec<f64>,
    rstd: Vec<f64>,
    source: Source,
}

/// Where the statistics come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    /// From the tensor itself, so that gradients flow through them.
    Batch,
    /// From elsewhere.
    Running,
}

impl Normalization {
    pub(super) fn by_batch(batch: &BatchStatistics, epsilon: f64) -> Self {
        let rstd = batch.variance.iter().map(|&variance| rstd(variance, epsilon)).collect();
        Self { mean: batch.mean.clone(), rstd, source: Source::Batch }
    }

    pub(super) fn by_running(running: RunningStatistics<'_>, epsilon: f64) -> Self {
        let mean = running.mean.iter().map(|&mean| f64::from(mean)).collect();
        let rstd = running.variance.iter().map(|&variance| rstd(f64::from(variance), epsilon)).collect();
        Self { mean, rstd, source: Source::Running }
    }

    pub(super) fn apply(
        &self,
        (gamma, beta): (&[f32], &[f32]),
        rows: Rows,
        x: &[f32],
        epilogue: Epilogue<'_>,
        y: &mut [f32],
    ) {
        Coefficients::new(rows, &self.mean, &self.scale(gamma), beta).apply(rows, x, epilogue, y);
    }

    pub(super) fn gradients(
        &self,
        gamma: &[f32],
        rows: Rows,
        x: &[f32],
        above: Upstream<'_>,
        below: Downstream<'_>,
    ) -> ParameterGradients {
        let Downstream { dx, mut d_added } = below;
        let sums = backward::sums(rows, x, &self.mean, above, d_added.as_deref_mut());
        // dbeta = sum g
        let d_beta = sums.first;
        // dgamma = sum g xhat = rstd sum g (x - mean)
        let d_gamma: Vec<f64> = self.rstd.iter().zip(&sums.second).map(|(rstd, sum)| rstd * sum).collect();

        let slope = self.scale(gamma);
        let (tilt, offset) = match self.source {
            // dx = rstd gamma (g - mean(g) - xhat mean(g xhat)), the means over n pixels, and xhat = rstd (x - mean)
            Source::Batch => {
                let n = rows.pixels() as f64;
                let tilt = (0..slope.len()).map(|c| -slope[c] * self.rstd[c] * d_gamma[c] / n).collect();
                let offset = slope.iter().zip(&d_beta).map(|(slope, d_beta)| -slope * d_beta / n).collect();
                (tilt, offset)
            }
            // dx = rstd gamma g
            Source::Running => (vec![0.0; slope.len()], vec![0.0; slope.len()]),
        };
        let above = d_added.map_or(above, |g| Upstream::new(g));
        InputGradient::new(rows, &self.mean, &slope, &tilt, &offset).write(rows, x, above, dx);
        ParameterGradients { gamma: narrow(&d_gamma), beta: narrow(&d_beta) }
    }

    /// rstd gamma, for each channel.
    fn scale(&self, gamma: &[f32]) -> Vec<f64> {
        self.rstd.iter().zip(gamma).map(|(rstd, &gamma)| rstd * f64::from(gamma)).collect()
    }
}

fn rstd(variance: f64, epsilon: f64) -> f64 {
    1.0 / (variance + epsilon).sqrt()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}
