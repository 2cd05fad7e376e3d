//! The covariance Sigma of the noisy optimum c ~ N(0, Sigma), diagonal as A is (Eq. 4; App. A.1).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::limits::refuses_variance;
use crate::number_file::Numbers;
use crate::{Eigenvalues, Error};

const VARIANCES: Numbers =
    Numbers { name: "noise variance", refuses: refuses_variance, accepted: "a finite number of at least 0" };

/// How much each direction's optimum varies: variances of 0, or from 1e-100 to 1e100.
///
/// ```
/// use lookahead_theory::{Eigenvalues, Noise};
/// let eigenvalues = Eigenvalues::new(vec![0.25, 1.0])?;
/// assert_eq!(Noise::InverseCurvature.variances(&eigenvalues)?, [4.0, 1.0]);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Noise {
    /// `Sigma = A^-1`, the paper's (App. A.1; the default).
    #[default]
    InverseCurvature,
    /// `Sigma = A`.
    Curvature,
    /// The same variance in each direction.
    Constant(f64),
    /// A variance for each eigenvalue, in their order.
    Listed(Vec<f64>),
}

impl Noise {
    /// Reads a file with one variance a line, in the order of the eigenvalues; `#` begins a comment.
    ///
    /// # Errors
    /// [`Error::UnreadableFile`]; [`Error::NotARegularFile`]; [`Error::FileTooLarge`]; [`Error::Empty`];
    /// [`Error::BadLine`] with the first line that is not accepted.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        VARIANCES.read(file.as_ref()).map(Self::Listed)
    }

    /// The diagonal of Sigma.
    ///
    /// # Errors
    /// [`Error::NoiseCount`], or [`Error::ListedOutOfRange`] naming the first variance that is not accepted.
    pub fn variances(&self, eigenvalues: &Eigenvalues) -> Result<Vec<f64>, Error> {
        let eigenvalues = eigenvalues.as_slice();
        let variances: Vec<f64> = match self {
            Self::InverseCurvature => eigenvalues.iter().map(|a| 1.0 / a).collect(),
            Self::Curvature => eigenvalues.to_vec(),
            &Self::Constant(variance) => vec![variance; eigenvalues.len()],
            Self::Listed(variances) if variances.len() == eigenvalues.len() => variances.clone(),
            Self::Listed(variances) => {
                return Err(Error::NoiseCount { expected: eigenvalues.len(), found: variances.len() });
            }
        };
        VARIANCES.check(variances)
    }
}
