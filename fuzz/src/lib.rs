//! Damaged files, for the tests beside this crate: each feeds one reader with them and demands an error or a sound
//! value, never a panic. CONTRIBUTING.md says how to run them for longer.

use bolero::{TypeGenerator, ValueGenerator, produce};

/// One change to a file. Positions wrap around at its end.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Edit {
    /// Flips one bit.
    Flip {
        /// In which byte.
        at: u32,
        /// Which bit, modulo 8.
        bit: u8,
    },
    /// Puts something in.
    Insert {
        /// Before which byte.
        at: u32,
        /// What.
        piece: Piece,
    },
    /// Puts something in the place of a byte.
    Replace {
        /// Which one.
        at: u32,
        /// What comes instead.
        piece: Piece,
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

/// What an edit puts in.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Piece {
    /// One byte.
    Byte(u8),
    /// The largest number of some bits (modulo 65), as postcard writes it: seven bits a byte, the lowest first.
    Largest {
        /// How many bits.
        bits: u8,
    },
    /// One of [`WORDS`], counted around.
    Word(u8),
}

/// What text formats trip over.
pub const WORDS: [&str; 24] = [
    "nan",
    "-inf",
    "1e999",
    "-1",
    "0",
    "0.5",
    "9223372036854775807",
    "18446744073709551615",
    "0x7f",
    "true",
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "\n",
    "\u{e9}",
];

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
        let length = bytes.len();
        let place = |at: u32| at as usize % (length + 1);
        let range = |at: u32, count: u8| place(at)..length.min(place(at) + usize::from(count));
        match self {
            Self::Flip { at, bit } => bytes[range(*at, 1)].iter_mut().for_each(|byte| *byte ^= 1 << (bit % 8)),
            Self::Insert { at, piece } => drop(bytes.splice(range(*at, 0), piece.bytes())),
            Self::Replace { at, piece } => drop(bytes.splice(range(*at, 1), piece.bytes())),
            Self::Repeat { at, count } => {
                let range = range(*at, *count);
                let copy = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, copy);
            }
            Self::Remove { at, count } => drop(bytes.drain(range(*at, *count))),
            Self::Truncate { at } => bytes.truncate(place(*at)),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Byte(byte) => vec![*byte],
            Self::Largest { bits } => {
                let bits = bits % 65;
                let full = std::iter::repeat_n(0xff, usize::from(bits / 7));
                full.chain([(1 << (bits % 7)) - 1]).collect()
            }
            Self::Word(number) => WORDS[usize::from(*number) % WORDS.len()].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_change_what_they_say() {
        let after = |edit: Edit| String::from_utf8(damaged(b"abcd", &[edit])).unwrap();
        assert_eq!(after(Edit::Flip { at: 1, bit: 8 }), "accd");
        assert_eq!(after(Edit::Insert { at: 4, piece: Piece::Byte(b'x') }), "abcdx");
        assert_eq!(after(Edit::Replace { at: 5, piece: Piece::Word(0) }), "nanbcd");
        assert_eq!(after(Edit::Repeat { at: 1, count: 2 }), "abcbcd");
        assert_eq!(after(Edit::Remove { at: 2, count: 9 }), "ab");
        assert_eq!(after(Edit::Truncate { at: 3 }), "abc");
    }

    #[test]
    fn the_largest_numbers_have_seven_bits_a_byte() {
        assert_eq!(Piece::Largest { bits: 32 }.bytes(), [0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(Piece::Largest { bits: 3 }.bytes(), [7]);
    }
}
