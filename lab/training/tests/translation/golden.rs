//! Scores, losses and gradients on the weights of a formula, against PyTorch's layers (`testdata/models/transformer.py`).

use burn::module::Module;
use burn::tensor::Device;
use lookahead_models::{Dropout, Transformer, cross_entropy};

use super::formula::{assert_near, golden, gradients, numbers, values, with_formula};
use super::{ToF64, small, sources, targets};

const VOCABULARY: usize = 11;
const SOURCES: [&[u32]; 2] = [&[5, 6, 7], &[8, 4, 9, 10, 3]];
const TARGETS: [&[u32]; 2] = [&[9, 5], &[10, 4, 6, 3]];
/// What is to be predicted, ends (2) and padding (0) included.
const EXPECTED: [u32; 10] = [9, 5, 2, 0, 0, 10, 4, 6, 3, 2];

/// f32 on the CPU is computed by the operations written by hand, f64 by tensor operations.
#[track_caller]
fn agrees(convert: impl Fn(Transformer) -> Transformer, tolerance: f64) {
    let golden = golden("transformer.toml");
    let device = Device::flex().autodiff();
    let model = convert(with_formula(Transformer::new(&small(8, 12), VOCABULARY, 0, &device)));
    let (source, target) = (sources(&SOURCES, &device), targets(&TARGETS, &device));
    // The masks of a model in evaluation are none, so PyTorch's layers without dropout are what it computes.
    let scores = model.forward(&source, &target, &mut Dropout::evaluation());
    let first = scores.clone().slice([0..1, 0..TARGETS[0].len() + 1]);
    assert_near(&values(first), &numbers(&golden["scores_1"]), tolerance, "scores of the first sentence");
    let second = scores.clone().narrow(0, 1, 1);
    assert_near(&values(second), &numbers(&golden["scores_2"]), tolerance, "scores of the second sentence");

    let loss = |smoothing| cross_entropy(scores.clone().flatten(0, 1), &EXPECTED, smoothing, Some(0));
    assert_near(&values(loss(0.0)), &numbers(&golden["loss"]), tolerance, "loss");
    assert_near(&values(loss(0.1)), &numbers(&golden["smoothed_loss"]), tolerance, "smoothed loss");

    let found = gradients(&loss(0.1), &model);
    let expected = golden["gradients"].as_table().unwrap();
    assert!(found.keys().eq(expected.keys()), "{:?}", found.keys());
    for (name, gradient) in expected {
        assert_near(&found[name], &numbers(gradient), tolerance, name);
    }
}

#[test]
fn the_operations_written_by_hand_are_pytorch_s() {
    agrees(|model| model, 5e-6);
}

#[test]
fn tensor_operations_are_pytorch_s() {
    agrees(|model| model.map(&mut ToF64), 1e-8);
}
