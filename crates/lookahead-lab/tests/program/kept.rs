//! The weights that a result is of: those of the best epoch, or the mean of the last ones.

use std::fs;

use serde_json::Value;

use super::support::{Bench, stderr};

/// Linear in the weights, so that the loss is convex, at a rate at which it goes up and down.
const LINEAR: &str = "
epochs = 5
batch_size = 8
data = { name = 'made', channels = 1, height = 6, width = 6, classes = 5, train = 80, valid = 40 }
model = { name = 'mlp', hidden = [] }
optimizer.name = 'sgd'
schedule.learning_rate = 2.0
";

/// The result of a run, and the validation loss after each epoch.
fn trained(keys: &str) -> (Bench, Value, Vec<f64>) {
    let bench = Bench::new(&format!("{keys}\n{LINEAR}"));
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let read = |name: &str| fs::read_to_string(bench.run_folder().join(name)).unwrap();
    let losses = read("metrics.jsonl").lines().map(|line| json(line)["valid_loss"].as_f64().unwrap()).collect();
    let result = json(&read("result.json"));
    (bench, result, losses)
}

/// The epochs whose weights lie in the run folder.
fn kept(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.run_folder().join("kept")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_best_epoch_is_the_one_of_the_lowest_validation_loss() {
    let (bench, result, losses) = trained("keep_best = true");
    let (best, lowest) = losses.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    assert_ne!(best + 1, losses.len(), "the last epoch is the best one, which proves nothing: {losses:?}");
    assert_eq!(result["valid_loss"].as_f64().unwrap(), *lowest);
    assert_eq!(kept(&bench), [format!("epoch-{:04}.safetensors", best + 1)]);
}

#[test]
fn the_mean_of_the_last_epochs_is_better_than_they_are_where_the_loss_is_convex() {
    let (bench, result, losses) = trained("average_epochs = 3");
    let last = &losses[losses.len() - 3..];
    assert!(result["valid_loss"].as_f64().unwrap() < last.iter().sum::<f64>() / 3.0, "{result}, {last:?}");
    let names = [3, 4, 5].map(|epoch| format!("epoch-{epoch:04}.safetensors"));
    assert_eq!(kept(&bench), names);
}

#[test]
fn the_mean_of_one_epoch_is_the_last_one() {
    let (_, result, losses) = trained("average_epochs = 1");
    assert_eq!(result["valid_loss"].as_f64().unwrap(), losses[losses.len() - 1]);
}
