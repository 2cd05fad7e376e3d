//! The one error type of this crate: what was wrong, where, and what is accepted.

use std::path::PathBuf;

/// Why a value, a file or a question was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number lies outside its range.
    #[error("{name} is {value}, but must be {accepted}")]
    OutOfRange {
        /// What the number is.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What would have been accepted.
        accepted: String,
    },
    /// One number of a list lies outside its range.
    #[error("{name} number {position} is {value}, but must be {accepted}")]
    ListedOutOfRange {
        /// What the numbers are.
        name: &'static str,
        /// Which of them, counted from 1.
        position: usize,
        /// What was given.
        value: f64,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// A list or a file holds no number at all.
    #[error("there is no {name}: at least one is needed")]
    Empty {
        /// What the numbers would have been.
        name: &'static str,
    },
    /// There are more or fewer noise variances than eigenvalues.
    #[error("{found} noise variances were given for {expected} eigenvalues")]
    NoiseCount {
        /// The number of eigenvalues.
        expected: usize,
        /// The number of noise variances.
        found: usize,
    },
    /// Two vectors that must have the same length do not.
    #[error("{name} has {found} values, but there are {expected} eigenvalues")]
    VectorLength {
        /// What the vector is.
        name: &'static str,
        /// The number of eigenvalues.
        expected: usize,
        /// The number of its values.
        found: usize,
    },
    /// A number of inner steps does not end with a sync.
    #[error("the number of steps is {steps}, but must be a multiple of the synchronization period k = {sync_period}")]
    StepsEndInsideCycle {
        /// The inner steps asked for.
        steps: u64,
        /// k.
        sync_period: u32,
    },
    /// The second moments grow without bound, so that there is no fixed point.
    #[error(
        "there is no fixed point: with learning rate {lr} a cycle multiplies the direction of curvature {curvature} by \
         {radius}, but must shrink it"
    )]
    Diverges {
        /// The learning rate.
        lr: f64,
        /// The curvature of the direction that grows.
        curvature: f64,
        /// The spectral radius of one cycle there, at least 1.
        radius: f64,
    },
    /// The matrices of App. B.1 as printed need the two fast weights before a sync.
    #[error(
        "the printed matrices need a synchronization period k of at least 2, but k is {sync_period}: use the system in \
         (theta, velocity)"
    )]
    PeriodTooShortToPrint {
        /// k.
        sync_period: u32,
    },
    /// The printed matrices would not fit into memory.
    #[error(
        "the printed matrices have {size} rows, but at most {most} are accepted: use fewer eigenvalues or a smaller k"
    )]
    TooManyRows {
        /// The number of rows: eigenvalues times (k + 1).
        size: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// The linear-algebra crate gave no eigenvalues.
    #[error("the eigenvalues of a matrix of {size} rows did not converge")]
    NoEigenvalues {
        /// The number of rows.
        size: usize,
    },
    /// A file could not be read.
    #[error("cannot read {}", file.display())]
    UnreadableFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a file of numbers is not a number in range.
    #[error("{}, line {line}: {text:?} is not {accepted}", file.display())]
    BadLine {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        text: String,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// A hyperparameter of Lookahead itself was refused.
    #[error(transparent)]
    Hyperparameter(#[from] lookahead::Error),
}

/// Checks a number, naming it, its value and its range in the error.
pub(crate) fn accept(name: &'static str, value: f64, ok: bool, accepted: impl Into<String>) -> Result<f64, Error> {
    if ok { Ok(value) } else { Err(Error::OutOfRange { name, value, accepted: accepted.into() }) }
}
