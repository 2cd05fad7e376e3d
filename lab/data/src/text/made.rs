//! A made language that a small model learns in seconds, for trying out everything without data.

use std::num::NonZeroU32;

use rand_chacha::ChaCha8Rng;

use super::UnreadText;
use crate::lines::TextFile;
use crate::order::below;
use lookahead_runs::random::stream;

/// Sentences have from 5 to 14 words.
const SHORTEST: u32 = 5;
const LENGTHS: u32 = 10;
/// How many words usually follow a word.
const FOLLOWERS: usize = 3;

/// A Markov chain: nine times of ten, one of three words follows each word; else any. There is no seed: the text is
/// always the same. Each part has at least as many tokens as it should, and ends with a whole sentence.
pub(super) fn parts(tokens: u32, held_out: u32, vocabulary: NonZeroU32) -> UnreadText {
    // Two of the vocabulary are `<eos>` and `<unk>`.
    let words = vocabulary.get().saturating_sub(2).max(1);
    let mut random = stream(0, "made language", 0);
    let followers: Vec<[u32; FOLLOWERS]> =
        (0..words).map(|_| [0; FOLLOWERS].map(|_: u32| below(&mut random, words))).collect();
    let part = |purpose: &str, tokens| {
        let bytes = text(&followers, &mut stream(0, purpose, 0), tokens).into_bytes();
        TextFile::Memory { name: purpose.to_owned(), bytes }
    };
    UnreadText {
        name: "made_text",
        what: "made text".to_owned(),
        vocabulary,
        train: part("made training text", tokens),
        valid: part("made validation text", held_out),
        test: Some(part("made test text", held_out)),
    }
}

fn text(followers: &[[u32; FOLLOWERS]], random: &mut ChaCha8Rng, tokens: u32) -> String {
    let words = followers.len() as u32;
    let mut text = String::new();
    let mut made = 0;
    while made < tokens {
        let length = SHORTEST + below(random, LENGTHS);
        let mut word = below(random, words);
        for _ in 0..length {
            text.push_str(&format!("w{word} "));
            let follows = below(random, 10) > 0;
            let choice = below(random, FOLLOWERS as u32) as usize;
            word = if follows { followers[word as usize][choice] } else { below(random, words) };
        }
        text.push('\n');
        made += length + 1;
    }
    text
}
