//! Memory that starts on a cache line, so that no vector straddles two, and that is used again.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// Buffers that a thread keeps for its next ones: as many as it needs at a time.
const KEPT: usize = 4;

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers that are whatever they were: who takes them writes them first.
#[derive(Debug)]
pub(crate) struct Aligned {
    memory: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Takes memory that was given back on this thread, if there is any as large.
    pub(crate) fn uncleared(len: usize) -> Self {
        let needed = len + LINE / size_of::<f32>();
        let pooled = POOL.with_borrow_mut(|pool| {
            // The smallest that is large enough.
            let fits = pool.iter().enumerate().filter(|(_, memory)| memory.len() >= needed);
            let best = fits.min_by_key(|(_, memory)| memory.len()).map(|(index, _)| index);
            best.map(|index| pool.swap_remove(index))
        });
        let memory = pooled.unwrap_or_else(|| vec![0.0; needed]);
        // A pointer to f32 is at most 15 of them away from a line; `min` for targets that cannot say how far.
        let start = memory.as_ptr().align_offset(LINE).min(needed - len);
        Self { memory, start, len }
    }

    pub(crate) fn zeros(len: usize) -> Self {
        let mut zeros = Self::uncleared(len);
        zeros.fill(0.0);
        zeros
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        // A thread that ends keeps nothing.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            pool.push(memory);
            if pool.len() > KEPT {
                let smallest = (0..pool.len()).min_by_key(|index| pool[*index].len());
                smallest.map(|index| pool.swap_remove(index));
            }
        });
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_starts_on_a_line_and_is_used_again() {
        let mut first = Aligned::zeros(1000);
        first[999] = 1.0;
        let place = first.as_ptr();
        assert_eq!((place as usize % LINE, first.len()), (0, 1000));
        drop(first);
        assert_eq!(Aligned::uncleared(900).as_ptr(), place);
        assert_eq!(Aligned::zeros(900)[899], 0.0);
    }
}
