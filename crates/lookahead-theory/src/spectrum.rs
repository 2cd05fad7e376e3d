//! The eigenvalues of the quadratic's curvature A (Sec. 3, App. A.1).

use std::f64::consts::PI;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::accept;
use crate::limits::{MOST, check_count, refuses_curvature};
use crate::number_file::Numbers;

const EIGENVALUES: Numbers =
    Numbers { name: "eigenvalue", refuses: refuses_curvature, accepted: "a finite number above 0" };

/// The condition number kappa: the largest eigenvalue over the smallest, from 1 to 1e100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct ConditionNumber(f64);

impl ConditionNumber {
    /// A thousand: what the figures take where the paper names none.
    pub const THOUSAND: Self = Self(1000.0);

    /// # Errors
    /// [`Error::OutOfRange`] unless at least 1 and at most 1e100.
    ///
    /// ```
    /// use lookahead_theory::ConditionNumber;
    /// assert!(ConditionNumber::new(1e8).is_ok());
    /// let error = ConditionNumber::new(0.5).unwrap_err().to_string();
    /// assert_eq!(error, "the condition number is 0.5, but must be finite and at least 1");
    /// ```
    pub fn new(value: f64) -> Result<Self, Error> {
        accept("the condition number", value, value >= 1.0 && value.is_finite(), "finite and at least 1")?;
        accept("the condition number", value, value <= MOST, "at most 1e100").map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for ConditionNumber {
    type Error = Error;
    fn try_from(value: f64) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<ConditionNumber> for f64 {
    fn from(number: ConditionNumber) -> Self {
        number.0
    }
}

/// A rule that places `dim` eigenvalues on `[1/kappa, 1]`, so that L = 1. They rise from the smallest to the largest.
///
/// ```
/// use lookahead_theory::{ConditionNumber, Spectrum};
/// let spectrum = Spectrum::Uniform { dim: 3, condition_number: ConditionNumber::new(4.0)? };
/// assert_eq!(spectrum.eigenvalues()?.as_slice(), [0.25, 0.625, 1.0]);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
#[non_exhaustive]
pub enum Spectrum {
    /// Li's worst case: the extreme nodes of a Chebyshev polynomial, moved to `[1/kappa, 1]` (App. A.1).
    Chebyshev {
        /// How many, at least 1.
        dim: usize,
        /// kappa.
        condition_number: ConditionNumber,
    },
    /// 1, 1/2, …, 1/dim; kappa is dim.
    Harmonic {
        /// How many, at least 1.
        dim: usize,
    },
    /// The same ratio from each to the next.
    Log {
        /// How many, at least 1.
        dim: usize,
        /// kappa.
        condition_number: ConditionNumber,
    },
    /// The same distance from each to the next.
    Uniform {
        /// How many, at least 1.
        dim: usize,
        /// kappa.
        condition_number: ConditionNumber,
    },
}

impl Spectrum {
    /// The eigenvalues.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if `dim` is 0, above [`MOST_EIGENVALUES`](crate::MOST_EIGENVALUES), or 1 with a condition
    /// number above 1: one eigenvalue has no spread.
    pub fn eigenvalues(&self) -> Result<Eigenvalues, Error> {
        let dim = self.dim();
        check_count(dim)?;
        let kappa = self.condition_number();
        accept("the condition number", kappa, dim > 1 || kappa == 1.0, "1 where there is one eigenvalue")?;
        let smallest = 1.0 / kappa;
        let last = (dim - 1).max(1) as f64;
        let place = |i: usize| {
            let part = i as f64 / last;
            match self {
                Self::Harmonic { .. } => 1.0 / (dim - i) as f64,
                _ if i + 1 == dim => 1.0,
                _ if i == 0 => smallest,
                // (1 + m)/2 - (1 - m)/2 cos(pi i/(n - 1)), with m = 1/kappa
                Self::Chebyshev { .. } => smallest + (1.0 - smallest) * (PI * part / 2.0).sin().powi(2),
                Self::Log { .. } => kappa.powf(part - 1.0),
                Self::Uniform { .. } => smallest + (1.0 - smallest) * part,
            }
        };
        Eigenvalues::new((0..dim).map(place).collect())
    }

    /// How many eigenvalues it has.
    #[must_use]
    pub fn dim(&self) -> usize {
        match *self {
            Self::Chebyshev { dim, .. }
            | Self::Harmonic { dim }
            | Self::Log { dim, .. }
            | Self::Uniform { dim, .. } => dim,
        }
    }

    /// kappa.
    #[must_use]
    pub fn condition_number(&self) -> f64 {
        match *self {
            Self::Harmonic { dim } => dim as f64,
            Self::Chebyshev { condition_number, .. }
            | Self::Log { condition_number, .. }
            | Self::Uniform { condition_number, .. } => condition_number.get(),
        }
    }
}

/// The eigenvalues of A, in any order: from one to [`MOST_EIGENVALUES`](crate::MOST_EIGENVALUES), each from 1e-100 to
/// 1e100.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Eigenvalues(Vec<f64>);

impl Eigenvalues {
    /// # Errors
    /// [`Error::Empty`]; [`Error::OutOfRange`] if there are too many; [`Error::ListedOutOfRange`] naming the first that is
    /// not accepted.
    pub fn new(values: Vec<f64>) -> Result<Self, Error> {
        EIGENVALUES.check(values).map(Self)
    }

    /// Reads a file with one eigenvalue a line; `#` begins a comment, blank lines are skipped.
    ///
    /// # Errors
    /// [`Error::UnreadableFile`]; [`Error::NotARegularFile`]; [`Error::FileTooLarge`]; [`Error::Empty`];
    /// [`Error::BadLine`] with the first line that is not accepted.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        EIGENVALUES.read(file.as_ref()).map(Self)
    }

    /// The eigenvalues, in the order given.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// L, the largest.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// The smallest.
    #[must_use]
    pub fn smallest(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest over the smallest.
    #[must_use]
    pub fn condition_number(&self) -> f64 {
        self.largest() / self.smallest()
    }
}
