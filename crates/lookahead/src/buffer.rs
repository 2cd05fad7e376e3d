//! Memory for one tensor, laid out so that several buffers can be streamed through together.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line; a buffer starts on one, so that no vector straddles two.
const LINE: usize = 64;

/// Buffers that a pass reads and writes side by side should not start at the same place of a page: their elements would
/// share the few cache lines of a set, and a load would be taken to depend on an earlier store to another buffer.
const PAGE: usize = 4096;
const PLACES: usize = 16;

/// Shorter buffers fit in the cache anyway.
const WORTH_A_PAGE: usize = 4 * PAGE;

/// The place in a page where a buffer starts: a number of its own for each kind of buffer in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Slot {
    Weights = 1,
    FirstMoment = 2,
    SecondMoment = 3,
    Slow = 4,
    Squares = 5,
    Mean = 6,
    Gradient = 7,
    OuterMomentum = 8,
}

/// Values of one tensor.
///
/// A clone starts at another place of a page than its original: it is made to be used beside it.
///
/// ```
/// use lookahead::Buffer;
/// let gradient = Buffer::from(vec![0.5_f32; 1000]);
/// assert_eq!((gradient.as_ptr() as usize % 64, &gradient[998..]), (0, &[0.5, 0.5][..]));
/// ```
#[derive(Debug)]
pub struct Buffer<T> {
    memory: Vec<T>,
    start: usize,
    length: usize,
    place: usize,
}

impl<T> Buffer<T> {
    /// Bytes from one possible start to the next, and where between them to start.
    fn alignment(length: usize, place: usize) -> (usize, usize) {
        if length * size_of::<T>() < WORTH_A_PAGE { (LINE, 0) } else { (PAGE, place % PLACES * (PAGE / PLACES)) }
    }

    /// The number of elements to leave out at the start of memory.
    fn start(memory: *const T, (alignment, offset): (usize, usize)) -> usize {
        (offset.wrapping_sub(memory as usize) % alignment) / size_of::<T>().max(1)
    }
}

impl<T: Clone> Buffer<T> {
    /// A copy of the values that starts at `place` sixteenths of a page: buffers that are streamed through together are
    /// best at different ones. [`From`] takes a place that no buffer of this crate has.
    #[must_use]
    pub fn at_place(values: &[T], place: usize) -> Self {
        Self::at(values, place % PLACES)
    }

    fn at(values: &[T], place: usize) -> Self {
        let alignment = Self::alignment(values.len(), place);
        let mut memory = Vec::with_capacity(values.len() + alignment.0 / size_of::<T>().max(1));
        let start = Self::start(memory.as_ptr(), alignment);
        if let Some(filler) = values.first() {
            memory.resize(start, filler.clone());
            memory.extend_from_slice(values);
        }
        Self { start: start.min(memory.len()), memory, length: values.len(), place }
    }

    pub(crate) fn copy_of(values: &[T], slot: Slot) -> Self {
        Self::at(values, slot as usize)
    }
}

impl<T: Clone + Default> Buffer<T> {
    /// All zeros, in memory that comes untouched from the system.
    pub(crate) fn zeros(length: usize, slot: Slot) -> Self {
        let place = slot as usize;
        let alignment = Self::alignment(length, place);
        let memory = vec![T::default(); length + alignment.0 / size_of::<T>().max(1)];
        Self { start: Self::start(memory.as_ptr(), alignment), memory, length, place }
    }
}

impl<T: Clone> From<Vec<T>> for Buffer<T> {
    /// A copy of the values, in a place for gradients.
    fn from(values: Vec<T>) -> Self {
        Self::copy_of(&values, Slot::Gradient)
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self::at(self, self.place ^ 8)
    }

    fn clone_from(&mut self, source: &Self) {
        if self.length == source.length {
            self.clone_from_slice(source);
        } else {
            *self = source.clone();
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

impl<T: PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(feature = "serde")]
mod written {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Buffer;

    /// A buffer as it is written. Where it starts goes along, so that a resumed run is as fast.
    #[derive(Serialize, Deserialize)]
    struct Written<V> {
        place: u8,
        values: V,
    }

    impl<T: Serialize> Serialize for Buffer<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Written { place: self.place as u8, values: &**self }.serialize(serializer)
        }
    }

    impl<'de, T: Clone + Deserialize<'de>> Deserialize<'de> for Buffer<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let Written { place, values } = Written::<Vec<T>>::deserialize(deserializer)?;
            Ok(Self::at(&values, usize::from(place)))
        }
    }
}
