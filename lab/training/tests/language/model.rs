//! The AWD-LSTM's size, its dropouts, and that its two ways of computing are one.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_models::config::AwdLstmConfig;
use lookahead_models::{AwdLstm, Dropout, LstmState, Output, named_weights};
use lookahead_runs::random::stream;
use lookahead_training::task::Memory;

use super::formula::{assert_near, gradients, values};
use super::{ToF64, awd_lstm, run};

const VOCABULARY: usize = 50;

fn words(steps: usize, batch: usize, device: &Device) -> Tensor<2, Int> {
    let words: Vec<i64> = (0..(steps * batch) as i64).map(|i| i * i % VOCABULARY as i64).collect();
    Tensor::from_data(TensorData::new(words, [steps, batch]), device)
}

fn config(keys: &str) -> AwdLstmConfig {
    awd_lstm(&run(keys, "")).clone()
}

fn model(keys: &str, device: &Device) -> AwdLstm {
    AwdLstm::new(&config(keys), VOCABULARY, 3, device)
}

/// In training, with the masks of step 5.
fn trained(model: &AwdLstm, words: Tensor<2, Int>) -> Output {
    model.forward(words, &LstmState::default(), &mut Dropout::training(&mut stream(1, "dropout", 5)))
}

#[test]
fn the_model_of_the_paper_has_24_million_parameters() {
    let mut config = config("");
    (config.layers, config.hidden, config.embedding) =
        (3.try_into().unwrap(), 1150.try_into().unwrap(), 400.try_into().unwrap());
    let model = AwdLstm::new(&config, 10_000, 0, &Device::flex());
    let layer = |incoming: usize, width: usize| 4 * width * (incoming + width + 2);
    let layers = layer(400, 1150) + layer(1150, 1150) + layer(1150, 400);
    assert_eq!(model.parameters(), 10_000 * 400 + 10_000 + layers);
    assert_eq!(model.parameters(), 24_221_600);
}

#[test]
fn initial_weights_fill_their_bounds_and_depend_on_the_seed_alone() {
    let device = Device::flex();
    let weights = named_weights(&model("", &device)).unwrap();
    assert_eq!(weights, named_weights(&model("", &device)).unwrap());
    let other = AwdLstm::new(&config(""), VOCABULARY, 4, &device);
    assert_ne!(weights["embedding"], named_weights(&other).unwrap()["embedding"]);
    // Layer 0 has 8 units, layer 1 as many as the embedding is wide.
    let bounds = BTreeMap::from([
        ("embedding", 0.1),
        ("layers.0.recurrent", 8_f64.powf(-0.5)),
        ("layers.1.input", 6_f64.powf(-0.5)),
    ]);
    for (name, bound) in bounds {
        let largest = weights[name].iter::<f64>().fold(0.0, |most: f64, x| most.max(x.abs()));
        assert!(largest <= bound * (1.0 + 1e-6) && largest > 0.9 * bound, "{name}: {largest}");
    }
    assert!(weights["bias"].iter::<f32>().all(|bias| bias == 0.0));
}

#[test]
fn with_every_dropout_both_ways_of_computing_agree() {
    let device = Device::flex().autodiff();
    let single = model("", &device);
    let double = single.clone().map(&mut ToF64);
    let loss = |output: &Output| output.scores.clone().square().mean() + output.dropped.clone().mean();
    let (ours, expected) = (trained(&single, words(6, 5, &device)), trained(&double, words(6, 5, &device)));
    assert_near(&values(ours.scores.clone()), &values(expected.scores.clone()), 1e-5, "scores");
    let (ours, expected) = (gradients(&loss(&ours), &single), gradients(&loss(&expected), &double));
    assert!(ours.keys().eq(expected.keys()));
    for (name, gradient) in &expected {
        assert_near(&ours[name], gradient, 1e-5, name);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let wide = || {
        let device = Device::flex().autodiff();
        let mut config = config("");
        (config.hidden, config.embedding) = (200.try_into().unwrap(), 100.try_into().unwrap());
        let model = AwdLstm::new(&config, VOCABULARY, 3, &device);
        let output = trained(&model, words(9, 37, &device));
        (values(output.scores.clone()), gradients(&output.scores.square().mean(), &model))
    };
    let in_pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(wide);
    let one = in_pool(1);
    for threads in [2, 3] {
        assert!(in_pool(threads) == one, "{threads} threads");
    }
}

#[test]
fn a_text_in_two_pieces_is_the_text() {
    let device = Device::flex();
    let model = model("", &device);
    let all = words(7, 2, &device);
    let forward = |words, state: &LstmState| model.forward(words, state, &mut Dropout::evaluation());
    let whole = forward(all.clone(), &LstmState::default());
    let first = forward(all.clone().narrow(0, 0, 3), &LstmState::default());
    // As it is saved and read again.
    let state = LstmState::from_tensors(first.state.to_tensors().unwrap(), &device).unwrap();
    let second = forward(all.narrow(0, 3, 4), &state);
    let pieces = [values(first.scores), values(second.scores)].concat();
    assert_near(&pieces, &values(whole.scores), 1e-6, "scores");
    assert_eq!(second.state.to_tensors().unwrap().len(), 4);
}

#[test]
fn states_that_do_not_fit_are_refused_by_name() {
    let device = Device::flex();
    let state = trained(&model("", &device), words(2, 3, &device)).state.to_tensors().unwrap();
    let refused = |change: &dyn Fn(&mut BTreeMap<String, TensorData>)| {
        let mut tensors = state.clone();
        change(&mut tensors);
        LstmState::from_tensors(tensors, &device).unwrap_err().to_string()
    };
    let missing = refused(&|tensors| drop(tensors.remove("layer.1.c")));
    assert!(missing.contains("layer.1.c"), "{missing}");
    let narrow = TensorData::new(vec![0.0_f32; 6], [3, 2]);
    let narrow = refused(&|tensors| drop(tensors.insert("layer.0.c".into(), narrow.clone())));
    assert!(narrow.contains("layer.0.c"), "{narrow}");
}

/// Which of its numbers are 0.
fn zeros<const D: usize>(tensor: Tensor<D>) -> Vec<bool> {
    values(tensor).into_iter().map(|x| x == 0.0).collect()
}

#[test]
fn output_dropout_is_alike_for_all_steps_and_unlike_for_rows() {
    let device = Device::flex();
    let dropped = trained(&model("output_dropout = 0.5", &device), words(4, 3, &device)).dropped;
    let zeros = zeros(dropped);
    let steps: Vec<&[bool]> = zeros.chunks(3 * 6).collect();
    assert!(steps.iter().all(|step| *step == steps[0]));
    assert!(steps[0][..6] != steps[0][6..12]);
    let share = steps[0].iter().filter(|zero| **zero).count();
    assert!((3..=15).contains(&share), "{share} of 18");
}

#[test]
fn each_dropout_changes_the_scores_in_training_alone() {
    let device = Device::flex();
    const NONE: &str =
        "weight_drop = 0, hidden_dropout = 0, input_dropout = 0, output_dropout = 0, embedding_dropout = 0";
    let evaluated = |keys: &str| {
        model(keys, &device).forward(words(5, 4, &device), &LstmState::default(), &mut Dropout::evaluation())
    };
    let plain = values(evaluated(NONE).scores);
    assert_eq!(values(trained(&model(NONE, &device), words(5, 4, &device)).scores), plain);
    for name in ["weight_drop", "hidden_dropout", "input_dropout", "output_dropout", "embedding_dropout"] {
        let keys = NONE.replace(&format!("{name} = 0"), &format!("{name} = 0.5"));
        assert_eq!(values(evaluated(&keys).scores), plain, "{name}");
        let scores = |keys: &str| values(trained(&model(keys, &device), words(5, 4, &device)).scores);
        assert_ne!(scores(&keys), plain, "{name}");
        assert_eq!(scores(&keys), scores(&keys), "{name}");
    }
}

#[test]
fn a_dropped_word_is_dropped_wherever_it_occurs() {
    let device = Device::flex();
    let keys = "weight_drop = 0, hidden_dropout = 0, input_dropout = 0, output_dropout = 0, embedding_dropout = 0.5";
    let model = model(keys, &device);
    let raw_of = |word: i64| {
        let words = Tensor::<2, Int>::from_data([[word, word], [word, word]], &device);
        values(trained(&model, words).raw)
    };
    let raws: Vec<Vec<f64>> = (0..20).map(raw_of).collect();
    // No column differs from the other, and all dropped words, zeros now, are alike.
    assert!(raws.iter().all(|raw| raw[..6] == raw[6..12]));
    let alike = |raw: &Vec<f64>| raws.iter().filter(|other| *other == raw).count();
    let dropped = raws.iter().map(alike).max().unwrap();
    assert!((4..=16).contains(&dropped), "{dropped} of 20");
}
