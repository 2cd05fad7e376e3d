//! Made sentences with translations that a small model learns in minutes, for trying out everything without data.

use std::num::NonZeroU32;

use super::UnreadPairs;
use super::aligned::Aligned;
use crate::config::SubwordsConfig;
use crate::lines::TextFile;
use crate::order::below;
use lookahead_runs::random::stream;

/// Sentences have from 3 to 8 words.
const SHORTEST: u32 = 3;
const LENGTHS: u32 = 6;

const CONSONANTS: &[u8] = b"bdfgklmnprst";
const VOWELS: &[u8] = b"aeiou";

/// Each word has one translation, and the words of a translation stand in reverse. There is no seed: the sentences are
/// always the same. The vocabulary has room for every word as one subword.
pub(super) fn parts(train: u32, valid: u32, words: NonZeroU32) -> UnreadPairs {
    const LONGEST: NonZeroU32 = NonZeroU32::new(100).unwrap();
    let part = |what: &str, count| {
        let mut random = stream(0, &format!("made {what} pairs"), 0);
        let (mut source, mut target) = (String::new(), String::new());
        for _ in 0..count {
            let length = SHORTEST + below(&mut random, LENGTHS);
            let sentence: Vec<u32> = (0..length).map(|_| below(&mut random, words.get())).collect();
            source += &line(sentence.iter().map(|&word| source_word(word)));
            target += &line(sentence.iter().rev().map(|&word| target_word(word)));
        }
        let file = |side: &str, text: String| TextFile::Memory {
            name: format!("made {what} {side}"),
            bytes: text.into_bytes(),
        };
        Aligned::new(file("sentences", source), file("translations", target))
    };
    let vocabulary = words.saturating_mul(const { NonZeroU32::new(4).unwrap() }).saturating_add(100);
    UnreadPairs {
        name: "made_pairs",
        what: "made sentences".to_owned(),
        subwords: SubwordsConfig { vocabulary, longest: LONGEST, subwords: None },
        train: part("training", train),
        valid: part("validation", valid),
        test: Some(part("test", valid)),
    }
}

fn line(words: impl Iterator<Item = String>) -> String {
    let mut line = words.collect::<Vec<_>>().join(" ");
    line.push('\n');
    line
}

/// Syllables of a consonant and a vowel, as the digits of the word's number.
fn source_word(number: u32) -> String {
    syllables(number).map(|[consonant, vowel]| format!("{consonant}{vowel}")).collect()
}

/// The same letters, each vowel before its consonant, in capitals.
fn target_word(number: u32) -> String {
    syllables(number).map(|[consonant, vowel]| format!("{vowel}{consonant}").to_uppercase()).collect()
}

fn syllables(number: u32) -> impl Iterator<Item = [char; 2]> {
    let (consonants, vowels) = (CONSONANTS.len(), VOWELS.len());
    let mut left = Some(number as usize);
    std::iter::from_fn(move || {
        let number = left?;
        let (syllable, rest) = (number % (consonants * vowels), number / (consonants * vowels));
        left = (rest > 0).then_some(rest);
        Some([CONSONANTS[syllable % consonants], VOWELS[syllable / consonants]].map(char::from))
    })
}
