//! Scores, losses and gradients on the weights of a formula, against PyTorch's layers (`testdata/models/transformer.py`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use lookahead_lab::model::{Dropout, Transformer, cross_entropy, load_weights, named_weights};
use toml::{Table, Value};

use super::{assert_near, small, sources, targets, values};

const VOCABULARY: usize = 11;
const SOURCES: [&[u32]; 2] = [&[5, 6, 7], &[8, 4, 9, 10, 3]];
const TARGETS: [&[u32]; 2] = [&[9, 5], &[10, 4, 6, 3]];
/// What is to be predicted, ends (2) and padding (0) included.
const EXPECTED: [u32; 10] = [9, 5, 2, 0, 0, 10, 4, 6, 3, 2];

/// Number `index` of the formula.
fn uniform(index: u32) -> f64 {
    let h = index.wrapping_add(1).wrapping_mul(0x9E37_79B1);
    let h = (h ^ h >> 15).wrapping_mul(0x85EB_CA77);
    f64::from(h ^ h >> 13) / f64::from(1_u32 << 31) - 1.0
}

fn with_formula(model: Transformer) -> Transformer {
    let mut index = 0..;
    let mut weights = named_weights(&model);
    for (name, data) in &mut weights {
        let shape = data.shape().to_vec();
        let mut value = || {
            let u = uniform(index.next().unwrap());
            let value = match shape[..] {
                [_] if name.ends_with("gamma") => 1.0 + u / 2.0,
                [_] => u / 4.0,
                _ => u * (3.0 / shape[0] as f64).sqrt(),
            };
            value as f32
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| value()).collect();
        *data = TensorData::new(values, shape);
    }
    load_weights(model, weights).unwrap()
}

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
            self.found.insert(self.names.join("."), values(gradient));
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_float().unwrap()).collect()
}

#[test]
fn scores_losses_and_gradients_are_pytorch_s() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/transformer.toml");
    let golden: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let device = Device::flex().autodiff();
    let model = with_formula(Transformer::new(&small(8, 12), VOCABULARY, 0, &device));
    let (source, target) = (sources(&SOURCES, &device), targets(&TARGETS, &device));
    // The masks of a model in evaluation are none, so PyTorch's layers without dropout are what it computes.
    let scores = model.forward(&source, &target, &mut Dropout::evaluation());
    let first = scores.clone().slice([0..1, 0..TARGETS[0].len() + 1]);
    assert_near(&values(first), &numbers(&golden["scores_1"]), 1e-5, "scores of the first sentence");
    let second = scores.clone().slice([1..2]);
    assert_near(&values(second), &numbers(&golden["scores_2"]), 1e-5, "scores of the second sentence");

    let loss = |smoothing| cross_entropy(scores.clone().flatten(0, 1), &EXPECTED, smoothing, Some(0));
    assert_near(&values(loss(0.0)), &[golden["loss"].as_float().unwrap()], 1e-5, "loss");
    assert_near(&values(loss(0.1)), &[golden["smoothed_loss"].as_float().unwrap()], 1e-5, "smoothed loss");

    let gradients = GradientsParams::from_grads(loss(0.1).backward(), &model);
    let mut visitor = Gradients { names: Vec::new(), gradients, found: BTreeMap::new() };
    model.visit(&mut visitor);
    let golden = golden["gradients"].as_table().unwrap();
    assert!(visitor.found.keys().eq(golden.keys()), "{:?}", visitor.found.keys());
    for (name, gradient) in golden {
        assert_near(&visitor.found[name], &numbers(gradient), 2e-5, name);
    }
}
