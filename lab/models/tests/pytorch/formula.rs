//! Weights made by the formula of `testdata/models/README.md`, and what is compared with PyTorch on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use lookahead_models::{load_weights, named_weights};
use toml::{Table, Value};

/// Number `index` of the formula.
fn uniform(index: u32) -> f64 {
    let h = index.wrapping_add(1).wrapping_mul(0x9E37_79B1);
    let h = (h ^ h >> 15).wrapping_mul(0x85EB_CA77);
    f64::from(h ^ h >> 13) / f64::from(1_u32 << 31) - 1.0
}

/// The model with all its weights by the formula: gains are 1 + u / 2, other vectors u / 4, matrices u sqrt(3 / rows).
pub fn with_formula<M: Module>(model: M) -> M {
    let mut index = 0..;
    let mut weights = named_weights(&model).unwrap();
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

/// The gradient of a loss by each weight of a model.
pub fn gradients<M: Module>(loss: &Tensor<1>, model: &M) -> BTreeMap<String, Vec<f64>> {
    let gradients = GradientsParams::from_grads(loss.backward(), model);
    let mut visitor = Gradients { names: Vec::new(), gradients, found: BTreeMap::new() };
    model.visit(&mut visitor);
    visitor.found
}

struct Gradients {
    names: Vec<String>,
    gradients: GradientsParams,
    found: BTreeMap<String, Vec<f64>>,
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

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter().collect()
}

/// A file of `testdata/models`.
pub fn golden(name: &str) -> Table {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models").join(name);
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let one = |number: &Value| number.as_float().unwrap();
    value.as_array().map_or_else(|| vec![one(value)], |numbers| numbers.iter().map(one).collect())
}

/// The largest difference is at most `tolerance` times the largest number that is expected.
#[track_caller]
pub fn assert_near(ours: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let worst = ours.iter().zip(expected).map(|(ours, expected)| (ours - expected).abs()).fold(0.0, f64::max);
    assert!(worst <= tolerance * largest, "{what}: off by {worst:e}, the largest being {largest:e}");
}
