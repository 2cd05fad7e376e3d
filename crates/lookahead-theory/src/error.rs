//! The one error type of this crate: what was wrong, where, and what is accepted.

use std::path::{Path, PathBuf};

/// Why a value, a file or a question was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number lies outside its range.
    #[error("{name} is {}, but must be {accepted}", short(*value))]
    OutOfRange {
        /// What the number is.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What would have been accepted.
        accepted: String,
    },
    /// One number of a list lies outside its range.
    #[error("{name} number {position} is {}, but must be {accepted}", short(*value))]
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
    #[error("{} for {}: one for each is needed", counted(*found as u64, "noise variance"), counted(*expected as u64, "eigenvalue"))]
    NoiseCount {
        /// The number of eigenvalues.
        expected: usize,
        /// The number of noise variances.
        found: usize,
    },
    /// Two vectors that must have the same length do not.
    #[error("{name} has {} for {}: one for each is needed", counted(*found as u64, "value"), counted(*expected as u64, "eigenvalue"))]
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
        "there is no fixed point: with learning rate {} a cycle multiplies the direction of curvature {} by {}, but must \
         shrink it",
        short(*lr),
        short(*curvature),
        to_ten_digits(*radius)
    )]
    Diverges {
        /// The learning rate.
        lr: f64,
        /// The curvature of the direction that grows.
        curvature: f64,
        /// The spectral radius of one cycle there, at least 1.
        radius: f64,
    },
    /// A result would not be finite.
    #[error("{what} is not finite: {because}")]
    NotFinite {
        /// The result.
        what: &'static str,
        /// The values that lead to it, and what would help.
        because: String,
    },
    /// Two distances to a final loss cannot be compared, for one of them is nothing but rounding.
    #[error(
        "with learning rate {} the distance to the final loss after {} is too small to be compared in doubles: \
         take fewer steps, a larger condition number or another initial mean",
        short(*lr),
        counted(*steps, "step")
    )]
    DistanceTooSmall {
        /// The learning rate.
        lr: f64,
        /// The inner steps.
        steps: u64,
    },
    /// A question that would take minutes or hours.
    #[error("{what} is {size}, but must be at most {most}: {less}")]
    TooMuchWork {
        /// What is counted.
        what: &'static str,
        /// How much of it there would be.
        size: u64,
        /// How much is accepted.
        most: u64,
        /// What makes it less.
        less: &'static str,
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
    /// A file could not be read.
    #[error("cannot read {}", shown(file))]
    UnreadableFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What should be a file of numbers is a folder, a pipe or a device.
    #[error("{} is not a regular file, but must be one with a number on each line", shown(file))]
    NotARegularFile {
        /// Its path.
        file: PathBuf,
    },
    /// A file of numbers is too large.
    #[error("{} has more than {most} {of}, which is the most that is accepted", shown(file))]
    FileTooLarge {
        /// The file.
        file: PathBuf,
        /// How many are accepted.
        most: u64,
        /// Of what: bytes or numbers.
        of: &'static str,
    },
    /// A line of a file of numbers is not a number in range.
    #[error("{}, line {line}: {text:?} is not {accepted}", shown(file))]
    BadLine {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What stands there, cut after 40 characters.
        text: String,
        /// What would have been accepted.
        accepted: &'static str,
    },
    /// A hyperparameter of Lookahead itself was refused.
    #[error(transparent)]
    Hyperparameter(#[from] lookahead::Error),
}

/// A count with its noun.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A path that stays in its line.
fn shown(file: &Path) -> String {
    let escaped = |c: char| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    file.display().to_string().chars().map(escaped).collect()
}

/// A number as people write it: in full, or with an exponent where that would be a row of zeros.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// A computed number without the last digits, which are rounding.
pub(crate) fn to_ten_digits(value: f64) -> String {
    // What was just written reads back.
    short(format!("{value:.9e}").parse().unwrap_or(value))
}

/// Checks a number, naming it, its value and its range in the error.
pub(crate) fn accept(name: &'static str, value: f64, ok: bool, accepted: impl Into<String>) -> Result<f64, Error> {
    if ok { Ok(value) } else { Err(Error::OutOfRange { name, value, accepted: accepted.into() }) }
}
