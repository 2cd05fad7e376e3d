//! Tokens and BLEU against sacrebleu's (`testdata/bleu/bleu.py`).

use std::path::PathBuf;

use lookahead_models::bleu::{BleuError, corpus_bleu, tokenize_13a};
use toml::{Table, Value};

fn golden() -> Table {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bleu/bleu.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|string| string.as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_close(ours: f64, expected: &Value, what: &str) {
    let expected = expected.as_float().unwrap();
    assert!((ours - expected).abs() <= 1e-10 * expected.max(1.0), "{what}: {ours} instead of {expected}");
}

#[test]
fn tokens_are_sacrebleu_s() {
    for case in golden()["tokens"].as_array().unwrap() {
        let sentence = case["sentence"].as_str().unwrap();
        assert_eq!(tokenize_13a(sentence), strings(&case["tokens"]), "{sentence:?}");
    }
}

#[test]
fn scores_are_sacrebleu_s() {
    for case in golden()["corpus"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let bleu = corpus_bleu(&strings(&case["hypotheses"]), &strings(&case["references"])).unwrap();
        assert_close(bleu.score, &case["score"], name);
        assert_close(bleu.brevity_penalty, &case["brevity_penalty"], name);
        for (ours, expected) in bleu.precisions.iter().zip(case["precisions"].as_array().unwrap()) {
            assert_close(*ours, expected, name);
        }
        let lengths = [bleu.hypothesis_length, bleu.reference_length].map(|length| Value::Integer(length as i64));
        assert_eq!(case["lengths"].as_array().unwrap()[..], lengths, "{name}");
    }
}

#[test]
fn the_order_of_the_sentences_does_not_count() {
    let golden = golden();
    let corpus = &golden["corpus"].as_array().unwrap()[1];
    let (mut hypotheses, mut references) = (strings(&corpus["hypotheses"]), strings(&corpus["references"]));
    let bleu = corpus_bleu(&hypotheses, &references).unwrap();
    hypotheses.reverse();
    references.reverse();
    assert_eq!(corpus_bleu(&hypotheses, &references).unwrap(), bleu);
}

#[test]
fn what_are_not_pairs_is_refused() {
    let sentences = |count| vec!["Ein Satz.".to_owned(); count];
    let unequal = corpus_bleu(&sentences(2), &sentences(3)).unwrap_err();
    assert_eq!(unequal, BleuError::UnequalCounts { hypotheses: 2, references: 3 });
    assert!(unequal.to_string().contains("2 translations for 3 references"));
    assert_eq!(corpus_bleu(&[], &[]).unwrap_err(), BleuError::Empty);
}
