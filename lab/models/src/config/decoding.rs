//! How translations are searched for; the table `[decoding]`.

use std::num::NonZeroU32;

use serde::Serialize;

use lookahead_settings::{Read, Table};

/// The beam search at the end of a translation run (Vaswani et al. 2017, Sec. 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecodingConfig {
    /// Hypotheses that are kept of each sentence, at most 64. Default 4.
    pub beam: NonZeroU32,
    /// The exponent alpha of the length penalty `((5 + length) / 6)^alpha`, from 0 to 2. Default 0.6.
    pub length_penalty: f64,
    /// How many subwords longer than its source a translation may be. Default 50.
    pub longest_extra: NonZeroU32,
}

impl DecodingConfig {
    /// Reads the table.
    ///
    /// # Errors
    /// [`ConfigError`](lookahead_settings::ConfigError), with its place.
    pub fn read(table: &Table<'_>) -> Read<Self> {
        const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();
        const FIFTY: NonZeroU32 = NonZeroU32::new(50).unwrap();
        table.accept(&["beam", "length_penalty", "longest_extra"])?;
        let penalty = |x| (0.0..=2.0).contains(&x);
        Ok(Self {
            beam: table.or("beam", FOUR, |e| e.count_to(64))?,
            length_penalty: table.or("length_penalty", 0.6, |e| e.number("from 0 to 2", penalty))?,
            longest_extra: table.or("longest_extra", FIFTY, |e| e.count_to(10_000))?,
        })
    }
}
