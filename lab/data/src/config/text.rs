//! The keys of texts and of sentences with their translations (Sec. 5.3, 5.4).

use std::num::NonZeroU32;

use serde::Serialize;

use super::DataSource;
use lookahead_settings::{Entry, Read, Table};

/// How sentences are cut into subwords, one vocabulary for both languages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubwordsConfig {
    /// How many subwords, with the four special ones, from 8 to 2^20; a small text gives fewer. Default 8000, for
    /// `wmt14_en_de` 37,000.
    pub vocabulary: NonZeroU32,
    /// Training pairs with more subwords than this on either side are left out and counted. Default 100.
    pub longest: NonZeroU32,
    /// A tokenizer's JSON file, relative to `dir`, with exactly `vocabulary` subwords, such as a run's `subwords.json`.
    /// Default: byte-pair encoding is trained on the training pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subwords: Option<String>,
}

/// Aligned text files: line n of a target translates line n of its source.
///
/// UTF-8, compressed with gzip or not; SGML where a name ends in `.sgm`. Paths are relative to `dir`,
/// without it to the file of the configuration, or to `data` if they are there alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParallelConfig {
    /// What is translated in training.
    pub source: String,
    /// Its translation.
    pub target: String,
    /// What is translated in validation.
    pub valid_source: String,
    /// Its translation.
    pub valid_target: String,
    /// What is translated at the end. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_source: Option<String>,
    /// Its translation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_target: Option<String>,
    /// How the sentences are cut.
    #[serde(flatten)]
    pub subwords: SubwordsConfig,
}

const fn count(default: u32) -> NonZeroU32 {
    NonZeroU32::new(default).unwrap()
}

const WORDS: NonZeroU32 = count(10_000);
const SUBWORDS: NonZeroU32 = count(8000);
const SUBWORDS_OF_WMT: NonZeroU32 = count(37_000);
const LONGEST: NonZeroU32 = count(100);
const MOST_WORDS: u32 = 1 << 20;

impl SubwordsConfig {
    fn read(table: &Table<'_>, vocabulary: NonZeroU32) -> Read<Self> {
        Ok(Self {
            vocabulary: table.or("vocabulary", vocabulary, |e| count_between(e, 8, MOST_WORDS))?,
            longest: table.or("longest", LONGEST, |e| e.count_to(10_000))?,
            subwords: table.optional("subwords", |e| e.text("the path of a tokenizer's JSON file, as a string"))?,
        })
    }
}

impl DataSource {
    pub(super) fn read_penn_treebank(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "vocabulary", "train_limit", "valid_limit", "dir"])?;
        Ok(Self::PennTreebank { vocabulary: words(table)? })
    }

    pub(super) fn read_text_files(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "train", "valid", "test", "vocabulary", "train_limit", "valid_limit", "dir"])?;
        Ok(Self::TextFiles {
            train: table.required("train", file)?,
            valid: table.required("valid", file)?,
            test: table.optional("test", file)?,
            vocabulary: words(table)?,
        })
    }

    pub(super) fn read_made_text(table: &Table<'_>) -> Read<Self> {
        const TOKENS: NonZeroU32 = count(10_000);
        const VOCABULARY: NonZeroU32 = count(50);
        table.accept(&["name", "tokens", "vocabulary", "train_limit", "valid_limit"])?;
        Ok(Self::MadeText {
            tokens: table.or("tokens", TOKENS, |e| e.count_to(1 << 24))?,
            vocabulary: table.or("vocabulary", VOCABULARY, |e| count_between(e, 3, 10_000))?,
        })
    }

    pub(super) fn read_multi30k(table: &Table<'_>) -> Read<Self> {
        accept_pairs(table)?;
        SubwordsConfig::read(table, SUBWORDS).map(Self::Multi30k)
    }

    pub(super) fn read_wmt14_en_de(table: &Table<'_>) -> Read<Self> {
        accept_pairs(table)?;
        SubwordsConfig::read(table, SUBWORDS_OF_WMT).map(Self::Wmt14EnDe)
    }

    pub(super) fn read_parallel_text(table: &Table<'_>) -> Read<Self> {
        table.accept(&[
            "name",
            "source",
            "target",
            "valid_source",
            "valid_target",
            "test_source",
            "test_target",
            "vocabulary",
            "longest",
            "subwords",
            "train_limit",
            "valid_limit",
            "dir",
        ])?;
        // One without the other makes no part.
        let has_test = table.get("test_source").or(table.get("test_target")).is_some();
        let test = |key| has_test.then(|| table.required(key, file)).transpose();
        Ok(Self::ParallelText(ParallelConfig {
            source: table.required("source", file)?,
            target: table.required("target", file)?,
            valid_source: table.required("valid_source", file)?,
            valid_target: table.required("valid_target", file)?,
            test_source: test("test_source")?,
            test_target: test("test_target")?,
            subwords: SubwordsConfig::read(table, SUBWORDS)?,
        }))
    }

    pub(super) fn read_made_pairs(table: &Table<'_>) -> Read<Self> {
        const DEFAULTS: [NonZeroU32; 3] = [count(1000), count(100), count(30)];
        const MOST: u32 = 1 << 20;
        let [train, valid, words] = DEFAULTS;
        table.accept(&["name", "train", "valid", "words", "train_limit", "valid_limit"])?;
        Ok(Self::MadePairs {
            train: table.or("train", train, |e| e.count_to(MOST))?,
            valid: table.or("valid", valid, |e| e.count_to(MOST))?,
            words: table.or("words", words, |e| e.count_to(1000))?,
        })
    }
}

fn accept_pairs(table: &Table<'_>) -> Read<()> {
    table.accept(&["name", "vocabulary", "longest", "subwords", "train_limit", "valid_limit", "dir"])
}

fn words(table: &Table<'_>) -> Read<NonZeroU32> {
    table.or("vocabulary", WORDS, |e| count_between(e, 3, MOST_WORDS))
}

fn file(entry: &Entry<'_>) -> Read<String> {
    entry.text("the path of a text file, as a string")
}

fn count_between(entry: &Entry<'_>, min: u32, max: u32) -> Read<NonZeroU32> {
    let accepted = || entry.refuse(format!("a whole number from {min} to {max}"));
    entry.count_to(max).ok().filter(|count| count.get() >= min).ok_or_else(accepted)
}
