//! What becomes of the inner optimizer's memory at a sync (Sec. 2, App. C.5).

use crate::buffer::Slot;
use crate::kernels::Pass;
use crate::{Alpha, Buffer, Error, Float, ParamSet};

/// Maintain, interpolate or reset: the three choices of App. C.5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum InnerStatePolicy {
    /// Leave it as it is (the default; the paper's choice outside Table 1 and Fig. 12).
    #[default]
    Maintain,
    /// Move every moment toward its value at the last sync by the pull-back's own formula, and its bias correction with
    /// it. At the first sync that value is the initial one. Step counters are kept.
    Interpolate,
    /// Start the inner optimizer afresh. The caller's learning-rate schedule goes on; what the inner optimizer itself counts
    /// in steps (the warm-up of Schedule-Free or of an average, the step at which an average begins) starts again at every
    /// sync, and never ends where it is longer than a cycle.
    Reset,
}

/// A rule's memory, as a value: it can be kept, pulled back, saved and checked.
///
/// Implement it for a rule of your own beside [`Optimizer`](crate::Optimizer), and serde's two traits where it is to go into a
/// snapshot.
pub trait InnerState<T: Float>: Clone {
    /// Gives every tensor that has joined `params` since the last call its initial state.
    fn adopt(&mut self, params: &ParamSet<'_, T>);

    /// Whether the steps to come may move a tensor, given by its index, without a gradient, as the outer momentum of a
    /// Lookahead does; no by default. A wrapper of an optimizer asks the state below. Slow weights in bf16 go by it at
    /// the start of a cycle.
    fn coasts(&self, _tensor: usize) -> bool {
        false
    }

    /// App. C.5 "interpolate": `s <- anchor - alpha (anchor - s)` for every moment and bias correction.
    fn pull_back(&mut self, anchor: &Self, alpha: Alpha);

    /// Takes `weights`, tensor by tensor, as the slow weights of Lookaheads inside, after an outer sync: they are weights,
    /// not state.
    fn rebase<'w>(&mut self, _weights: impl Iterator<Item = &'w [T]> + Clone)
    where
        T: 'w,
    {
    }

    /// Whether it belongs to such parameters.
    ///
    /// # Errors
    /// [`Error::OtherParameters`] naming the first tensor that does not fit.
    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error>;
}

/// Checks that `buffers` has one buffer of the right length for each tensor.
pub(crate) fn buffers_fit<T: Float>(what: &str, buffers: &[Buffer<T>], params: &ParamSet<'_, T>) -> Result<(), Error> {
    lengths_fit(what, buffers.iter().map(|buffer| buffer.len()), params)
}

/// [`buffers_fit`] by their lengths.
pub(crate) fn lengths_fit<T: Float>(
    what: &str,
    lengths: impl ExactSizeIterator<Item = usize>,
    params: &ParamSet<'_, T>,
) -> Result<(), Error> {
    counts_fit(what, lengths.len(), params)?;
    for (param, found) in params.iter().zip(lengths) {
        let expected = param.values().len();
        if found != expected {
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

/// `Clone` for a state, field by field, so that `clone_from` writes into the memory that is there.
macro_rules! clone_in_place {
    ($state:ident<$($parameter:ident),+> { $($field:ident),+ $(,)? }) => {
        impl<$($parameter: Clone),+> Clone for $state<$($parameter),+> {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone()),+ }
            }

            fn clone_from(&mut self, source: &Self) {
                $(self.$field.clone_from(&source.$field);)+
            }
        }
    };
}
pub(crate) use clone_in_place;

/// Sets all buffers to zero.
pub(crate) fn zero_all<T: Float>(buffers: &mut [Buffer<T>]) {
    let elements = buffers.iter().map(|buffer| buffer.len()).sum();
    Pass::new().for_each(elements, buffers.iter_mut().map(|buffer| &mut buffer[..]), |values| {
        values.fill(T::ZERO);
        0
    });
}

/// Appends a zeroed buffer for each tensor that `buffers` does not cover yet.
pub(crate) fn adopt_zeros<T: Float>(buffers: &mut Vec<Buffer<T>>, params: &ParamSet<'_, T>, slot: Slot) {
    buffers.extend(params.iter().skip(buffers.len()).map(|param| Buffer::zeros(param.values().len(), slot)));
}

/// App. C.5 for one moment of all tensors.
pub(crate) fn interpolate_all<T: Float>(moments: &mut [Buffer<T>], anchors: &[Buffer<T>], alpha: Alpha) {
    let elements = moments.iter().map(|moment| moment.len()).sum();
    let pairs = moments.iter_mut().zip(anchors).map(|(moment, anchor)| (&mut moment[..], &anchor[..]));
    Pass::new().interpolate_all(elements, pairs, alpha);
}
