//! Scores, gradients and running statistics on PyTorch's weights, against `testdata/models` (its README has the formula).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_data::ImageShape;
use lookahead_models::config::{NetworkConfig, StemConfig};
use lookahead_models::{Network, import_weights, named_weights, pytorch_name};
use safetensors::tensor::{Dtype, TensorView};
use toml::{Table, Value};

use super::{cifar, network, resnet18, resnet50, resnet152};

/// Number `index` of the formula.
fn uniform(index: u32) -> f64 {
    let h = index.wrapping_add(1).wrapping_mul(0x9E37_79B1);
    let h = (h ^ h >> 15).wrapping_mul(0x85EB_CA77);
    f64::from(h ^ h >> 13) / f64::from(1_u32 << 31) - 1.0
}

/// PyTorch's shape of each tensor of a network, by PyTorch's name.
pub fn pytorch_shapes(network: &Network) -> BTreeMap<String, Vec<usize>> {
    let shape = |data: TensorData| match data.shape()[..] {
        [incoming, outgoing] => vec![outgoing, incoming],
        ref other => other.to_vec(),
    };
    named_weights(network).unwrap().into_iter().map(|(path, data)| (pytorch_name(&path), shape(data))).collect()
}

/// The weights of the formula by name, as little-endian bytes, and how many numbers they are.
pub fn formula(shapes: &BTreeMap<String, Vec<usize>>) -> (BTreeMap<String, Vec<u8>>, u32) {
    let mut start = 0;
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes {
        let count = shape.iter().product::<usize>() as u32;
        let value = |u: f64| match shape.len() {
            1 if name.ends_with("running_var") => 1.0 + u / 2.0,
            1 if name.ends_with("weight") => (1.0 + u / 2.0) / 10.0,
            1 => u / 4.0,
            _ => u * (3.0 / shape[1..].iter().product::<usize>() as f64).sqrt(),
        };
        let bytes = (start..start + count).flat_map(|index| (value(uniform(index)) as f32).to_le_bytes()).collect();
        tensors.insert(name.clone(), bytes);
        start += count;
    }
    (tensors, start)
}

/// Writes a safetensors file of 32-bit floats.
pub fn write(path: &Path, shapes: &BTreeMap<String, Vec<usize>>, tensors: &BTreeMap<String, Vec<u8>>) {
    let views =
        tensors.iter().map(|(name, bytes)| (name, TensorView::new(Dtype::F32, shapes[name].clone(), bytes).unwrap()));
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// A network with the formula's weights, imported from a file, and `batch` images of the formula.
fn imported(config: &NetworkConfig, classes: usize, size: usize, batch: usize) -> (Network, Tensor<2>) {
    let image = ImageShape { channels: 3, height: size, width: size };
    let network = network(config, image, classes);
    let shapes = pytorch_shapes(&network);
    let (tensors, start) = formula(&shapes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    write(&path, &shapes, &tensors);
    let numbers = (start..).take(batch * image.pixels()).map(|index| uniform(index) as f32).collect();
    let images = TensorData::new::<f32, _>(numbers, [batch, image.pixels()]);
    (import_weights(network, &path).unwrap(), Tensor::from_data(images, &Device::flex().autodiff()))
}

fn golden(name: &str) -> Table {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models");
    std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap().parse().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_float().unwrap()).collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Ours are computed in float32, the golden ones in float64: they may differ by `tolerance` of the largest.
#[track_caller]
fn assert_near(ours: &[f32], golden: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let largest = golden.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let differences = ours.iter().zip(golden).map(|(&ours, golden)| (f64::from(ours) - golden).abs());
    let worst = differences.fold(0.0, f64::max);
    assert!(worst <= tolerance * largest, "{what}: off by {worst:e}, the largest being {largest:e}");
}

/// The gradients by PyTorch's names, in PyTorch's layout.
struct Gradients {
    names: Vec<String>,
    gradients: GradientsParams,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Gradients {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let gradient = if D == 2 { gradient.swap_dims(0, 1) } else { gradient };
            self.found.insert(pytorch_name(&self.names.join(".")), values(gradient));
        }
    }
}

/// Compares scores, loss, gradients and running statistics.
fn check(name: &str, config: &NetworkConfig, size: usize, batch: usize, [tolerance, of_gradients]: [f64; 2]) {
    const CLASSES: usize = 7;
    let golden = golden(name);
    let (network, images) = imported(config, CLASSES, size, batch);
    let before = named_weights(&network).unwrap();
    let scores = network.valid().forward(images.clone().inner());
    assert_near(&values(scores), &numbers(&golden["evaluation_scores"]), tolerance, "scores in evaluation");

    let device = images.device();
    let labels: Vec<i64> = (0..batch).map(|example| (example % CLASSES) as i64).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device);
    let scores = network.forward(images);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(scores.clone(), labels);
    assert_near(&values(scores), &numbers(&golden["training_scores"]), tolerance, "scores in training");
    assert_near(&values(loss.clone()), &[golden["training_loss"].as_float().unwrap()], tolerance, "loss");

    let gradients = GradientsParams::from_grads(loss.backward(), &network);
    let mut visitor = Gradients { names: Vec::new(), gradients, found: BTreeMap::new() };
    network.visit(&mut visitor);
    let norms = golden["gradient_norms"].as_table().unwrap();
    assert!(visitor.found.keys().eq(norms.keys().collect::<BTreeSet<_>>()), "{:?}", visitor.found);
    for (name, norm) in norms {
        let ours = visitor.found[name].iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert_near(&[ours as f32], &[norm.as_float().unwrap()], of_gradients, &format!("norm of {name}'s gradient"));
    }
    for (name, gradient) in golden["gradients"].as_table().unwrap() {
        assert_near(&visitor.found[name], &numbers(gradient), of_gradients, &format!("gradient of {name}"));
    }

    let by_name = |weights: BTreeMap<String, TensorData>| -> BTreeMap<String, Vec<f32>> {
        weights.into_iter().map(|(path, data)| (pytorch_name(&path), data.try_to_vec().unwrap())).collect()
    };
    let (before, after) = (by_name(before), by_name(named_weights(&network).unwrap()));
    for (name, running) in golden["running"].as_table().unwrap() {
        let count = running["count"].as_integer().unwrap() as f64;
        let key = format!("{name}.running_mean");
        assert_near(&after[&key], &numbers(&running["mean"]), tolerance, &key);
        // PyTorch takes in the variance with the divisor n - 1, Burn with n.
        let key = format!("{name}.running_var");
        let var = numbers(&running["var"]).into_iter().zip(&before[&key]).map(|(var, &before)| {
            let kept = 0.9 * f64::from(before);
            kept + (var - kept) * (count - 1.0) / count
        });
        assert_near(&after[&key], &var.collect::<Vec<_>>(), tolerance, &key);
    }
}

#[test]
fn resnet20_computes_what_pytorch_does() {
    check("resnet20", &cifar(20, 4), 16, 4, [1e-4; 2]);
}

#[test]
fn resnet18_computes_what_pytorch_does() {
    check("resnet18", &resnet18(3), 16, 4, [1e-4; 2]);
}

#[test]
fn resnet50_computes_what_torchvision_does() {
    check("resnet50", &resnet50(2, StemConfig::Imagenet), 64, 6, [1e-4; 2]);
}

#[test]
fn resnet152_computes_what_torchvision_does() {
    // Through 152 layers rounding grows to parts of a percent of the gradients, other ones on another instruction set.
    check("resnet152", &resnet152(2, StemConfig::Imagenet), 64, 6, [1e-4, 2e-2]);
}

#[test]
fn at_full_width_the_scores_are_pytorch_s() {
    let golden = golden("full_width");
    for (name, config, classes, size) in [
        ("resnet18", resnet18(64), 10, 32),
        ("resnet50", resnet50(64, StemConfig::Imagenet), 1000, 64),
        ("resnet152", resnet152(64, StemConfig::Imagenet), 1000, 64),
    ] {
        let (network, images) = imported(&config, classes, size, 1);
        if name == "resnet152" {
            // torchvision's table of models.
            assert_eq!(network.parameters(), 60_192_808);
        }
        let scores = network.valid().forward(images.inner());
        assert_near(&values(scores), &numbers(&golden[name]), 1e-4, name);
    }
}
