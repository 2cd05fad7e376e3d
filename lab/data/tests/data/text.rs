//! Texts as numbers: vocabularies, limits, the Penn Treebank's places, and what each damage is told.

use std::fs;
use std::path::Path;

use lookahead_data::config::{DataConfig, DataSource};
use lookahead_data::{Corpus, Data, DataError};

use crate::support::{config, gzip, zip};

fn files(dir: &Path, vocabulary: u32, limits: [u32; 2]) -> DataConfig {
    let source = DataSource::TextFiles {
        train: "train.txt".to_owned(),
        valid: "valid.txt".to_owned(),
        test: None,
        vocabulary: vocabulary.try_into().unwrap(),
    };
    config(source, Some(&dir.display().to_string()), limits)
}

/// A corpus of two files.
fn load(train: impl AsRef<[u8]>, valid: impl AsRef<[u8]>, vocabulary: u32) -> Result<Corpus, DataError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.txt"), train).unwrap();
    fs::write(folder.path().join("valid.txt"), valid).unwrap();
    Corpus::load(&files(folder.path(), vocabulary, [0, 0]))
}

fn words<'c>(corpus: &'c Corpus, tokens: &[u32]) -> Vec<&'c str> {
    tokens.iter().map(|&id| corpus.vocabulary.word(id).unwrap()).collect()
}

#[test]
fn words_are_numbered_by_frequency_then_by_first_occurrence() {
    let corpus = load("b a c a\nd c a b\n", "a e\n", 100).unwrap();
    // 3 x a; 2 x b, c, <eos>, of which b comes first and <eos> after c; d once; <unk> never.
    let order: Vec<&str> = (0..6).map(|id| corpus.vocabulary.word(id).unwrap()).collect();
    assert_eq!(order, ["a", "b", "c", "<eos>", "d", "<unk>"]);
    assert_eq!((corpus.vocabulary.len(), corpus.vocabulary.word(6)), (6, None));
    assert_eq!((corpus.vocabulary.id("d"), corpus.vocabulary.id("e")), (Some(4), None));
    assert_eq!(corpus.train, [1, 0, 2, 0, 3, 4, 2, 0, 1, 3]);
    assert_eq!(words(&corpus, &corpus.valid), ["a", "<unk>", "<eos>"]);
    assert_eq!((corpus.test.len(), corpus.skipped), (0, 0));
    assert_eq!(corpus.description, "train.txt, 10 + 3 tokens, vocabulary 6");
}

#[test]
fn words_beyond_the_vocabulary_are_unknown() {
    // Beside <eos> and <unk> there is room for a and b: of b and c, as frequent, b occurs first.
    let corpus = load("a b c a\nd c a b\n", "d b\n", 4).unwrap();
    assert_eq!(words(&corpus, &corpus.train), ["a", "b", "<unk>", "a", "<eos>", "<unk>", "<unk>", "a", "b", "<eos>"]);
    assert_eq!(words(&corpus, &corpus.valid), ["<unk>", "b", "<eos>"]);
    assert_eq!(words(&corpus, &[0, 1, 2, 3]), ["a", "<unk>", "b", "<eos>"]);
    // <unk> and <eos> of the text itself are the same tokens.
    let corpus = load("<unk> a <eos>\n", "a\n", 10).unwrap();
    assert_eq!(words(&corpus, &corpus.train), ["<unk>", "a", "<eos>", "<eos>"]);
    assert_eq!(corpus.vocabulary.len(), 3);
}

#[test]
fn the_share_that_a_vocabulary_leaves_out_is_said() {
    // Of 10 + 3 tokens 3 and 1 are none of a, b and <eos>; <unk> in the text itself is a word.
    let corpus = load("a b c a\nd c a b\n", "d b\n", 4).unwrap();
    assert_eq!(corpus.description, "train.txt, 10 + 3 tokens, vocabulary 4, 30.00 + 33.33 % unknown");
    let corpus = load("<unk> a a b b\n", "a\n", 4).unwrap();
    assert_eq!(corpus.description, "train.txt, 6 + 2 tokens, vocabulary 4");
    let corpus = load(format!("{}c\n", "a a b b\n".repeat(2001)), "a\n", 4).unwrap();
    assert_eq!(corpus.description, "train.txt, 10,007 + 2 tokens, vocabulary 4, under 0.01 + 0 % unknown");
}

#[test]
fn padded_and_joined_gzip_data_is_one_text() {
    let expected = load("a b\nc\n", "a\n", 10).unwrap();
    let [first, second] = [&b"a b\n"[..], b"c\n"].map(gzip);
    let zeros = [0_u8; 70_000];
    for parts in [
        vec![&first[..], &second, &[]],
        vec![&first[..], &second, &zeros[..1]],
        vec![&first[..], &second, &zeros],
        vec![&first[..], &zeros[..512], &second],
    ] {
        assert_eq!(load(parts.concat(), gzip(b"a\n"), 10).unwrap(), expected);
    }
    for garbage in [&b"x"[..], &[0, 0, 1], &[zeros.as_slice(), b"x"].concat(), &first[..1], &first[..5]] {
        let text = [&first[..], &second, garbage].concat();
        let error = load(text, "a\n", 10).unwrap_err().to_string();
        assert!(error.ends_with("train.txt: damaged gzip data"), "{error}");
    }
}

#[test]
fn a_line_without_an_end_does_not_fill_the_memory() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = [b'a'; 1 << 20];
    (0..257).for_each(|_| std::io::Write::write_all(&mut encoder, &piece).unwrap());
    let error = load(encoder.finish().unwrap(), "a\n", 10).unwrap_err().to_string();
    assert!(error.ends_with("train.txt:1: this line has more than 268435456 bytes, the most that are read of one"));
    // A whole corpus may be one line.
    let corpus = load("word ".repeat(1 << 18), "word\n", 10).unwrap();
    assert_eq!(corpus.train.len(), (1 << 18) + 1);
}

#[test]
fn a_text_may_end_its_lines_in_any_way() {
    let expected = load("a b\nc\n", "a\n", 10).unwrap();
    for text in ["a b\r\nc\r\n", "a b\nc", "\u{feff}a b\nc\n", " a\tb \nc\n"] {
        assert_eq!(load(text, "a", 10).unwrap(), expected, "{text:?}");
    }
    assert_eq!(load(gzip(b"a b\nc\n"), gzip(b"a\n"), 10).unwrap(), expected);
    // Lines without a word are counted, in all parts.
    let corpus = load("a b\n\n \t\r\nc\n", "\na\n", 10).unwrap();
    assert_eq!((corpus.skipped, &corpus.train, &corpus.valid), (3, &expected.train, &expected.valid));
    assert!(corpus.description.ends_with(", 3 empty lines left out"), "{}", corpus.description);
    // A mark within a text is a character.
    assert_eq!(load("a\n\u{feff}b\n", "a", 10).unwrap().vocabulary.id("\u{feff}b"), Some(2));
}

#[test]
fn limits_keep_the_first_tokens() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.txt"), "a b\nc d\n").unwrap();
    fs::write(folder.path().join("valid.txt"), "a c a\n").unwrap();
    let corpus = Corpus::load(&files(folder.path(), 10, [4, 2])).unwrap();
    // d is no word of what is trained on.
    assert_eq!(words(&corpus, &corpus.train), ["a", "b", "<eos>", "c"]);
    assert_eq!(words(&corpus, &corpus.valid), ["a", "c"]);
    assert_eq!(corpus.vocabulary.id("d"), None);
    let whole = Corpus::load(&files(folder.path(), 10, [0, 0])).unwrap();
    assert_ne!(whole.sha256(), corpus.sha256());
    assert_eq!(Corpus::load(&files(folder.path(), 10, [400, 200])).unwrap(), whole);
}

#[test]
fn what_cannot_be_read_is_told() {
    let error = |train: &[u8], valid: &[u8]| load(train, valid, 10).unwrap_err().to_string();
    assert!(error(b"a\nb\n\xffc\n", b"a\n").ends_with("train.txt:3: not valid UTF-8"));
    assert!(error(b"a\n", b"\xc3").ends_with("valid.txt:1: not valid UTF-8"));
    assert!(error(b"", b"a\n").ends_with("train.txt: no training examples"));
    assert!(error(b"a\n", b"\n\n").ends_with("valid.txt: no validation examples"));
    let compressed = gzip(&b"a line\n".repeat(1000));
    for damaged in [&compressed[..compressed.len() - 9], &compressed[..compressed.len() / 2]] {
        assert!(error(damaged, b"a\n").ends_with("train.txt: damaged gzip data"));
    }
    let mut damaged = compressed.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    assert!(error(&damaged, b"a\n").ends_with("train.txt: damaged gzip data"));

    let folder = tempfile::tempdir().unwrap();
    let absent = Corpus::load(&files(folder.path(), 10, [0, 0])).unwrap_err();
    assert!(matches!(&absent, DataError::MissingFile { path, .. } if path.ends_with("train.txt")), "{absent}");
    fs::create_dir(folder.path().join("train.txt")).unwrap();
    assert!(matches!(Corpus::load(&files(folder.path(), 10, [0, 0])), Err(DataError::Io { .. })));
    let images = Corpus::load(&DataConfig::new(DataSource::Digits)).unwrap_err().to_string();
    assert_eq!(images, "the data set digits is no text");
}

const TREEBANK: [(&str, &str); 3] =
    [("ptb.train.txt", " a b \n <unk> N \n"), ("ptb.valid.txt", " a \n"), ("ptb.test.txt", " b \n")];

fn treebank(dir: &Path) -> Result<Corpus, DataError> {
    let source = DataSource::named("penn_treebank").unwrap();
    Corpus::load(&config(source, Some(&dir.display().to_string()), [0, 0]))
}

#[test]
fn the_penn_treebank_is_found_as_an_archive_or_as_files() {
    let expected = "Penn Treebank, 6 + 2 + 2 tokens, vocabulary 5";
    let mut members = vec![("__MACOSX/._ptb.train.txt", "no text")];
    members.extend(TREEBANK);
    for name in ["ptb.zip", "ptb/ptb.zip", "ptb.train.txt", "ptb/ptb.train.txt"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let inner = path.parent().unwrap();
        fs::create_dir_all(inner).unwrap();
        if name.ends_with(".zip") {
            fs::write(&path, zip(&members)).unwrap();
            assert_eq!(treebank(&path).unwrap().description, expected);
        } else {
            TREEBANK.iter().for_each(|(file, text)| fs::write(inner.join(file), text).unwrap());
        }
        let corpus = treebank(folder.path()).unwrap();
        assert_eq!(corpus.description, expected, "{name}");
        assert_eq!(words(&corpus, &corpus.train), ["a", "b", "<eos>", "<unk>", "N", "<eos>"]);
    }
}

#[test]
fn what_is_hidden_in_a_zip_or_there_twice_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let load = |others: &[(&str, &str)]| {
        let inside = TREEBANK.map(|(name, text)| (format!("data/{name}"), text));
        let members = others.iter().copied().chain(inside.iter().map(|(name, text)| (name.as_str(), *text)));
        fs::write(folder.path().join("ptb.zip"), zip(&members.collect::<Vec<_>>())).unwrap();
        treebank(folder.path()).map(|corpus| corpus.description)
    };
    let expected = load(&[]).unwrap();
    let other = "another text\n";
    for hidden in ["__MACOSX/data/ptb.train.txt", ".trash/ptb.train.txt", "data/old/ptb.train.txt"] {
        assert_eq!(load(&[(hidden, other)]).unwrap(), expected, "{hidden}");
    }
    let error = crate::support::in_full(&load(&[("new/ptb.train.txt", other)]).unwrap_err());
    assert!(error.ends_with("it holds both data/ptb.train.txt and new/ptb.train.txt"), "{error}");
}

#[test]
fn a_damaged_treebank_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ptb.zip");
    let error = || treebank(folder.path()).unwrap_err();
    let absent = error().to_string();
    for place in ["ptb.zip", "ptb.train.txt", "ptb/ptb.zip", "ptb/ptb.train.txt"] {
        assert!(absent.contains(&folder.path().join(place).display().to_string()), "{absent}");
    }
    fs::write(&path, zip(&TREEBANK[..2])).unwrap();
    assert!(matches!(error(), DataError::MissingFile { path, .. } if path.ends_with("ptb.zip/ptb.test.txt")));
    let whole = zip(&TREEBANK);
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(error(), DataError::Archive { .. }));
    for other in [&b"no archive"[..], &b""[..]] {
        fs::write(&path, other).unwrap();
        assert!(matches!(error(), DataError::NoArchive { .. }));
    }
    // Members of any size are not held.
    let large = vec![b' '; (1 << 26) + 1];
    fs::write(&path, zip(&TREEBANK.map(|(name, _)| (name, &large)))).unwrap();
    let cause = std::error::Error::source(&error()).unwrap().to_string();
    assert_eq!(cause, "ptb.train.txt has more than 67108864 bytes");
    // A byte of the first file's content.
    let mut damaged = whole.clone();
    damaged[45] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert!(matches!(error(), DataError::Archive { .. }));
}

#[test]
fn made_text_is_always_the_same_and_can_be_learnt() {
    let source = DataSource::named("made_text").unwrap();
    let load = |limits| Corpus::load(&config(source.clone(), None, limits)).unwrap();
    let corpus = load([0, 0]);
    assert_eq!(corpus, load([0, 0]));
    assert_eq!([corpus.train.len(), corpus.valid.len(), corpus.test.len()], [10_000, 1000, 1000]);
    let limited = load([100, 20]);
    assert_eq!([limited.train.len(), limited.valid.len(), limited.test.len()], [100, 20, 20]);
    assert_eq!(Data::find(&config(source.clone(), None, [0, 0])).unwrap(), None);

    // What usually followed a word in training tells much about the next word of the validation part.
    let size = corpus.vocabulary.len();
    let mut pairs = vec![1.0; size * size];
    corpus.train.windows(2).for_each(|pair| pairs[pair[0] as usize * size + pair[1] as usize] += 1.0);
    let loss = |pair: &[u32]| {
        let row = &pairs[pair[0] as usize * size..][..size];
        -(row[pair[1] as usize] / row.iter().sum::<f64>()).ln()
    };
    let mean = corpus.valid.windows(2).map(loss).sum::<f64>() / (corpus.valid.len() - 1) as f64;
    assert!(mean.exp() < 0.3 * size as f64, "perplexity {}", mean.exp());
}
