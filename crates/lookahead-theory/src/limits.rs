//! How large and how small the numbers of a question may be. Inside these bounds the products of the formulas stay
//! within the range of doubles, and a question is answered in seconds.

use crate::Error;
use crate::error::accept;

/// The most eigenvalues that are accepted.
pub const MOST_EIGENVALUES: usize = 1_000_000;
/// The smallest curvature, and the smallest noise variance above 0, that is accepted.
pub(crate) const LEAST: f64 = 1e-100;
/// The largest curvature, noise variance, condition number and size of an initial mean that is accepted.
pub(crate) const MOST: f64 = 1e100;
/// The largest variance of a start: the square of the largest mean.
pub(crate) const MOST_START_VARIANCE: f64 = 1e200;

/// What would have been accepted for an eigenvalue, if this one is not.
pub(crate) fn refuses_curvature(value: f64) -> Option<&'static str> {
    match value {
        _ if !(value > 0.0 && value.is_finite()) => Some("a finite number above 0"),
        _ if !(LEAST..=MOST).contains(&value) => Some("at least 1e-100 and at most 1e100"),
        _ => None,
    }
}

/// What would have been accepted for a noise variance, if this one is not.
pub(crate) fn refuses_variance(value: f64) -> Option<&'static str> {
    match value {
        _ if !(value >= 0.0 && value.is_finite()) => Some("a finite number of at least 0"),
        _ if value > 0.0 && !(LEAST..=MOST).contains(&value) => Some("0, or at least 1e-100 and at most 1e100"),
        _ => None,
    }
}

/// Checks a single curvature.
pub(crate) fn check_curvature(value: f64) -> Result<f64, Error> {
    accept("the curvature", value, value > 0.0 && value.is_finite(), "finite and above 0")?;
    accept("the curvature", value, (LEAST..=MOST).contains(&value), "at least 1e-100 and at most 1e100")
}

/// Checks a single noise variance.
pub(crate) fn check_variance(value: f64) -> Result<f64, Error> {
    accept("the noise variance", value, value >= 0.0 && value.is_finite(), "finite and at least 0")?;
    let fits = value == 0.0 || (LEAST..=MOST).contains(&value);
    accept("the noise variance", value, fits, "0, or at least 1e-100 and at most 1e100")
}

/// Checks how many eigenvalues there are.
pub(crate) fn check_count(dim: usize) -> Result<(), Error> {
    accept("the number of eigenvalues", dim as f64, dim > 0, "at least 1")?;
    let most = || format!("at most {MOST_EIGENVALUES}");
    accept("the number of eigenvalues", dim as f64, dim <= MOST_EIGENVALUES, most()).map(|_| ())
}
