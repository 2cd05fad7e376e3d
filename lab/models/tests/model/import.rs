//! What is told of weights that do not fit, and what is read in spite of more or less in the file.

use std::collections::BTreeMap;
use std::path::Path;

use lookahead_models::{ImportError, Network, import_weights, named_weights, pytorch_name};
use safetensors::tensor::{Dtype, TensorView};

use super::golden::{formula, pytorch_shapes, write};
use super::{CIFAR, cifar, network};

type Shapes = BTreeMap<String, Vec<usize>>;
type Tensors = BTreeMap<String, Vec<u8>>;

/// What comes of a file that would fit before `change`, with the file's name.
fn import(change: impl FnOnce(&mut Shapes, &mut Tensors)) -> (String, Result<Network, ImportError>) {
    let network = network(&cifar(8, 2), CIFAR, 10);
    let mut shapes = pytorch_shapes(&network);
    let (mut tensors, _) = formula(&shapes);
    change(&mut shapes, &mut tensors);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    write(&path, &shapes, &tensors);
    (path.display().to_string(), import_weights(network, &path))
}

#[track_caller]
fn assert_refused(change: impl FnOnce(&mut Shapes, &mut Tensors), expected: &str) {
    let (path, imported) = import(change);
    assert_eq!(imported.unwrap_err().to_string(), format!("{path}: {expected}"));
}

#[test]
fn names_are_torchvision_s() {
    let shapes = pytorch_shapes(&network(&cifar(8, 2), CIFAR, 10));
    let names: Vec<&str> = shapes.keys().map(String::as_str).collect();
    let first =
        ["bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.weight", "conv1.weight", "fc.bias", "fc.weight"];
    assert_eq!(names[..7], first);
    assert_eq!(names[7], "layer1.0.bn1.bias");
    assert_eq!(names.last(), Some(&"layer3.0.conv2.weight"));
    assert_eq!(pytorch_name("ResNet.stages.3.1.projection.convolution.weight"), "layer4.1.downsample.0.weight");
    assert_eq!(pytorch_name("Cnn.blocks.0.norm.running_var"), "blocks.0.norm.running_var");
}

#[test]
fn every_value_arrives_and_linear_weights_are_transposed() {
    let (_, imported) = import(|_, _| {});
    let weights = named_weights(&imported.unwrap()).unwrap();
    let (tensors, _) = formula(&pytorch_shapes(&network(&cifar(8, 2), CIFAR, 10)));
    for (path, data) in weights {
        let bytes = &tensors[&pytorch_name(&path)];
        let theirs: Vec<f32> = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
        let shape = data.shape().to_vec();
        let ours: Vec<f32> = data.try_to_vec().unwrap();
        match shape[..] {
            [rows, columns] => {
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    assert_eq!(ours[row * columns + column], theirs[column * rows + row], "{path}");
                }
            }
            _ => assert_eq!(ours, theirs, "{path}"),
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    assert_refused(
        |_, tensors| drop(tensors.remove("layer2.0.bn1.running_var")),
        "tensor \"layer2.0.bn1.running_var\" is missing; the network needs it, of shape [4]",
    );
    assert_refused(
        |shapes, tensors| {
            shapes.insert("layer4.0.conv1.weight".to_owned(), vec![1]);
            tensors.insert("layer4.0.conv1.weight".to_owned(), vec![0; 4]);
        },
        "the network has no tensor \"layer4.0.conv1.weight\"",
    );
    assert_refused(
        |shapes, _| drop(shapes.insert("fc.weight".to_owned(), vec![8, 10])),
        "tensor \"fc.weight\" has the shape [8, 10], but must have [10, 8]",
    );
}

#[test]
fn the_counter_of_batches_is_passed_over() {
    let (_, imported) = import(|shapes, tensors| {
        shapes.insert("bn1.num_batches_tracked".to_owned(), vec![]);
        tensors.insert("bn1.num_batches_tracked".to_owned(), vec![0; 4]);
    });
    assert!(imported.is_ok(), "{:?}", imported.err());
}

#[test]
fn another_type_is_refused() {
    let network = network(&cifar(8, 2), CIFAR, 10);
    let (shapes, folder) = (pytorch_shapes(&network), tempfile::tempdir().unwrap());
    let path = folder.path().join("half.safetensors");
    let zeros = [0; 1 << 12];
    let views = shapes.iter().map(|(name, shape)| {
        let bytes = &zeros[..2 * shape.iter().product::<usize>()];
        (name, TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, &path).unwrap();
    let error = import_weights(network, &path).unwrap_err().to_string();
    let expected = "tensor \"conv1.weight\" is of type F16, but must be of type F32";
    assert_eq!(error, format!("{}: {expected}", path.display()));
}

#[test]
fn a_file_that_is_not_there_or_not_safetensors_is_told() {
    let import = |path: &Path| import_weights(network(&cifar(8, 2), CIFAR, 10), path).unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    assert!(matches!(import(&path), ImportError::Io { .. }));
    for damaged in [&b""[..], b"PK\x03\x04", &[255; 64]] {
        std::fs::write(&path, damaged).unwrap();
        let error = import(&path);
        assert_eq!(error.to_string(), format!("{}: not a safetensors file", path.display()));
    }
}
