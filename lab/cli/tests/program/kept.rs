//! The weights that a result is of: those of the best epoch, or the mean of the last ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use lookahead_data::Data;
use lookahead_models::config::ModelConfig;
use lookahead_models::{Network, load_weights};
use lookahead_runs::{Measure, Stop};
use lookahead_training::config::RunConfig;
use lookahead_training::task::{Classification, Part, Task};
use safetensors::SafeTensors;
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

/// Shapes and values by module path.
type Weights = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

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

/// Through batch norm, at a rate at which the weights of one epoch are far from those of the next.
const NORMED: &str = "
epochs = 4
batch_size = 16
re_estimate_batch_norm = true
average_epochs = 3
data = { name = 'digits', train_limit = 160, valid_limit = 60 }
model = { name = 'cnn', channels = [4, 8] }
optimizer.name = 'sgd'
schedule.learning_rate = 0.5
";

/// Tensors by name: shape and values.
fn tensors(file: &Path) -> Weights {
    let bytes = fs::read(file).unwrap();
    let values = |data: &[u8]| data.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), values(view.data())))).collect()
}

/// The mean of several weights, in doubles.
fn mean(all: &[Weights]) -> BTreeMap<String, TensorData> {
    let of = |(name, (shape, first)): (&String, &(Vec<usize>, Vec<f32>))| {
        let value = |index: usize| all.iter().map(|weights| f64::from(weights[name].1[index])).sum::<f64>();
        let values: Vec<f32> = (0..first.len()).map(|index| (value(index) / all.len() as f64) as f32).collect();
        (name.clone(), TensorData::new(values, shape.clone()))
    };
    all[0].iter().map(of).collect()
}

#[test]
fn averaged_weights_are_judged_with_batch_norm_statistics_of_their_own() {
    let bench = Bench::new(NORMED);
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let config = RunConfig::parse(NORMED, "run.toml").unwrap();
    let (ModelConfig::Network(network), Data::Images(images)) = (&config.model, Data::load(&config.data).unwrap())
    else {
        panic!("a network for images");
    };
    let task = Classification::new(&config, network, &images);
    let (device, stop) = (Device::flex(), Stop::new());
    let with_autodiff = device.clone().autodiff();
    let model = |weights| load_weights(task.initial_model(&with_autodiff).valid(), weights).unwrap();
    let valid_loss = |model: &Network| {
        task.evaluate(model, Part::Valid, &device, &stop).unwrap().scores.get(Measure::ValidLoss).unwrap()
    };
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;

    let files = kept(&bench).into_iter().map(|name| bench.run_folder().join("kept").join(name));
    let of_epochs: Vec<_> = files.map(|file| tensors(&file)).collect();
    let metrics = fs::read_to_string(bench.run_folder().join("metrics.jsonl")).unwrap();
    let rows: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((of_epochs.len(), rows.len()), (3, 4));
    for (weights, row) in of_epochs.iter().zip(&rows[1..]) {
        let loss = valid_loss(&model(mean(std::slice::from_ref(weights))));
        assert!(near(loss, row["valid_loss"].as_f64().unwrap()), "{loss} in {row}");
    }

    let averaged = model(mean(&of_epochs));
    let own = task.re_estimate_batch_norm(&averaged, &with_autodiff, &stop).unwrap().unwrap();
    let (expected, with_mean_statistics) = (valid_loss(&own), valid_loss(&averaged));
    assert!((with_mean_statistics - expected).abs() > 1e-4, "both are {expected}");
    let result: Value = serde_json::from_slice(&fs::read(bench.run_folder().join("result.json")).unwrap()).unwrap();
    assert!(near(result["valid_loss"].as_f64().unwrap(), expected), "{expected} in {result}");
}
