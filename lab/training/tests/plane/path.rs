//! What is read as a path of weights, and what is refused.

use std::fs;

use burn::tensor::Device;
use lookahead_data::ImageShape;
use lookahead_models::config::ModelConfig;
use lookahead_models::{Network, load_weights, named_weights};
use lookahead_training::config::RunConfig;
use lookahead_training::plane::{Plane, PlaneError, WeightPath};

use super::made::{write_path, write_tensors};

type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Three fast weights in two tensors, changed by `change`, read.
fn read(change: impl FnOnce(&mut Tensors)) -> Result<WeightPath, PlaneError> {
    let mut tensors: Tensors = (0..3)
        .flat_map(|update| {
            let value = update as f32;
            [
                (format!("fast.{update:03}/a"), vec![2], vec![value, value * value]),
                (format!("fast.{update:03}/b"), vec![1, 1], vec![1.0]),
            ]
        })
        .collect();
    change(&mut tensors);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("path.safetensors");
    write_tensors(&file, &tensors);
    WeightPath::read(&file)
}

fn message(result: Result<WeightPath, PlaneError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn updates_are_sorted_as_numbers() {
    let path = read(|tensors| tensors.push(("fast.0010/a".to_owned(), vec![2], vec![0.5, 0.5])));
    let error = message(path);
    assert!(error.contains("fast.10 does not hold tensor \"b\" as F32 [1, 1]"), "{error}");

    let path = read(|tensors| {
        for update in [12, 9] {
            tensors.push((format!("slow.{update}/a"), vec![2], vec![0.5, 0.5]));
            tensors.push((format!("slow.{update}/b"), vec![1, 1], vec![0.5]));
        }
    })
    .unwrap();
    assert_eq!(path.fast_updates().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(path.slow_updates().collect::<Vec<_>>(), [9, 12]);
    assert_eq!(path.dimension(), 3);
}

#[test]
fn odd_tensors_are_named() {
    for name in ["fast/a", "fast.x/a", "quick.1/a", "fast.1"] {
        let error = message(read(|tensors| tensors[0].0 = name.to_owned()));
        assert!(error.contains(&format!("tensor {name:?} has no place on a path")), "{error}");
    }
    let error = message(read(|tensors| tensors[2].1 = vec![2, 1]));
    assert!(error.contains("fast.1 does not hold tensor \"a\" as F32 [2]"), "{error}");
    let error = message(read(|tensors| tensors.push(("fast.1/c".to_owned(), vec![1], vec![0.0]))));
    assert!(error.contains("\"fast.1/c\""), "{error}");
    for odd in [f32::NAN, f32::INFINITY] {
        let error = message(read(|tensors| tensors[4].2[1] = odd));
        assert!(error.contains("\"fast.2/a\" holds a weight that is not finite"), "{error}");
    }
}

#[test]
fn odd_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("path.safetensors");
    assert!(matches!(WeightPath::read(&file), Err(PlaneError::Read { path, .. }) if path == file));
    fs::write(&file, "no tensors").unwrap();
    assert!(matches!(WeightPath::read(&file), Err(PlaneError::Malformed { path, .. }) if path == file));
    write_tensors(&file, &[]);
    assert!(matches!(WeightPath::read(&file), Err(PlaneError::TooFewPoints { found: 0 })));
}

#[test]
fn three_points_that_define_no_plane_are_refused() {
    let through = |points: &[(&str, [f32; 4])]| -> Result<(), PlaneError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("path.safetensors");
        write_path(&file, points);
        Plane::through(&WeightPath::read(&file)?).map(|_| ())
    };
    let [a, b, c] = [[1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0]];
    let two = through(&[("fast.0", a), ("fast.4", b), ("slow.4", c)]);
    assert!(matches!(two, Err(PlaneError::TooFewPoints { found: 2 })));
    for [first, middle, last] in [[a, b, c], [a, a, b], [a, b, b], [a, b, a], [a, a, a]] {
        let refused = through(&[("fast.0", first), ("fast.5", middle), ("fast.9", last)]);
        assert!(matches!(refused, Err(PlaneError::Collinear { updates: [0, 5, 9] })), "{first:?} {middle:?} {last:?}");
    }
}

/// The plane speaks the names of a real network, whose batch-norm statistics are no part of the geometry.
#[test]
fn weights_of_the_plane_fit_the_network() {
    let config = "[model]\nname = \"cnn\"\nchannels = [4]\nbatch_norm = true\n\n\
                  [optimizer]\nname = \"sgd\"\n\n[schedule]\nlearning_rate = 0.1\n";
    let config = RunConfig::parse(config, "run.toml").unwrap();
    let image = ImageShape { channels: 1, height: 8, width: 8 };
    let ModelConfig::Network(model) = &config.model else { panic!("not a network for images") };
    let network = |seed| Network::new(model, image, 3, seed, &Device::flex().autodiff());
    let all = named_weights(&network(0)).unwrap().len();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("path.safetensors");
    let mut tensors = Tensors::new();
    for update in 0..3 {
        for (name, data) in named_weights(&network(update)).unwrap() {
            let values = data.as_slice::<f32>().unwrap().to_vec();
            tensors.push((format!("fast.{update:03}/{name}"), data.shape().to_vec(), values));
        }
    }
    write_tensors(&file, &tensors);
    let path = WeightPath::read(&file).unwrap();
    let statistics: usize =
        tensors.iter().filter(|(name, ..)| name.contains("running_")).map(|(.., values)| values.len()).sum();
    let values: usize = tensors.iter().map(|(.., values)| values.len()).sum();
    assert_eq!((path.dimension(), statistics), ((values - statistics) / 3, 3 * 2 * 4));

    let plane = Plane::through(&path).unwrap();
    let weights = plane.weights(0.0, 0.0);
    assert_eq!(weights.len(), all);
    let origin = load_weights(network(7), weights).unwrap();
    assert_eq!(named_weights(&origin).unwrap(), named_weights(&network(0)).unwrap());
    let [x, y, distance] = plane.fast()[1];
    assert!(distance < 1e-5);
    let middle = named_weights(&load_weights(network(7), plane.weights(x, y)).unwrap()).unwrap();
    for (name, expected) in named_weights(&network(1)).unwrap() {
        let (found, expected) = (middle[&name].as_slice::<f32>().unwrap(), expected.as_slice::<f32>().unwrap());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{name}");
    }
}
