//! The noisy quadratic model (Sec. 3.1, Eq. 4, 5).

use crate::error::{accept, short};
use crate::limits::{MOST, MOST_START_VARIANCE};
use crate::{Eigenvalues, Error, Noise};

/// `L(x) = 1/2 (x - c)^T A (x - c)` with `c ~ N(0, Sigma)`, A and Sigma diagonal (Eq. 4).
///
/// ```
/// use lookahead_theory::{ConditionNumber, Moments, Noise, NoisyQuadratic, Spectrum};
/// let spectrum = Spectrum::Uniform { dim: 2, condition_number: ConditionNumber::new(2.0)? };
/// let problem = NoisyQuadratic::new(spectrum.eigenvalues()?, &Noise::InverseCurvature)?;
/// // 1/2 (0.5 (1 + 0 + 2) + 1 (1 + 0 + 1))
/// assert_eq!(problem.expected_loss(&[Moments::at(1.0); 2])?, 1.75);
/// assert_eq!(problem.least_loss(), 1.0);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyQuadratic {
    eigenvalues: Eigenvalues,
    directions: Vec<Direction>,
}

/// One direction of the model; they evolve independently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// The eigenvalue a of A, above 0.
    pub curvature: f64,
    /// The variance sigma^2 of the optimum c, at least 0.
    pub noise_variance: f64,
}

/// The mean and the variance of a weight in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// E\[theta\].
    pub mean: f64,
    /// V\[theta\].
    pub variance: f64,
}

impl Moments {
    /// A weight that is known: variance 0.
    #[must_use]
    pub fn at(mean: f64) -> Self {
        Self { mean, variance: 0.0 }
    }

    /// The mean at most 1e100 in size, the variance from 0 to 1e200.
    pub(crate) fn check(self) -> Result<Self, Error> {
        let Self { mean, variance } = self;
        accept("the initial mean", mean, mean.is_finite(), "finite")?;
        accept("the initial mean", mean, mean.abs() <= MOST, "at least -1e100 and at most 1e100")?;
        accept("the initial variance", variance, variance >= 0.0 && variance.is_finite(), "finite and at least 0")?;
        accept("the initial variance", variance, variance <= MOST_START_VARIANCE, "at most 1e200")?;
        Ok(self)
    }
}

impl NoisyQuadratic {
    /// # Errors
    /// Those of [`Noise::variances`].
    pub fn new(eigenvalues: Eigenvalues, noise: &Noise) -> Result<Self, Error> {
        let variances = noise.variances(&eigenvalues)?;
        let directions = eigenvalues.as_slice().iter().zip(variances);
        let directions =
            directions.map(|(&curvature, noise_variance)| Direction { curvature, noise_variance }).collect();
        Ok(Self { eigenvalues, directions })
    }

    /// The eigenvalues of A.
    #[must_use]
    pub fn eigenvalues(&self) -> &Eigenvalues {
        &self.eigenvalues
    }

    /// The directions, in the order of the eigenvalues.
    #[must_use]
    pub fn directions(&self) -> &[Direction] {
        &self.directions
    }

    /// Eq. 5, the expected loss of weights with these moments, in the order of the eigenvalues; the noise of c
    /// included.
    ///
    /// # Errors
    /// [`Error::VectorLength`] unless there is one for each eigenvalue; [`Error::NotFinite`] if the loss, or one of the
    /// moments, is not finite; [`Error::OutOfRange`] for a negative variance.
    pub fn expected_loss(&self, moments: &[Moments]) -> Result<f64, Error> {
        let (expected, found) = (self.directions.len(), moments.len());
        if found != expected {
            return Err(Error::VectorLength { name: "the list of moments", expected, found });
        }
        if let Some(&Moments { variance, .. }) = moments.iter().find(|moments| moments.variance < 0.0) {
            accept("a variance", variance, false, "at least 0")?;
        }
        let mut each = moments.iter().copied();
        let loss = self.expected_loss_by(|_| each.next().unwrap_or_default());
        if loss.is_finite() {
            return Ok(loss);
        }
        let size = |moments: &Moments| moments.mean.abs().max(moments.variance);
        let largest = moments.iter().map(size).max_by(f64::total_cmp).unwrap_or_default();
        Err(Error::NotFinite {
            what: "the expected loss",
            because: format!("the largest of the moments is {}", short(largest)),
        })
    }

    /// Eq. 5 for the moments that `moments` gives for each direction in turn.
    pub(crate) fn expected_loss_by(&self, mut moments: impl FnMut(Direction) -> Moments) -> f64 {
        let terms = self.directions.iter().map(|&direction| {
            // a (E[theta]^2 + V[theta] + sigma^2)
            let Moments { mean, variance } = moments(direction);
            direction.curvature * (mean * mean + variance + direction.noise_variance)
        });
        0.5 * terms.sum::<f64>()
    }

    /// How far the loss of weights with these moments is above the least there is, infinite where that is no double.
    pub(crate) fn above_least(&self, moments: &[Moments]) -> f64 {
        let terms = self
            .directions
            .iter()
            .zip(moments)
            .map(|(direction, Moments { mean, variance })| direction.curvature * (mean * mean + variance));
        let above = 0.5 * terms.sum::<f64>();
        if above.is_finite() { above } else { f64::INFINITY }
    }

    /// The loss at the optimum, which no weights can fall below: `1/2 sum a sigma^2`.
    #[must_use]
    pub fn least_loss(&self) -> f64 {
        self.expected_loss_by(|_| Moments::default())
    }
}
