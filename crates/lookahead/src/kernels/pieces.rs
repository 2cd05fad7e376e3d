//! What a pass can take apart: slices of one length, side by side.

/// Slices of one length that are worked on piece by piece.
pub trait Pieces {
    /// The number of elements.
    fn len(&self) -> usize;

    /// Whether there is no element.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the first `count` elements away; all there are if there are fewer.
    #[must_use]
    fn take_first(&mut self, count: usize) -> Self;
}

impl<T> Pieces for &[T] {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        let (first, rest) = self.split_at(count.min(self.len()));
        *self = rest;
        first
    }
}

impl<T> Pieces for &mut [T] {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        let count = count.min(self.len());
        let (first, rest) = std::mem::take(self).split_at_mut(count);
        *self = rest;
        first
    }
}

impl<A: Pieces, B: Pieces> Pieces for (A, B) {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn take_first(&mut self, count: usize) -> Self {
        (self.0.take_first(count), self.1.take_first(count))
    }
}
