//! Sentences with their translations as subwords (Sec. 5.4, App. C.4).

mod aligned;
mod batches;
mod made;
mod multi30k;
mod subwords;
mod wmt14;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use sha2::{Digest, Sha256};

pub use self::batches::token_batches;
pub(super) use self::multi30k::FOLDER as MULTI30K_FOLDER;
pub use self::subwords::{BOS, EOS, PAD, Subwords, UNK};
pub(super) use self::wmt14::FOLDER as WMT14_FOLDER;

use self::aligned::{Aligned, PairLines};
use super::DataError;
use super::error::shown;
use super::parts::{grouped, hexadecimal, shares};
use super::text::{find_user_file, user_file, user_path};
use crate::config::{DataConfig, DataSource, SubwordsConfig};
use lookahead_runs::files;

/// The most training pairs that the subwords are trained on: the first ones.
const MOST_TO_TRAIN_ON: usize = 1_000_000;

/// The most bytes of a tokenizer's file: 2^28.
const MOST_OF_SUBWORDS: u64 = 1 << 28;

/// The most pairs of a part: 2^26, fifteen times WMT14's.
const MOST_PAIRS: usize = 1 << 26;

/// The most bytes of a part's subwords and texts: 2^33, eight times WMT14's.
const MOST_BYTES: usize = 1 << 33;

/// How many pairs are read and cut at a time.
const CHUNK: usize = 1 << 13;

/// So many bytes of text are a chunk too, however few pairs they are.
const CHUNK_BYTES: usize = 1 << 24;

/// A sentence and its translation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// The sentence's subwords, without special ones.
    pub source: Vec<u32>,
    /// Its translation's subwords, without special ones.
    pub target: Vec<u32>,
    /// The sentence as it was read; empty in the training part.
    pub source_text: String,
    /// Its translation as it was read; empty in the training part.
    pub target_text: String,
}

/// What was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkippedPairs {
    /// Pairs with nothing on one side or both, of all parts.
    pub empty: u64,
    /// Training pairs with more subwords than `longest` on either side.
    pub too_long: u64,
}

/// Pairs in parts, and the subwords that they are cut into.
///
/// The subwords are trained on the first 1,000,000 pairs of the training part, unless a tokenizer is given. Pairs keep
/// the order of the files.
///
/// ```
/// use lookahead_data::config::{DataConfig, DataSource};
/// use lookahead_data::Pairs;
///
/// let made = DataSource::named("made_pairs").unwrap();
/// let pairs = Pairs::load(&DataConfig::new(made))?;
/// assert_eq!((pairs.train.len(), pairs.valid.len(), pairs.test.len()), (1000, 100, 100));
/// let first = &pairs.valid[0];
/// assert_eq!(pairs.subwords.encode(&first.source_text), first.source);
/// assert_eq!(pairs.subwords.decode(&first.target), first.target_text);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Their name, as in a configuration.
    pub name: &'static str,
    /// What was really read, such as `Multi30k English-German, 29,000 + 1,014 + 1,000 pairs, 8,000 subwords`.
    pub description: String,
    /// What the sentences are cut into, in both languages.
    pub subwords: Subwords,
    /// What is trained on.
    pub train: Vec<Pair>,
    /// What is evaluated on.
    pub valid: Vec<Pair>,
    /// What is evaluated on at the end; may be empty.
    pub test: Vec<Pair>,
    /// What was left out.
    pub skipped: SkippedPairs,
    sha256: String,
}

/// Pairs before they are read.
struct UnreadPairs {
    name: &'static str,
    /// What they are, in words.
    what: String,
    subwords: SubwordsConfig,
    train: Aligned,
    valid: Aligned,
    test: Option<Aligned>,
}

impl Pairs {
    /// Finds and reads the pairs of a configuration.
    ///
    /// Limits keep the first pairs that have words on both sides, `valid_limit` also of the test part; those too long
    /// are left out of the first training pairs after that.
    ///
    /// # Errors
    /// [`DataError`] naming the file, and the line where one can be told; [`DataError::OtherKind`] for images and texts.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        let dir = config.dir.as_deref().map(Path::new);
        let parts = match &config.source {
            DataSource::Multi30k(subwords) => multi30k::parts(&multi30k::find(dir)?, subwords.clone()),
            DataSource::Wmt14EnDe(subwords) => wmt14::parts(&wmt14::find(dir)?, subwords.clone()),
            DataSource::ParallelText(files) => {
                let aligned =
                    |source: &String, target: &String| Aligned::new(user_file(dir, source), user_file(dir, target));
                UnreadPairs {
                    name: "parallel_text",
                    what: format!("{} and {}", files.source, files.target),
                    subwords: files.subwords.clone(),
                    train: aligned(&files.source, &files.target),
                    valid: aligned(&files.valid_source, &files.valid_target),
                    test: files.test_source.as_ref().zip(files.test_target.as_ref()).map(|(s, t)| aligned(s, t)),
                }
            }
            DataSource::MadePairs { train, valid, words } => made::parts(train.get(), valid.get(), *words),
            source => return Err(DataError::OtherKind { name: source.name(), kind: "sentences with translations" }),
        };
        parts.read(dir, [config.train_limit, config.valid_limit].map(|limit| limit.map(|limit| limit.get() as usize)))
    }

    /// Where the files are; `None` if the pairs are a part of the program. They are not read.
    pub(super) fn find(config: &DataConfig) -> Result<Option<PathBuf>, DataError> {
        let dir = config.dir.as_deref().map(Path::new);
        match &config.source {
            DataSource::Multi30k(_) => multi30k::find(dir).map(Some),
            DataSource::Wmt14EnDe(_) => wmt14::find(dir).map(Some),
            DataSource::ParallelText(files) => find_user_file(dir, &files.source).map(Some),
            _ => Ok(None),
        }
    }

    /// The SHA-256 of the subwords, all pairs and what is kept of their texts, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.sha256.clone()
    }
}

impl UnreadPairs {
    fn read(self, dir: Option<&Path>, [train_limit, valid_limit]: [Option<usize>; 2]) -> Result<Pairs, DataError> {
        let subwords = self.subwords(dir, [train_limit, valid_limit])?;
        let longest = self.subwords.longest.get() as usize;
        let mut skipped = SkippedPairs::default();
        let mut encode = |aligned: &Aligned, limit, keep, part| -> Result<Vec<Pair>, DataError> {
            let (mut pairs, mut too_long, mut bytes) = (Vec::new(), 0, 0);
            let mut lines = aligned.pairs(limit);
            loop {
                let chunk = chunk(&mut lines)?;
                if chunk.is_empty() {
                    break;
                }
                let cut: Vec<Pair> = chunk.into_par_iter().map(|texts| Pair::new(texts, &subwords, keep)).collect();
                let read = cut.len();
                let fits = |pair: &Pair| keep == Keep::Text || pair.source.len().max(pair.target.len()) <= longest;
                let before = pairs.len();
                pairs.extend(cut.into_iter().filter(fits));
                too_long += (read - (pairs.len() - before)) as u64;
                bytes += pairs[before..].iter().map(Pair::bytes).sum::<usize>();
                let too_many = |what, most: usize| DataError::TooMany { file: aligned.name(), what, most: most as u64 };
                if pairs.len() > MOST_PAIRS {
                    return Err(too_many("pairs", MOST_PAIRS));
                }
                if bytes > MOST_BYTES {
                    return Err(too_many("bytes of subwords and texts", MOST_BYTES));
                }
            }
            skipped.empty += lines.skipped();
            skipped.too_long += too_long;
            pairs.shrink_to_fit();
            match (pairs.is_empty(), too_long) {
                (false, _) => Ok(pairs),
                (true, 0) => Err(DataError::Empty { file: aligned.names(), part }),
                (true, count) => Err(DataError::TooLong { file: aligned.name(), count, longest }),
            }
        };
        let train = encode(&self.train, train_limit, Keep::Subwords, "training")?;
        let valid = encode(&self.valid, valid_limit, Keep::Text, "validation")?;
        let test = self.test.as_ref().map(|test| encode(test, valid_limit, Keep::Text, "test")).transpose()?;
        let test = test.unwrap_or_default();
        let counts: Vec<String> =
            [&train, &valid, &test].iter().filter(|part| !part.is_empty()).map(|part| grouped(part.len())).collect();
        let (what, counts, words) = (&self.what, counts.join(" + "), grouped(subwords.len()));
        let unknown = shares(&[&train, &valid, &test].map(|part| unknown(part)));
        let description = format!("{what}, {counts} pairs, {words} subwords{unknown}{}", skipped.in_words());
        let sha256 = sha256(&subwords, [&train, &valid, &test]);
        Ok(Pairs { name: self.name, description, subwords, train, valid, test, skipped, sha256 })
    }

    /// The given subwords, or new ones for the training part.
    fn subwords(
        &self,
        dir: Option<&Path>,
        [train_limit, valid_limit]: [Option<usize>; 2],
    ) -> Result<Subwords, DataError> {
        let vocabulary = self.subwords.vocabulary;
        if let Some(name) = &self.subwords.subwords {
            return read_subwords(&user_path(dir, name), vocabulary);
        }
        // Learning subwords takes minutes: what cannot be evaluated on is said before.
        check(&self.train, self.train.pairs(train_limit).take(1), "training")?;
        for (part, name) in [(Some(&self.valid), "validation"), (self.test.as_ref(), "test")] {
            part.map_or(Ok(()), |part| check(part, part.pairs(valid_limit), name))?;
        }
        let most = train_limit.unwrap_or(MOST_TO_TRAIN_ON).min(MOST_TO_TRAIN_ON);
        let mut failed = None;
        let pairs =
            self.train.pairs(train_limit).take(most).map_while(|pair| pair.map_err(|error| failed = Some(error)).ok());
        let trained = Subwords::train(pairs.flat_map(|(source, target)| [source, target]), vocabulary.get() as usize);
        match failed {
            Some(error) => Err(error),
            None => trained,
        }
    }
}

fn read_subwords(path: &Path, vocabulary: NonZeroU32) -> Result<Subwords, DataError> {
    let json = files::read_text(path, MOST_OF_SUBWORDS).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            DataError::MissingFile { path: path.to_owned(), advice: "data.subwords names it, relative to `dir`" }
        }
        _ => DataError::Io { path: path.to_owned(), source },
    })?;
    let file = shown(path);
    let subwords = Subwords::from_json(&json, &file)?;
    let (found, expected) = (subwords.len(), vocabulary.get() as usize);
    if found == expected { Ok(subwords) } else { Err(DataError::SubwordCount { file, found, expected }) }
}

/// What of a sentence stays in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Keep {
    /// Its subwords, if they are not too many.
    Subwords,
    /// Its subwords and its text, however long.
    Text,
}

impl Pair {
    fn new((source, target): (String, String), subwords: &Subwords, keep: Keep) -> Self {
        let cut = |text: &str| {
            let mut ids = subwords.encode(text);
            ids.shrink_to_fit();
            ids
        };
        let ids = (cut(&source), cut(&target));
        let (source_text, target_text) =
            if keep == Keep::Text { (source, target) } else { (String::new(), String::new()) };
        Self { source: ids.0, target: ids.1, source_text, target_text }
    }

    /// What it holds.
    fn bytes(&self) -> usize {
        4 * (self.source.len() + self.target.len()) + self.source_text.len() + self.target_text.len()
    }
}

/// Sees that pairs of a part can be read, and that there is one.
fn check(
    aligned: &Aligned,
    mut pairs: impl Iterator<Item = Result<(String, String), DataError>>,
    part: &'static str,
) -> Result<(), DataError> {
    let count = pairs.try_fold(0_usize, |count, pair| pair.map(|_| count + 1))?;
    if count == 0 { Err(DataError::Empty { file: aligned.names(), part }) } else { Ok(()) }
}

/// The next lines that are cut at once; none at the end.
fn chunk(lines: &mut PairLines<'_>) -> Result<Vec<(String, String)>, DataError> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while chunk.len() < CHUNK && bytes < CHUNK_BYTES {
        let Some(pair) = lines.next().transpose()? else { break };
        bytes += pair.0.len() + pair.1.len();
        chunk.push(pair);
    }
    Ok(chunk)
}

impl SkippedPairs {
    /// `, 3 empty and 5 too long left out`, or nothing.
    fn in_words(self) -> String {
        let counts = [(self.empty, "empty"), (self.too_long, "too long")];
        let said = counts.iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said.map(|(count, what)| format!("{} {what}", grouped(*count as usize))).collect();
        if said.is_empty() { String::new() } else { format!(", {} left out", said.join(" and ")) }
    }
}

/// How many of the subwords are unknown, and how many there are.
fn unknown(pairs: &[Pair]) -> (u64, u64) {
    let ids = || pairs.iter().flat_map(|pair| pair.source.iter().chain(&pair.target));
    (ids().filter(|&&id| id == UNK).count() as u64, ids().count() as u64)
}

fn sha256(subwords: &Subwords, parts: [&Vec<Pair>; 3]) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(subwords.to_json().as_bytes());
    for part in parts {
        add(&(part.len() as u64).to_le_bytes());
        for pair in part {
            for ids in [&pair.source, &pair.target] {
                add(&ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
            }
            add(pair.source_text.as_bytes());
            add(pair.target_text.as_bytes());
        }
    }
    hexadecimal(&hash.finalize())
}
