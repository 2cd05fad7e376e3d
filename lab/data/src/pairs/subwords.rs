//! Subwords by byte-pair encoding (Sennrich et al. 2016), one vocabulary for both languages.

mod file;

use std::collections::HashMap;
use std::sync::Arc;

use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{
    AddedToken, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, SplitDelimiterBehavior, Tokenizer,
    Trainer,
};

use crate::DataError;

/// The id that fills up a batch.
pub const PAD: u32 = 0;
/// The id before a translation.
pub const BOS: u32 = 1;
/// The id after a sentence.
pub const EOS: u32 = 2;
/// The id of characters that the training text did not have.
pub const UNK: u32 = 3;

/// The special subwords by their ids.
const SPECIAL: [&str; 4] = ["<pad>", "<s>", "</s>", "<unk>"];

/// The most different characters that are kept: the most frequent ones.
const MOST_CHARACTERS: usize = 1000;

/// The most characters of a word that are trained on as one: longer ones are cut, because training takes time with the
/// square of a word's length.
const LONGEST_WORD: usize = 1000;

/// A vocabulary of subwords, and how texts are cut into them and put together again.
///
/// Words begin with `▁`, the space before them; punctuation is cut off. Any run of whitespace is one space.
///
/// ```
/// use lookahead_data::Subwords;
/// let lines = ["the cat sat.", "the hat!", "that cat"].map(str::to_owned);
/// let subwords = Subwords::train(lines.into_iter(), 40)?;
/// let ids = subwords.encode("that  cat sat!");
/// assert_eq!(subwords.decode(&ids), "that cat sat!");
/// assert_eq!(Subwords::from_json(&subwords.to_json(), "subwords.json")?, subwords);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Subwords {
    tokenizer: Arc<Tokenizer>,
    len: usize,
    json: String,
}

impl Subwords {
    /// Trains byte-pair encoding on the lines of both languages, with at most `vocabulary` subwords, the four special
    /// ones among them; pairs that occur once are not joined.
    ///
    /// The 1000 most frequent characters are kept, fewer where the vocabulary is smaller. The same lines in any order
    /// give the same subwords. Of a word with more than 1000 characters every 1000 are a word.
    ///
    /// # Errors
    /// [`DataError::Subwords`] if the tokenizer refuses a line.
    pub fn train(lines: impl Iterator<Item = String> + Send, vocabulary: usize) -> Result<Self, DataError> {
        let refused = |error: tokenizers::Error| DataError::Subwords {
            file: "the training text".to_owned(),
            reason: error.to_string(),
        };
        let cutter = cutter();
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocabulary)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(special().into())
            .build();

        let mut characters = Characters::default();
        let seen = lines.map(|line| one_spaced(&line)).inspect(|line| characters.add(line));
        trainer.feed(seen, |line| words(&cutter, line)).map_err(refused)?;
        let most = MOST_CHARACTERS.min(vocabulary.saturating_sub(SPECIAL.len()));
        // Given these, the trainer has nothing to choose, which it would not do in a fixed way.
        let kept = characters.most_frequent(most);
        trainer.limit_alphabet = Some(kept.len());
        trainer.initial_alphabet = kept.into_iter().collect();
        let mut model = BPE::builder().unk_token(SPECIAL[UNK as usize].to_owned()).build().map_err(refused)?;
        trainer.train(&mut model).map_err(refused)?;

        let json = assembled(model).and_then(|tokenizer| tokenizer.to_string(false)).map_err(refused)?;
        Self::from_json(&json, "the training text")
    }

    /// Reads a tokenizer that was trained here, such as a run's `subwords.json`; `file` names it in errors.
    ///
    /// The file may hold any vocabulary and joins that fit together, but no other way of cutting and putting together.
    ///
    /// # Errors
    /// [`DataError::Subwords`] if it is damaged, its ids have gaps, its first four are not `<pad>`, `<s>`, `</s>` and
    /// `<unk>`, or it is another kind of tokenizer.
    pub fn from_json(json: &str, file: &str) -> Result<Self, DataError> {
        let wrong = |reason| DataError::Subwords { file: file.to_owned(), reason };
        let (len, model) = file::read(json).map_err(wrong)?;
        let refused = |error: tokenizers::Error| wrong(error.to_string());
        let tokenizer = assembled(model).map_err(refused)?;
        let ours = tokenizer.to_string(false).map_err(refused)?;
        file::same_settings(json, &ours).map_err(wrong)?;
        Ok(Self { tokenizer: Arc::new(tokenizer), len, json: ours })
    }

    /// How many subwords there are, the special ones among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: there are the four special ones at least.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts a text; no special subword is added. Characters that are not in the vocabulary become [`UNK`].
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        // It refuses no text: the unknown subword is there.
        self.tokenizer.encode_fast(one_spaced(text), false).map_or_else(|_| vec![UNK], |cut| cut.get_ids().to_vec())
    }

    /// Puts subwords together to a text; special ones and ids that there are not give nothing.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        // Its decoder refuses no sequence.
        self.tokenizer.decode(ids, true).unwrap_or_default()
    }

    /// The tokenizer in the format of the library `tokenizers`.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.json.clone()
    }
}

impl PartialEq for Subwords {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl std::fmt::Debug for Subwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subwords").field("len", &self.len).finish_non_exhaustive()
    }
}

/// How texts are cut and put together.
fn assembled(model: BPE) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(cutter()));
    tokenizer.with_decoder(Some(DecoderWrapper::Metaspace(metaspace())));
    tokenizer.add_special_tokens(special())?;
    // A text may hold the name of a special subword.
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

fn special() -> [AddedToken; 4] {
    SPECIAL.map(|name| AddedToken::from(name, true))
}

/// Before the spaces, and around each punctuation mark.
fn cutter() -> PreTokenizerWrapper {
    PreTokenizerWrapper::Sequence(Sequence::new(vec![
        PreTokenizerWrapper::Metaspace(metaspace()),
        PreTokenizerWrapper::Punctuation(Punctuation::new(SplitDelimiterBehavior::Isolated)),
    ]))
}

fn metaspace() -> Metaspace {
    Metaspace::new('▁', PrependScheme::Always, true)
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(cutter: &PreTokenizerWrapper, line: &str) -> tokenizers::Result<Vec<String>> {
    let mut cut = PreTokenizedString::from(line);
    cutter.pre_tokenize(&mut cut)?;
    let words = cut.get_splits(OffsetReferential::Original, OffsetType::None);
    Ok(words.into_iter().flat_map(|(word, ..)| pieces(word)).collect())
}

fn pieces(word: &str) -> Vec<String> {
    if word.len() <= LONGEST_WORD {
        return vec![word.to_owned()];
    }
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(LONGEST_WORD).map(|piece| piece.iter().collect()).collect()
}

/// How often each character occurs.
#[derive(Default)]
struct Characters(HashMap<char, u64>);

impl Characters {
    fn add(&mut self, line: &str) {
        let counts = &mut self.0;
        // The space before each word.
        std::iter::once('▁').chain(line.chars()).for_each(|character| {
            let character = if character == ' ' { '▁' } else { character };
            *counts.entry(character).or_default() += 1;
        });
    }

    /// Of equally frequent ones, those with the smaller code point.
    fn most_frequent(self, most: usize) -> Vec<char> {
        let mut characters: Vec<(char, u64)> = self.0.into_iter().collect();
        characters.sort_unstable_by_key(|&(character, count)| (std::cmp::Reverse(count), character));
        characters.into_iter().take(most).map(|(character, _)| character).collect()
    }
}
