//! Damaged files, for the tests beside this crate: each feeds one reader with them and demands an error or a sound
//! value, never a panic. CONTRIBUTING.md says how to run them for longer.

use bolero::{TypeGenerator, ValueGenerator, produce};

/// One change to a file. Positions wrap around at its end.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Edit {
    /// Sets a byte.
    Set {
        /// Which one.
        at: u32,
        /// Its new value.
        value: u8,
    },
    /// Flips one bit.
    Flip {
        /// In which byte.
        at: u32,
        /// Which bit, modulo 8.
        bit: u8,
    },
    /// Adds a byte.
    Insert {
        /// Before which one.
        at: u32,
        /// Its value.
        value: u8,
    },
    /// Copies some bytes to a place right behind them.
    Repeat {
        /// The first one.
        at: u32,
        /// How many.
        count: u8,
    },
    /// Takes bytes away.
    Remove {
        /// The first one.
        at: u32,
        /// How many.
        count: u8,
    },
    /// Takes everything away from here on.
    Truncate {
        /// The first byte that goes.
        at: u32,
    },
}

/// Up to four changes: with more, hardly a file gets past its reader's first line.
pub fn edits() -> impl ValueGenerator<Output = Vec<Edit>> {
    produce::<Vec<Edit>>().with().len(0usize..=4)
}

/// A valid file after some changes.
#[must_use]
pub fn damaged(valid: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for edit in edits {
        edit.apply(&mut bytes);
    }
    bytes
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: u32| at as usize % (bytes.len() + 1);
        let range = |at: u32, count: u8| place(at)..bytes.len().min(place(at) + usize::from(count));
        match *self {
            Self::Set { at, value } => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = value);
            }
            Self::Flip { at, bit } => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            Self::Insert { at, value } => bytes.insert(place(at), value),
            Self::Repeat { at, count } => {
                let range = range(at, count);
                let copy = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, copy);
            }
            Self::Remove { at, count } => {
                let range = range(at, count);
                bytes.drain(range);
            }
            Self::Truncate { at } => bytes.truncate(place(at)),
        }
    }
}
