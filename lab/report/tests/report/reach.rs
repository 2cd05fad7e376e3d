//! How soon a group is where its baseline ends.

use std::fs;

use lookahead_report as report;

use super::synthetic::{EPOCHS, Output, id};
use super::{LOOKAHEAD_SGD, SGD, assert_close, set_ends};

/// The evaluation at which a run was first no worse than its baseline is at the end; a run that never was is counted.
#[test]
fn the_steps_to_the_baselines_final_loss_are_counted_seed_by_seed() {
    let output = Output::with_seeds(3);
    let row = |seed: u32, epoch: usize, loss: f64| {
        let path = output.run_file(&id(LOOKAHEAD_SGD, seed), "metrics.jsonl");
        let line = fs::read_to_string(path).unwrap().lines().nth(epoch - 1).unwrap().to_owned();
        let mut row: serde_json::Value = serde_json::from_str(&line).unwrap();
        row["valid_loss"] = loss.into();
        output.replace_row(&id(LOOKAHEAD_SGD, seed), epoch, &row.to_string());
    };
    // Every evaluation is above 0.01, so that an end at 0.01 is first met where it is put.
    set_ends(&output, SGD, &[(0.9, 0.01), (0.9, 0.01), (0.9, 0.01)]);
    row(0, 4, 0.01);
    row(0, 9, 0.005);
    row(1, 12, 0.009);
    let summary = report::write(&output.dir, "quickstart").unwrap();
    let reach = summary.groups[LOOKAHEAD_SGD].comparison.as_ref().unwrap().reach.as_ref().unwrap();
    assert_eq!((reach.pairs, reach.reached), (3, 2));
    assert_close(reach.share.unwrap().mean, (4.0 + 12.0) / 2.0 / f64::from(EPOCHS));
    let words = "at SGD's final validation loss after 40 % of its steps (2 of 3 seeds)";
    assert_eq!(reach.in_words("SGD"), words);
    assert!(summary.table().replace("\n  ", " ").contains(words), "{}", summary.table());
    assert!(output.page().contains("after 40"), "the page has it too");
}
