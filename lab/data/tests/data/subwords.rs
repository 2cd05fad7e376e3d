//! Subwords: the same ones from the same text, texts put together again, and tokenizers from files.

use std::fs;
use std::time::{Duration, Instant};

use lookahead_data::config::{DataSource, SubwordsConfig};
use lookahead_data::{DataError, EOS, PAD, Pairs, Subwords, UNK};
use sha2::{Digest, Sha256};

use crate::support::{config, gzip};

/// Sentences of made words, with punctuation and letters beyond ASCII.
fn lines() -> Vec<String> {
    const SYLLABLES: [&str; 10] = ["ba", "ke", "li", "no", "rü", "ß", "st", "un", "ver", "é"];
    let word = |n: u32| -> String {
        let digits = (n * n + 7 * n).to_string().into_bytes();
        digits.iter().take(1 + n as usize % 3).map(|digit| SYLLABLES[usize::from(digit - b'0')]).collect()
    };
    let line = |n: u32| format!("{}, {}-{} ({}) {}.", word(n), word(n / 3), word(n * 5), word(n / 7), word(n / 2));
    (0..2000).map(line).collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_same_text_gives_the_same_subwords() {
    let lines = lines();
    let train = |lines: Vec<String>| Subwords::train(lines.into_iter(), 300).unwrap();
    let first = train(lines.clone());
    assert_eq!(first.len(), 300);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for _ in 0..4 {
            assert_eq!(pool.install(|| train(lines.clone())).to_json(), first.to_json(), "{threads} threads");
        }
    }
    assert_eq!(train(lines.into_iter().rev().collect()).to_json(), first.to_json());
}

#[test]
fn ties_are_broken_in_the_same_way_in_every_process() {
    // Words of two letters in all orders: most pairs are as frequent as others, and many subwords come about twice.
    let word = |n: u32| -> String { (0..3 + n % 9).map(|bit| if n >> bit & 1 == 0 { 'a' } else { 'b' }).collect() };
    let lines: Vec<String> = (0..1000).map(|n| format!("{} {}", word(n), word(n * 37 % 2048))).collect();
    let train = || Subwords::train(lines.iter().cloned(), 400).unwrap().to_json();
    let first = train();
    assert!((0..20).all(|_| train() == first));
    // What another process had.
    assert_eq!(sha256(&first), "e25618bdad9c3dd14110c3940bf4739f00c9414b29642682f7d31fa2b86107ad");
}

#[test]
fn texts_are_put_together_again() {
    let subwords = Subwords::train(lines().into_iter(), 300).unwrap();
    for line in lines().iter().take(50) {
        let ids = subwords.encode(line);
        assert!(ids.iter().all(|&id| id > UNK && (id as usize) < subwords.len()), "{ids:?}");
        assert_eq!(subwords.decode(&ids), *line);
    }
    // Common words are one subword each, so fewer ids than letters.
    let line = &lines()[100];
    assert!(2 * subwords.encode(line).len() < line.chars().count());
    assert_eq!(subwords.encode("  ba \t ke "), subwords.encode("ba ke"));
    assert_eq!(subwords.encode(""), [0_u32; 0]);
    assert_eq!(subwords.encode(" 字"), [&subwords.encode("b")[..0], &[subwords.encode("字")[0], UNK]].concat());
    // What a text says is no special subword, and those give nothing, nor do ids that there are not.
    let ids = subwords.encode("ba</s><pad>");
    assert!(!ids.contains(&EOS) && !ids.contains(&PAD));
    let ids = subwords.encode("ba ke");
    assert_eq!(subwords.decode(&[&ids[..], &[EOS, PAD, 99_999]].concat()), "ba ke");
}

#[test]
fn usual_texts_are_put_together_again() {
    let texts = [
        "»Schöne Grüße«, sagte sie – „aus Köln“ (für 3,50 €).",
        "It's the cat's \"hat\"; isn't it? 100% & more... #1 @home [a/b] {c} <d> x^2 = y_1 | z~",
        "Ça va? ¿Qué tal? Ærø, Łódź, naïve — e-mail: a.b@c.de",
    ];
    let subwords = Subwords::train(texts.iter().map(|text| (*text).to_owned()), 200).unwrap();
    for text in texts {
        assert_eq!(subwords.decode(&subwords.encode(text)), text);
        // A text does not have to be known for that, only its letters.
        let reversed: String = text.chars().rev().collect();
        assert_eq!(subwords.decode(&subwords.encode(&reversed)), reversed);
    }
}

#[test]
fn a_small_vocabulary_keeps_the_most_frequent_characters() {
    let subwords = Subwords::train(["aaa bbb ab c".to_owned()].into_iter(), 7).unwrap();
    // The space before words and a, b; not c.
    assert_eq!(subwords.len(), 7);
    assert_eq!(subwords.encode("c").last(), Some(&UNK));
    assert_eq!(subwords.decode(&subwords.encode("ab ba")), "ab ba");
    let many: String = (0..3000).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
    let subwords = Subwords::train([many].into_iter(), 2000).unwrap();
    assert_eq!(subwords.len(), 4 + 1000);
}

#[test]
fn a_tokenizer_from_a_file_is_checked() {
    let subwords = Subwords::train(lines().into_iter(), 300).unwrap();
    let json = subwords.to_json();
    assert_eq!(Subwords::from_json(&json, "s.json").unwrap().encode("ba ke"), subwords.encode("ba ke"));
    let told = |json: &str| Subwords::from_json(json, "s.json").unwrap_err().to_string();
    for damaged in [&json[..json.len() / 2], "", "{}", "[]"] {
        assert!(told(damaged).starts_with("s.json: not a tokenizer that can be used here: "));
    }
    let renamed = told(&json.replace("</s>", "<end>"));
    assert!(renamed.ends_with("the id of </s> is absent, but must be 2"), "{renamed}");
    // The largest id becomes a much larger one.
    let gap = told(&json.replacen(":299", ":999", 1));
    assert!(gap.ends_with("the ids of its 300 subwords must be 0 to 299, but for 299 there is 999"), "{gap}");
    let twice = told(&json.replacen(":299", ":298", 1));
    assert!(twice.ends_with("but for 299 there is 298"), "{twice}");
    let merges = json.find("\"merges\"").unwrap();
    let joined = told(&[&json[..merges], &json[merges..].replacen("b", "q", 1)].concat());
    assert!(joined.contains("model.merges has \"q") && joined.ends_with("but model.vocab has not"), "{joined}");
    for (ours, theirs, key) in [
        ("\"Isolated\"", "\"Removed\"", "pre_tokenizer"),
        ("\"decoder\":{\"type\":\"Metaspace\"", "\"decoder\":{\"type\":\"Fuse\"", "decoder"),
        ("\"byte_fallback\":false", "\"byte_fallback\":true", "model"),
        ("\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}", "normalizer"),
    ] {
        assert!(json.contains(ours), "{ours}");
        let error = told(&json.replace(ours, theirs));
        let expected = format!("its `{key}` is not that of the subwords which are trained here");
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[test]
fn a_configuration_may_name_a_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["train.en.gz", "train.de.gz", "val.en.gz", "val.de.gz", "test_2016_flickr.en.gz", "test_2016_flickr.de.gz"]
    {
        fs::write(folder.path().join(name), gzip(lines()[..100].join("\n").as_bytes())).unwrap();
    }
    let subwords = Subwords::train(lines().into_iter(), 300).unwrap();
    fs::write(folder.path().join("mine.json"), subwords.to_json()).unwrap();
    let load = |vocabulary: u32, file: &str| {
        let [vocabulary, longest] = [vocabulary, 100].map(|count| count.try_into().unwrap());
        let source = DataSource::Multi30k(SubwordsConfig { vocabulary, longest, subwords: Some(file.to_owned()) });
        Pairs::load(&config(source, Some(&folder.path().display().to_string()), [0, 0]))
    };
    let pairs = load(300, "mine.json").unwrap();
    assert_eq!(pairs.subwords, subwords);
    assert_eq!(pairs.train[7].source, subwords.encode(&lines()[7]));
    let error = load(301, "mine.json").unwrap_err().to_string();
    assert!(
        error.ends_with(
            "mine.json: 300 subwords, but data.vocabulary is 301: set data.vocabulary = 300 to use this file"
        ),
        "{error}"
    );
    assert!(matches!(load(300, "absent.json"), Err(DataError::MissingFile { .. })));
    fs::write(folder.path().join("mine.json"), b"\xff").unwrap();
    assert!(load(300, "mine.json").is_err());
}

#[test]
fn a_word_of_any_length_is_read_in_time() {
    let started = Instant::now();
    // Letters that do not repeat.
    let letter = |n: u32| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26);
    let word: String = (0..200_000).map(letter).collect();
    let subwords = Subwords::train(std::iter::once(word.clone()), 2000).unwrap();
    assert_eq!(subwords.decode(&subwords.encode(&word)), word);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
