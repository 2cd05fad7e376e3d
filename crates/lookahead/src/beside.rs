//! A pass over the weights of tensors and what is kept beside them: one before the inner step, one after it. And tensors
//! that take no step: Lookaheads below may move them where they work.

use crate::kernels::{Pass, Pieces, primal};
use crate::{Float, Grads, ParamSet};

/// The weights of one tensor, what is kept beside them, and the numbers of the pass.
pub(crate) struct Beside<'a, T, C> {
    pub(crate) weights: &'a mut [T],
    pub(crate) kept: &'a mut [T],
    pub(crate) coefficients: C,
}

impl<T, C: Copy> Pieces for Beside<'_, T, C> {
    fn len(&self) -> usize {
        self.weights.len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        let (weights, kept) = (self.weights.take_first(count), self.kept.take_first(count));
        Self { weights, kept, coefficients: self.coefficients }
    }
}

/// Works on all of them; `elements` is how many there are at most.
pub(crate) fn pass<'a, T: Send + 'a, C: Copy + Send + 'a>(
    elements: usize,
    tensors: impl Iterator<Item = Beside<'a, T, C>> + Send,
    work: impl Fn(&mut [T], &mut [T], C) + Sync,
) {
    Pass::new().for_each(
        elements,
        tensors,
        #[inline(always)]
        |Beside { weights, kept, coefficients }| {
            work(weights, kept, coefficients);
            0
        },
    );
}

/// A tensor without a gradient: its weights, which wait here, and the point that stands in their place for Lookaheads below.
pub(crate) struct Waiting<T> {
    tensor: usize,
    weights: Vec<T>,
    point: Vec<T>,
}

/// Lets each tensor without a gradient wait, in a step or, without `grads`, outside of one; not where `point_of` gives none
/// for its index and weights.
pub(crate) fn wait<T: Float>(
    params: &mut ParamSet<'_, T>,
    grads: Option<&Grads<'_, T>>,
    point_of: impl Fn(usize, &[T]) -> Option<Vec<T>>,
) -> Vec<Waiting<T>> {
    let waits = |index: usize| grads.is_none_or(|grads| grads.get(index).is_none());
    let tensors = params.iter_mut().enumerate().filter(|(index, _)| waits(*index));
    let waiting = tensors.filter_map(|(tensor, param)| {
        let point = point_of(tensor, param.values())?;
        let weights = param.values().to_vec();
        param.values_mut().copy_from_slice(&point);
        Some(Waiting { tensor, weights, point })
    });
    waiting.collect()
}

/// Puts the weights back, as far on as [`primal::go_along`] says that they go with their point, and gives each point.
pub(crate) fn go_along<T: Float>(
    params: &mut ParamSet<'_, T>,
    waiting: Vec<Waiting<T>>,
    rest: T,
    mut point_of: impl FnMut(usize, &[T]),
) {
    for Waiting { tensor, weights, mut point } in waiting {
        primal::go_along(params.slice_mut(tensor), &mut point, &weights, rest);
        point_of(tensor, &point);
    }
}
