//! A sentence far longer than the others: it costs no finished training, and what of it is not measured is counted.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use super::support::{Bench, stderr};

const CONFIG: &str = "
epochs = 1
batch_size = 400
model = { name = 'transformer', layers = 1, width = 32, heads = 4, feed_forward = 64 }
optimizer.name = 'adam'
schedule.learning_rate = 0.0001
[decoding]
beam = 1
longest_extra = 5
[data]
name = 'parallel_text'
dir = '.'
source = 'train.a'
target = 'train.b'
valid_source = 'valid.a'
valid_target = 'valid.b'
vocabulary = 60
";

/// Words of a letter, of which none becomes a subword with another.
fn sentence(words: usize, seed: usize) -> String {
    let letter = |word: usize| char::from(b'a' + ((word * 7 + seed * 3 + word / 5) % 20) as u8).to_string();
    (0..words).map(letter).collect::<Vec<_>>().join(" ") + "\n"
}

/// A bench whose validation sentences have so many words each.
fn bench(config: &str, lengths: &[usize]) -> Bench {
    let bench = Bench::new(config);
    let training: String = (0..60).map(|seed| sentence(4 + seed % 5, seed)).collect();
    let valid: String = lengths.iter().enumerate().map(|(seed, &words)| sentence(words, seed)).collect();
    for side in ["a", "b"] {
        fs::write(bench.path().join(format!("train.{side}")), &training).unwrap();
        fs::write(bench.path().join(format!("valid.{side}")), &valid).unwrap();
    }
    bench
}

/// Trains with so many GiB of memory at most.
fn train_within(bench: &Bench, gibibytes: u64) -> Output {
    let program = env!("CARGO_BIN_EXE_lookahead");
    let script = format!("ulimit -v {}; exec '{program}' train run.toml", gibibytes << 20);
    Command::new("sh").args(["-c", &script]).current_dir(bench.path()).output().unwrap()
}

fn result(bench: &Bench) -> Value {
    serde_json::from_slice(&fs::read(bench.run_folder().join("result.json")).unwrap()).unwrap()
}

fn translations(bench: &Bench) -> Vec<Value> {
    let lines = fs::read_to_string(bench.run_folder().join("translations-valid.jsonl")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_long_sentence_among_many_is_translated_by_itself() {
    // Together with it, 64 sentences would ask for 64 x 4 x 2500 x 2500 numbers, 6.4 GB, in one tensor.
    let mut lengths = vec![5; 63];
    lengths.insert(20, 2500);
    let with_outlier = bench(CONFIG, &lengths);
    let output = train_within(&with_outlier, 5);
    assert!(output.status.success(), "{}", stderr(&output));
    let end = result(&with_outlier);
    assert!(end["valid_bleu"].is_number() && end.get("valid_cut").is_none() && end.get("valid_skipped").is_none());

    // The others are translated as they are without it.
    lengths[20] = 5;
    let ordinary = bench(CONFIG, &lengths);
    assert!(ordinary.train().status.success());
    let [mut found, mut expected] = [&with_outlier, &ordinary].map(translations);
    assert_eq!(found.len(), 64);
    found.remove(20);
    expected.remove(20);
    assert_eq!(found, expected);
}

#[test]
fn what_no_memory_is_enough_for_is_refused_before_anything_is_trained() {
    let wide = CONFIG.replace("beam = 1\nlongest_extra = 5", "longest_extra = 10000\nbeam = 64");
    let wide = wide.replace("layers = 1, width = 32", "layers = 8, width = 512");
    let bench_of_wide = bench(&wide, &[5]);
    let output = bench_of_wide.train();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("decoding.longest_extra"), "{}", stderr(&output));
    assert!(!bench_of_wide.path().join("results").exists(), "nothing was begun");

    let bench = bench(CONFIG, &[20_000]);
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("the validation part"), "{}", stderr(&output));
    assert!(!bench.path().join("results").exists(), "nothing was begun");
}

#[test]
fn a_training_set_for_more_epochs_than_anyone_has_is_refused() {
    let bench = bench(&CONFIG.replace("epochs = 1\n", "epochs = 4294967295\n"), &[5]);
    let output = bench.train();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("run.toml:2:") && stderr(&output).contains("1000000"), "{}", stderr(&output));
}
