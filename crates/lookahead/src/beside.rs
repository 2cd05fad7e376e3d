//! A pass over the weights of tensors and what is kept beside them: one before the inner step, one after it.

use crate::kernels::{Pass, Pieces};

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
