//! Scores, states, losses and gradients on the weights of a formula, against PyTorch's LSTM (`testdata/models/awd_lstm.py`).

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_models::{AwdLstm, Dropout, LstmState, cross_entropy};
use lookahead_training::task::Memory;

use super::formula::{assert_near, golden, gradients, numbers, values, with_formula};
use super::{ToF64, awd_lstm, run};

const VOCABULARY: usize = 7;
const FIRST: [[i64; 2]; 3] = [[1, 2], [3, 4], [5, 6]];
const SECOND: [[i64; 2]; 4] = [[0, 3], [2, 2], [6, 1], [4, 5]];
const NEXT: [u32; 8] = [2, 2, 6, 1, 4, 5, 3, 0];

/// f32 on the CPU is computed by the operation written by hand, f64 by tensor operations.
#[track_caller]
fn agrees(convert: impl Fn(AwdLstm) -> AwdLstm, tolerance: f64) {
    let golden = golden("awd_lstm.toml");
    let device = Device::flex().autodiff();
    let config = run("", "");
    let mut config = awd_lstm(&config).clone();
    (config.layers, config.hidden, config.embedding) =
        (3.try_into().unwrap(), 5.try_into().unwrap(), 4.try_into().unwrap());
    let model = convert(with_formula(AwdLstm::new(&config, VOCABULARY, 0, &device)));
    let words = |words: &[[i64; 2]]| {
        let shape = [words.len(), 2];
        Tensor::<2, Int>::from_data(TensorData::new(words.concat(), shape), &device)
    };

    // Without dropout, as in evaluation.
    let mut none = Dropout::evaluation();
    let first = model.forward(words(&FIRST), &LstmState::default(), &mut none);
    assert_near(&values(first.scores), &numbers(&golden["first_scores"]), tolerance, "scores of the first words");
    let second = model.forward(words(&SECOND), &first.state, &mut none);
    assert_near(&values(second.scores.clone()), &numbers(&golden["second_scores"]), tolerance, "scores of the second");
    let state = second.state.to_tensors().unwrap();
    for (name, expected) in golden["state"].as_table().unwrap() {
        assert_near(&state[name].iter::<f64>().collect::<Vec<_>>(), &numbers(expected), tolerance, name);
    }

    let loss = cross_entropy(second.scores, &NEXT, 0.0, None);
    assert_near(&values(loss.clone()), &numbers(&golden["cross_entropy"]), tolerance, "cross-entropy");
    let change = second.raw.clone().narrow(0, 1, 3) - second.raw.clone().narrow(0, 0, 3);
    let loss = loss + second.dropped.square().mean() * 2.0 + change.square().mean();
    assert_near(&values(loss.clone()), &numbers(&golden["loss"]), tolerance, "loss");
    let found = gradients(&loss, &model);
    let expected = golden["gradients"].as_table().unwrap();
    assert!(found.keys().eq(expected.keys()), "{:?}", found.keys());
    for (name, gradient) in expected {
        assert_near(&found[name], &numbers(gradient), tolerance, name);
    }
}

#[test]
fn the_operation_written_by_hand_is_pytorch_s() {
    agrees(|model| model, 2e-6);
}

#[test]
fn tensor_operations_are_pytorch_s() {
    agrees(|model| model.map(&mut ToF64), 1e-8);
}
