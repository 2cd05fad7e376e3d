//! `lookahead config`: the reference is what the code reads, and the examples run.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::support::{Bench, stderr, stdout};

const WORDS: &str = include_str!("../../src/reference.toml");

fn documents(bench: &Bench, what: &[&str]) -> Value {
    let output = bench.run(&[&["config", "--json"], what].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

#[test]
fn every_key_has_a_sentence_and_every_sentence_a_key() {
    let bench = Bench::new("");
    let mut said = BTreeSet::new();
    for document in list(&documents(&bench, &[])) {
        for table in list(&document["tables"]) {
            for key in list(&table["keys"]) {
                let about = key["about"].as_str().unwrap();
                assert!(about.ends_with('.'), "{}: {} {}: {about:?}", document["name"], table["path"], key["name"]);
                said.insert(about.to_owned());
            }
        }
    }
    let words: toml::Table = WORDS.parse().unwrap();
    for (document, sentences) in words {
        for (path, sentence) in sentences.as_table().unwrap() {
            assert!(said.contains(sentence.as_str().unwrap()), "{document}: no key {path}");
        }
    }
}

#[test]
fn it_says_what_is_accepted_the_default_and_what_a_key_belongs_to() {
    let bench = Bench::new("");
    let text = stdout(&bench.run(&["config"]));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for expected in [
        "[optimizer] with name = \"sgd\"\n  momentum = 0.0\n      a number at least 0 and below 1. The momentum.\n",
        "[data] with name = \"image_folders\"\n  size = 224\n      a whole number from 1 to 1024.",
        "  learning_rate (required)\n      a number above 0 and finite.",
        "[optimizer.adaptive]\n  low = 0.5\n",
        "[[group]]\n  label (required)\n",
        "[scale.NAME]\n  seeds = 3\n      a whole number from 1 to 1000.",
        "[schedule] with name = \"cosine\"\n",
        "  condition_number = 1000.0\n      a number finite and at least 1.",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn it_says_one_document_one_table_or_one_key() {
    let bench = Bench::new("");
    let paths = |what: &str| -> BTreeSet<String> {
        let documents = documents(&bench, &[what]);
        let tables = list(&documents).flat_map(|document| list(&document["tables"]).cloned().collect::<Vec<_>>());
        tables.map(|table| table["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths("optimizer"), ["optimizer", "optimizer.adaptive", "optimizer.then"].map(str::to_owned).into());
    assert_eq!(paths("warmup_steps"), ["schedule".to_owned()].into());
    assert_eq!(paths("schedule.patience"), ["schedule".to_owned()].into());
    assert_eq!(paths("[schedule]"), ["schedule".to_owned()].into());
    assert_eq!(paths("sgd"), ["optimizer".to_owned()].into());
    assert_eq!(documents(&bench, &["sweep"])[0]["name"], "sweep");
    let output = bench.run(&["config", "learning_rat"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("did you mean `learning_rate`?"), "{}", stderr(&output));
}

#[test]
fn config_md_is_what_the_program_says() {
    let bench = Bench::new("");
    let told = stdout(&bench.run(&["config", "--markdown"]));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../CONFIG.md");
    let written = fs::read_to_string(path).unwrap();
    assert!(told == written, "make it anew: cargo run -- config --markdown > CONFIG.md");
}

/// Runs an example as a new user would; texts stand beside the file.
fn runs(example: &str, command: &[&str], texts: &[(&str, &str)]) {
    let bench = Bench::new("");
    let text = stdout(&bench.run(&["config", "--example", example]));
    assert!(text.lines().count() > 20 && text.lines().all(|line| line.chars().count() <= 120), "{text}");
    fs::create_dir(bench.path().join("mine")).unwrap();
    fs::write(bench.path().join("mine/my.toml"), text).unwrap();
    for (name, text) in texts {
        fs::write(bench.path().join("mine").join(name), text).unwrap();
    }
    let output = bench.run(&[&command[..1], &["mine/my.toml"], &command[1..]].concat());
    assert!(output.status.success(), "{example}: {}", stderr(&output));
}

#[test]
fn the_example_of_a_sweep_runs() {
    runs("sweep", &["run", "--scale", "smoke"], &[]);
}

#[test]
fn the_example_of_a_run_runs() {
    runs("train", &["train", "--set", "epochs=1"], &[]);
}

#[test]
fn the_example_of_a_text_runs_on_files_beside_it() {
    let text = "the cat sat on the mat and the dog sat on the cat\n".repeat(60);
    let sets = ["--set", "epochs=1", "--set", "batch_size=2", "--set", "model.hidden=8", "--set", "model.embedding=4"];
    runs("text", &[&["train"], &sets[..]].concat(), &[("train.txt", &text), ("valid.txt", &text)]);
}

#[test]
fn the_example_of_a_translation_runs_on_files_beside_it() {
    let source = "a small red house\nthe big blue house\n".repeat(20);
    let target = "ein kleines rotes haus\ndas grosse blaue haus\n".repeat(20);
    let sets = [
        "--set",
        "epochs=1",
        "--set",
        "batch_size=64",
        "--set",
        "model.width=8",
        "--set",
        "model.feed_forward=8",
        "--set",
        "model.layers=1",
        "--set",
        "decoding.beam=1",
        "--set",
        "decoding.longest_extra=2",
        "--set",
        "data.vocabulary=60",
    ];
    let files = [("train.en", &source), ("train.de", &target), ("valid.en", &source), ("valid.de", &target)];
    runs("translation", &[&["train"], &sets[..]].concat(), &files.map(|(name, text)| (name, text.as_str())));
}

#[test]
fn a_smoke_run_shows_a_slip_in_a_grid_or_at_another_scale() {
    let bench = Bench::new("");
    let text = stdout(&bench.run(&["config", "--example", "sweep"]));
    for (from, to, named) in [
        (
            "\"schedule.learning_rate\" = [0.003, 0.01, 0.03]",
            "\"schedule.learning_rat\" = [0.1]",
            "schedule.learning_rat",
        ),
        ("[0.001, 0.003, 0.01]", "[0.001, -1]", "schedule.learning_rate=-1"),
        ("seeds = 5", "seeds = 5\nset = [\"nosuch=2\"]", "nosuch"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        fs::write(bench.path().join("my.toml"), changed).unwrap();
        let output = bench.run(&["run", "my.toml", "--scale", "smoke"]);
        assert_eq!(output.status.code(), Some(2), "{to}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{to}: {}", stderr(&output));
    }
    assert!(!bench.path().join("results").exists(), "nothing was begun");
}

#[test]
fn a_sweep_finds_its_texts_beside_its_file_and_data_names_another_place() {
    let bench = Bench::new("");
    let sweep = "title = 'texts'\n[run]\nepochs = 1\nbatch_size = 2\ndata = { name = 'text_files', train = 't.txt', valid = 't.txt' }\n\
                 model = { layers = 1, embedding = 4, sequence_length = 5 }\nschedule.learning_rate = 0.1\n\
                 [[group]]\nlabel = 'SGD'\nset = [\"optimizer={name='sgd'}\"]\n[scale.small]\nseeds = 1\n";
    for folder in ["mine", "other"] {
        fs::create_dir(bench.path().join(folder)).unwrap();
    }
    fs::write(bench.path().join("mine/texts.toml"), sweep).unwrap();
    fs::write(bench.path().join("other/t.txt"), "one two three four\n".repeat(30)).unwrap();
    let missing = bench.run(&["run", "mine/texts.toml"]);
    assert!(stderr(&missing).contains("mine/t.txt is missing"), "{}", stderr(&missing));
    let found = bench.run(&["run", "mine/texts.toml", "--data", "other"]);
    assert!(found.status.success(), "{}", stderr(&found));
    fs::copy(bench.path().join("other/t.txt"), bench.path().join("mine/t.txt")).unwrap();
    let beside = bench.run(&["run", "mine/texts.toml", "--out", "again"]);
    assert!(beside.status.success(), "{}", stderr(&beside));
}
