//! What is printed fits 80 columns, whatever the labels are; paths and commands alone, which are to be copied, may be longer.

use std::fs;

use super::support::{Bench, stderr, stdout};

/// Letters of two columns, and letters that are printed as `\u202e`.
const SWEEP: &str = r#"
title = "学習率の比較 学習率の比較 学習率の比較 学習率の比較 学習率の比較 学習率の比較"
[run]
epochs = 1
data = { name = "made", train = 32, valid = 16 }
optimizer = { name = "sgd" }
schedule = { learning_rate = 0.1 }
[[panel]]
name = "確率的勾配降下法 確率的勾配降下法 確率的勾配降下法 確率的勾配降下法 確率的勾配降下法"
[[group]]
label = "確率的勾配降下法 確率的勾配降下法 確率的勾配降下法"
[[group]]
label = "確率的勾配降下法ルックアヘッド"
baseline = "確率的勾配降下法 確率的勾配降下法 確率的勾配降下法"
set = ["optimizer={name='lookahead', inner={name='sgd'}}"]
[[group]]
label = "a\u202e\u202eb \u202eccccccccccccccccc dddddddddddddddddddddd\u202e"
set = ["epochs=2"]
[scale.small]
seeds = 2
"#;

const NESTED: &str = "epochs = 1\ndata = { name = 'made', train = 32, valid = 16 }\nschedule.learning_rate = 0.1\n\
                      optimizer = { name = 'averaged', inner = { name = 'lookahead', inner = { name = 'lookahead', \
                      inner = { name = 'lookahead', inner.name = 'adamw' } } } }\n";

#[track_caller]
fn fits(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    let text = stdout(&output);
    let to_copy = ["report: ", "run folder: ", "  lookahead "];
    for line in text.lines().filter(|line| !to_copy.iter().any(|begin| line.starts_with(begin))) {
        // Kana and kanji begin at U+3000.
        let columns: usize = line.chars().map(|letter| if letter >= '\u{3000}' { 2 } else { 1 }).sum();
        assert!(columns <= 80, "{arguments:?}: {columns} columns: {line}");
    }
    text
}

#[test]
fn labels_of_any_letters() {
    let bench = Bench::new("");
    fs::write(bench.path().join("wide.toml"), SWEEP).unwrap();
    let text = fits(&bench, &["run", "wide.toml"]);
    assert!(text.contains("a\\u202e\\u202eb"), "{text}");
}

#[test]
fn results_titles_and_examples() {
    let bench = Bench::new(NESTED);
    let text = fits(&bench, &["train", "run.toml"]);
    assert!(text.contains("validation accuracy"), "{text}");
    for artifact in ["outer_noisy_quadratic", "outer_stability", "fig03_noisy_quadratic"] {
        fits(&bench, &["run", artifact, "--scale", "smoke"]);
    }
    for example in ["sweep", "train", "text", "translation"] {
        fits(&bench, &["config", "--example", example]);
    }
}
