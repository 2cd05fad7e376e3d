//! Batch norm as its equations say, in f64 and one channel at a time.

/// A layer and what it is given.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    pub x: &'a [f64],
    pub gamma: &'a [f64],
    pub beta: &'a [f64],
    pub epsilon: f64,
    pub added: Option<&'a [f64]>,
    pub relu: bool,
}

/// The gradients of everything a layer is given.
pub struct Gradients {
    pub dx: Vec<f64>,
    pub gamma: Vec<f64>,
    pub beta: Vec<f64>,
    /// Of the added branch, that is of the normalised values.
    pub added: Vec<f64>,
}

pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Mean and biased variance of each channel.
pub fn statistics(x: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (x.len() / channels) as f64;
    let channel = |c: usize| x.iter().skip(c).step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|c| channel(c).sum::<f64>() / n).collect();
    let variance = (0..channels).map(|c| channel(c).map(|x| (x - mean[c]).powi(2)).sum::<f64>() / n).collect();
    (mean, variance)
}

impl Layer<'_> {
    /// The output, normalised by `mean` and `variance`.
    pub fn normalized_by(&self, mean: &[f64], variance: &[f64]) -> Vec<f64> {
        let channels = self.gamma.len();
        (0..self.x.len())
            .map(|i| {
                let c = i % channels;
                let normalized = (self.x[i] - mean[c]) / (variance[c] + self.epsilon).sqrt();
                let y = normalized * self.gamma[c] + self.beta[c] + self.added.map_or(0.0, |added| added[i]);
                if self.relu { y.max(0.0) } else { y }
            })
            .collect()
    }

    /// The output, normalised by the batch's own statistics.
    pub fn trained(&self) -> Vec<f64> {
        let (mean, variance) = statistics(self.x, self.gamma.len());
        self.normalized_by(&mean, &variance)
    }

    /// The gradients by the chain rule, for statistics of the batch: `dy` passes the ReLU where `y` > 0.
    pub fn gradients(&self, dy: &[f64], y: &[f64]) -> Gradients {
        let channels = self.gamma.len();
        let (mean, variance) = statistics(self.x, channels);
        let n = (self.x.len() / channels) as f64;
        let g: Vec<f64> = dy.iter().zip(y).map(|(&dy, &y)| if self.relu && y <= 0.0 { 0.0 } else { dy }).collect();
        let rstd: Vec<f64> = variance.iter().map(|variance| 1.0 / (variance + self.epsilon).sqrt()).collect();
        let normalized = |i: usize| (self.x[i] - mean[i % channels]) * rstd[i % channels];
        let (mut gamma, mut beta) = (vec![0.0; channels], vec![0.0; channels]);
        for i in 0..g.len() {
            gamma[i % channels] += g[i] * normalized(i);
            beta[i % channels] += g[i];
        }
        let dx = (0..g.len())
            .map(|i| {
                let c = i % channels;
                self.gamma[c] * rstd[c] * (g[i] - beta[c] / n - normalized(i) * gamma[c] / n)
            })
            .collect();
        Gradients { dx, gamma, beta, added: g }
    }
}
