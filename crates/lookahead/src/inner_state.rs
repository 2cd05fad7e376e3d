//! What becomes of the inner optimizer's memory at a sync (Sec. 2, App. C.5).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Alpha, Error, Float, ParamSet};

/// Maintain, interpolate or reset: the three choices of App. C.5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InnerStatePolicy {
    /// Leave it as it is (the default; the paper's choice outside Table 1 and Fig. 12).
    #[default]
    Maintain,
    /// Move every moment toward its value at the last sync by the pull-back's own formula, and its bias correction with
    /// it. At the first sync that value is the initial one. Step counters are kept.
    Interpolate,
    /// Start the inner optimizer afresh. The caller's learning-rate schedule goes on.
    Reset,
}

/// A rule's memory, as a value: it can be kept, pulled back, saved and checked.
///
/// Implement it for a rule of your own beside [`Optimizer`](crate::Optimizer).
pub trait InnerState<T: Float>: Clone + Serialize + DeserializeOwned {
    /// Gives every tensor that has joined `params` since the last call its initial state.
    fn adopt(&mut self, params: &ParamSet<'_, T>);

    /// App. C.5 "interpolate": `s <- anchor - alpha (anchor - s)` for every moment and bias correction.
    fn pull_back(&mut self, anchor: &Self, alpha: Alpha);

    /// Takes `params` as the slow weights of Lookaheads inside, after an outer sync: they are weights, not state.
    fn rebase(&mut self, _params: &ParamSet<'_, T>) {}

    /// Whether it belongs to such parameters.
    ///
    /// # Errors
    /// [`Error::OtherParameters`] naming the first tensor that does not fit.
    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error>;
}

/// Checks that `buffers` has one buffer of the right length for each tensor, or of length 0 where `or_empty`.
pub(crate) fn buffers_fit<T: Float>(
    what: &str,
    buffers: &[Vec<T>],
    params: &ParamSet<'_, T>,
    or_empty: bool,
) -> Result<(), Error> {
    counts_fit(what, buffers.len(), params)?;
    for (param, buffer) in params.iter().zip(buffers) {
        let (expected, found) = (param.values().len(), buffer.len());
        if found != expected && !(or_empty && found == 0) {
            let reason = format!("{what} of tensor {:?} has {found} values, the tensor {expected}", param.name());
            return Err(Error::OtherParameters { reason });
        }
    }
    Ok(())
}

/// Checks that there is one of `what` for each tensor.
pub(crate) fn counts_fit<T: Float>(what: &str, found: usize, params: &ParamSet<'_, T>) -> Result<(), Error> {
    let expected = params.len();
    if found == expected {
        return Ok(());
    }
    let reason = format!("it holds {what} for {found} tensors, the parameter set has {expected}");
    Err(Error::OtherParameters { reason })
}

/// Appends a zeroed buffer for each tensor that `buffers` does not cover yet.
pub(crate) fn adopt_zeros<T: Float>(buffers: &mut Vec<Vec<T>>, params: &ParamSet<'_, T>) {
    buffers.extend(params.iter().skip(buffers.len()).map(|param| vec![T::ZERO; param.values().len()]));
}
