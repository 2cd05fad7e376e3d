//! Language models and translations as a user trains them: stopped in mid-epoch and mid-cycle, and with bad input.

use std::fs;

use super::support::{Bench, stderr, stdout};

/// An AWD-LSTM with all its dropouts, whose hidden state goes from step to step.
pub const LANGUAGE: &str = r#"
epochs = 12
batch_size = 8
checkpoint_every = 7
clip_norm = 0.25
keep_best = true
data = { name = "made_text", tokens = 3000, vocabulary = 30 }
model = { name = "awd_lstm", layers = 2, hidden = 16, embedding = 12, sequence_length = 10 }
optimizer = { name = "lookahead", sync_period = 10, alpha = 0.8, inner = { name = "sgd", weight_decay = 1.2e-6 } }
schedule = { learning_rate = 5.0, name = "plateau", patience = 1 }
"#;

/// The same with the average that begins when the validation loss stalls.
const AVERAGED: &str = r#"
epochs = 12
batch_size = 8
checkpoint_every = 7
average_epochs = 3
data = { name = "made_text", tokens = 3000, vocabulary = 30 }
model = { name = "awd_lstm", layers = 2, hidden = 16, embedding = 12, sequence_length = 10 }
optimizer = { name = "averaged", kind = "non_monotonic", patience = 2, inner = { name = "sgd" } }
schedule = { learning_rate = 20.0 }
"#;

/// A Transformer whose batches are counted in subwords, with AdaFactor inside.
const TRANSLATION: &str = r#"
epochs = 10
batch_size = 160
checkpoint_every = 7
keep_best = true
data = { name = "made_pairs", train = 200, valid = 12, words = 12 }
model = { name = "transformer", layers = 1, width = 16, heads = 2, feed_forward = 32 }
decoding = { beam = 3, longest_extra = 4 }
optimizer = { name = "lookahead", sync_period = 5, inner_state = "interpolate", inner = { name = "adafactor" } }
schedule = { learning_rate = 0.01, warmup_steps = 20 }
"#;

#[test]
fn a_killed_language_run_ends_in_the_same_bits() {
    for config in [LANGUAGE, AVERAGED, TRANSLATION] {
        let undisturbed = Bench::new(config);
        let output = undisturbed.train();
        assert!(output.status.success(), "{}", stderr(&output));
        let expected = undisturbed.bits();

        let killed = Bench::new(config);
        for checkpoints in [1, 2, 3] {
            let mut child = killed.train_until(checkpoints);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(!killed.run_folder().join("result.json").exists(), "the run was over before it could be killed");
        let output = killed.train();
        assert!(output.status.success(), "{}", stderr(&output));
        let found = killed.bits();
        assert_eq!(found.len(), expected.len());
        for ((name, found), (_, expected)) in found.iter().zip(&expected) {
            assert!(found == expected, "{name} differs from the undisturbed run's");
        }
    }
}

#[test]
fn a_checkpoint_in_mid_epoch_holds_the_hidden_state() {
    let bench = Bench::new(LANGUAGE);
    let mut child = bench.train_until(2);
    child.kill().unwrap();
    child.wait().unwrap();
    let folder = bench.run_folder();
    let text = stdout(&bench.run(&["inspect", folder.to_str().unwrap()]));
    for part in ["memory between steps", "layer.0.h, 8 x 16", "layer.1.c, 8 x 12"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_translation_leaves_its_subwords_and_what_it_translated() {
    let bench = Bench::new(&TRANSLATION.replace("epochs = 10", "epochs = 1"));
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let folder = bench.run_folder();
    assert!(folder.join("subwords.json").is_file());
    let lines = fs::read_to_string(folder.join("translations-test.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 12);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(["source", "reference", "translation"].iter().all(|key| line[key].is_string()), "{line}");
    }
}

#[test]
fn a_translation_without_a_test_part_is_scored_on_its_validation_part() {
    let data = "name = 'parallel_text', source = 'a.txt', target = 'b.txt', \
                valid_source = 'a.txt', valid_target = 'b.txt', vocabulary = 60";
    let config = TRANSLATION
        .replace("epochs = 10", "epochs = 1")
        .replace("keep_best = true", "")
        .replace("name = \"made_pairs\", train = 200, valid = 12, words = 12", data);
    let bench = Bench::new(&config);
    fs::create_dir(bench.path().join("data")).unwrap();
    fs::write(bench.path().join("data/a.txt"), "the dog sees a cat\na cat sees the dog\n".repeat(8)).unwrap();
    fs::write(bench.path().join("data/b.txt"), "der Hund sieht eine Katze\neine Katze sieht den Hund\n".repeat(8))
        .unwrap();
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let folder = bench.run_folder();
    let result: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("result.json")).unwrap()).unwrap();
    assert!(result["valid_bleu"].is_number(), "{result}");
    assert!(stdout(&output).contains("validation BLEU "), "{}", stdout(&output));
    assert_eq!(fs::read_to_string(folder.join("translations-valid.jsonl")).unwrap().lines().count(), 16);
    assert!(!folder.join("translations-test.jsonl").exists());
}

#[test]
fn a_model_for_other_data_is_refused() {
    for (table, words) in [
        ("model.name = 'awd_lstm'", "model.name"),
        ("data.name = 'made_text'\nmodel.name = 'transformer'", "awd_lstm"),
        ("data.name = 'made_pairs'\nmodel.name = 'mlp'", "transformer"),
        ("data.name = 'made_text'\ndecoding.beam = 2", "decoding"),
        ("keep_best = true\naverage_epochs = 2", "average_epochs"),
    ] {
        let bench = Bench::new(&format!("{table}\nschedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n"));
        let output = bench.train();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{words} is not in {}", stderr(&output));
        assert!(!bench.path().join("results").exists());
    }
}

#[test]
fn text_that_cannot_be_read_is_named_with_its_line() {
    let config = |data: &str| format!("{data}\nschedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n");
    let text = config("data = { name = 'text_files', train = 'a.txt', valid = 'b.txt' }");
    let pairs = "data = { name = 'parallel_text', source = 'a.txt', target = 'b.txt', valid_source = 'a.txt', valid_target = 'a.txt' }";
    for (config, a, b, words) in [
        (&text, &b"one\ntwo\xff\n"[..], &b"one\n"[..], &["a.txt:2", "UTF-8"][..]),
        (&text, b"", b"one\n", &["a.txt", "no training examples"]),
        (&config(pairs), b"one\ntwo\n", b"eins\n", &["a.txt", "b.txt", "2", "1"]),
    ] {
        let bench = Bench::new(config);
        fs::create_dir(bench.path().join("data")).unwrap();
        fs::write(bench.path().join("data/a.txt"), a).unwrap();
        fs::write(bench.path().join("data/b.txt"), b).unwrap();
        let output = bench.train();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        for word in words {
            assert!(stderr(&output).contains(word), "{word} is not in {}", stderr(&output));
        }
    }
}
