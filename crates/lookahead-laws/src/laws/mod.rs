//! The laws themselves, by subject. Each takes a case and panics where it is broken.

pub(crate) mod average;
pub(crate) mod clock;
pub(crate) mod identities;
pub(crate) mod inner_state;
pub(crate) mod membership;
pub(crate) mod non_finite;
pub(crate) mod outer;
pub(crate) mod resume;
mod script;
pub(crate) mod sync;

use crate::{Case, Subject, Tensor};

/// A tolerance of so many units in the last place, and of so many syncs where these round.
fn tolerance<S: Subject>(units: f64, syncs: f64) -> f64 {
    units * S::PRECISION.epsilon() + syncs * S::SLOW.rounding()
}

/// Eq. 1 in `f64`: `phi + alpha (theta - phi)`.
fn eq1(alpha: f64, phi: &[Vec<f64>], theta: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let element = |(phi, theta): (&f64, &f64)| phi + alpha * (theta - phi);
    phi.iter().zip(theta).map(|(phi, theta)| phi.iter().zip(theta).map(element).collect()).collect()
}

/// The case's tensors with other values.
fn tensors_at(case: &Case, values: &[Vec<f64>]) -> Vec<Tensor> {
    let at = |(tensor, values): (&Tensor, &Vec<f64>)| Tensor { values: values.clone(), ..tensor.clone() };
    case.tensors.iter().zip(values).map(at).collect()
}
