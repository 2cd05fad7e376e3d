//! A running text as numbers, to model a language on (Sec. 5.3, App. C.3).

mod made;
mod penn_treebank;
mod vocabulary;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use self::vocabulary::Vocabulary;

use self::vocabulary::Counts;
use super::lines::{LONGEST_LINE, TextFile};
use super::parts::{grouped, hexadecimal, shares};
use super::{DEFAULT_FOLDER, DataError};
use crate::config::{DataConfig, DataSource};

/// The token after each line.
pub const END_OF_SENTENCE: &str = "<eos>";
/// The token in the place of words beyond the vocabulary.
pub const UNKNOWN: &str = "<unk>";

/// The most tokens of a part: 2^30.
const MOST_TOKENS: u64 = 1 << 30;

/// A text in parts, each one sequence of words' numbers.
///
/// Words are what whitespace separates; `<eos>` follows each line. Lines without a word are left out and counted.
///
/// ```
/// use lookahead_data::config::{DataConfig, DataSource};
/// use lookahead_data::Corpus;
///
/// let made = DataSource::named("made_text").unwrap();
/// let corpus = Corpus::load(&DataConfig::new(made))?;
/// assert_eq!((corpus.train.len(), corpus.valid.len(), corpus.test.len()), (10_000, 1000, 1000));
/// assert_eq!(corpus.vocabulary.len(), 50);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Its name, as in a configuration.
    pub name: &'static str,
    /// What was really read, such as `Penn Treebank, 929,589 + 73,760 + 82,430 tokens, vocabulary 10,000`.
    pub description: String,
    /// The words of the training part.
    pub vocabulary: Vocabulary,
    /// What is trained on.
    pub train: Vec<u32>,
    /// What is evaluated on.
    pub valid: Vec<u32>,
    /// What is evaluated on at the end; may be empty.
    pub test: Vec<u32>,
    /// How many lines without a word were left out.
    pub skipped: u64,
    sha256: String,
}

/// A corpus before it is read.
struct UnreadText {
    name: &'static str,
    /// What it is, in words.
    what: String,
    vocabulary: NonZeroU32,
    train: TextFile,
    valid: TextFile,
    test: Option<TextFile>,
}

impl Corpus {
    /// Finds and reads the text of a configuration; limits keep the first tokens, `valid_limit` also of the test part.
    ///
    /// # Errors
    /// [`DataError`] naming the file, and the line where one can be told; [`DataError::OtherKind`] for images and pairs.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        let dir = config.dir.as_deref().map(Path::new);
        let (mut train_limit, mut valid_limit) = (config.train_limit, config.valid_limit);
        let parts = match &config.source {
            DataSource::PennTreebank { vocabulary } => penn_treebank::parts(&penn_treebank::find(dir)?, *vocabulary)?,
            DataSource::TextFiles { train, valid, test, vocabulary } => UnreadText {
                name: "text_files",
                what: train.clone(),
                vocabulary: *vocabulary,
                train: user_file(dir, train),
                valid: user_file(dir, valid),
                test: test.as_ref().map(|test| user_file(dir, test)),
            },
            DataSource::MadeText { tokens, vocabulary } => {
                let held_out = NonZeroU32::new(tokens.get() / 10).unwrap_or(NonZeroU32::MIN);
                train_limit = Some(train_limit.map_or(*tokens, |limit| limit.min(*tokens)));
                valid_limit = Some(valid_limit.map_or(held_out, |limit| limit.min(held_out)));
                made::parts(tokens.get(), held_out.get(), *vocabulary)
            }
            source => return Err(DataError::OtherKind { name: source.name(), kind: "text" }),
        };
        parts.read(train_limit, valid_limit)
    }

    /// Where the files are; `None` if the text is a part of the program. They are not read.
    pub(super) fn find(config: &DataConfig) -> Result<Option<PathBuf>, DataError> {
        let dir = config.dir.as_deref().map(Path::new);
        match &config.source {
            DataSource::PennTreebank { .. } => penn_treebank::find(dir).map(Some),
            DataSource::TextFiles { train, .. } => find_user_file(dir, train).map(Some),
            _ => Ok(None),
        }
    }

    /// The SHA-256 of the vocabulary and all tokens, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.sha256.clone()
    }
}

const USER_ADVICE: &str = "the configuration's [data] names it; such paths are relative to `dir`, without it all \
                           to the configuration's file, or all to `data`";

/// A file that a configuration names.
pub(super) fn user_file(dir: Option<&Path>, name: &str) -> TextFile {
    TextFile::Path { path: user_path(dir, name), advice: USER_ADVICE }
}

pub(super) fn find_user_file(dir: Option<&Path>, name: &str) -> Result<PathBuf, DataError> {
    let path = user_path(dir, name);
    if path.exists() { Ok(path) } else { Err(DataError::MissingFile { path, advice: USER_ADVICE }) }
}

pub(super) fn user_path(dir: Option<&Path>, name: &str) -> PathBuf {
    dir.unwrap_or(Path::new(DEFAULT_FOLDER)).join(name)
}

impl UnreadText {
    fn read(self, train_limit: Option<NonZeroU32>, valid_limit: Option<NonZeroU32>) -> Result<Corpus, DataError> {
        let mut counts = Counts::default();
        let mut skipped = for_each_token(&self.train, train_limit, |token| counts.add(token))?;
        let vocabulary = counts.vocabulary(self.vocabulary);
        let encoded = |file: &TextFile, limit| {
            let (mut tokens, mut unknown) = (Vec::new(), 0);
            let skipped = for_each_token(file, limit, |token| {
                let id = vocabulary.id(token);
                unknown += u64::from(id.is_none());
                tokens.push(id.unwrap_or(vocabulary.unknown()));
            })?;
            tokens.shrink_to_fit();
            Ok::<_, DataError>((tokens, skipped, unknown))
        };
        let (train, _, unknown) = encoded(&self.train, train_limit)?;
        let (valid, skipped_of_valid, unknown_of_valid) = encoded(&self.valid, valid_limit)?;
        let (test, skipped_of_test, unknown_of_test) =
            self.test.as_ref().map_or(Ok((Vec::new(), 0, 0)), |test| encoded(test, valid_limit))?;
        skipped += skipped_of_valid + skipped_of_test;
        let unknown = [(unknown, &train), (unknown_of_valid, &valid), (unknown_of_test, &test)];
        let unknown = shares(&unknown.map(|(unknown, part)| (unknown, part.len() as u64)));
        let files = [(Some(&self.train), &train, "training"), (Some(&self.valid), &valid, "validation")];
        for (file, tokens, part) in files.into_iter().chain([(self.test.as_ref(), &test, "test")]) {
            if let Some(file) = file.filter(|_| tokens.is_empty()) {
                return Err(DataError::Empty { file: file.name(), part });
            }
        }
        let lengths: Vec<String> =
            [&train, &valid, &test].iter().filter(|part| !part.is_empty()).map(|part| grouped(part.len())).collect();
        let left_out =
            if skipped > 0 { format!(", {} empty lines left out", grouped(skipped as usize)) } else { String::new() };
        let (what, lengths, words) = (&self.what, lengths.join(" + "), grouped(vocabulary.len()));
        let description = format!("{what}, {lengths} tokens, vocabulary {words}{unknown}{left_out}");
        let sha256 = sha256(&vocabulary, [&train, &valid, &test]);
        Ok(Corpus { name: self.name, description, vocabulary, train, valid, test, skipped, sha256 })
    }
}

/// Goes through the first tokens of a text; gives how many lines without a word there were among them.
fn for_each_token(file: &TextFile, limit: Option<NonZeroU32>, mut see: impl FnMut(&str)) -> Result<u64, DataError> {
    let limit = limit.map(|limit| u64::from(limit.get()));
    let (mut seen, mut skipped) = (0, 0);
    for line in file.lines(LONGEST_LINE)? {
        let line = line?;
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_none() {
            skipped += 1;
            continue;
        }
        for token in words.chain([END_OF_SENTENCE]) {
            if Some(seen) == limit {
                return Ok(skipped);
            }
            if seen == MOST_TOKENS {
                return Err(DataError::TooMany { file: file.name(), what: "tokens", most: MOST_TOKENS });
            }
            seen += 1;
            see(token);
        }
    }
    Ok(skipped)
}

fn sha256(vocabulary: &Vocabulary, parts: [&Vec<u32>; 3]) -> String {
    let mut hash = Sha256::new();
    hash.update((vocabulary.len() as u64).to_le_bytes());
    for word in vocabulary.words() {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        part.iter().for_each(|token| hash.update(token.to_le_bytes()));
    }
    hexadecimal(&hash.finalize())
}
