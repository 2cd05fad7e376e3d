//! What the Transformer's scores depend on, and how many parameters it has.

use std::num::NonZeroU32;

use burn::module::Module;
use burn::tensor::Device;
use lookahead_models::config::TransformerConfig;
use lookahead_models::{Dropout, Sequences, Transformer, named_weights};
use lookahead_runs::random::stream;

use super::formula::{assert_near, gradients, values};
use super::{ToF64, small, sources, targets};

const VOCABULARY: usize = 13;

/// The scores of a small model in evaluation.
fn scores(sources: &Sequences, targets: &Sequences) -> Vec<f64> {
    let model = Transformer::new(&small(8, 16), VOCABULARY, 3, &Device::flex());
    values(model.forward(sources, targets, &mut Dropout::evaluation()))
}

#[test]
fn the_base_model_has_63_million_parameters() {
    let count = |count| NonZeroU32::new(count).unwrap();
    let base = TransformerConfig {
        layers: count(6),
        width: count(512),
        heads: count(8),
        feed_forward: count(2048),
        dropout: 0.1,
        label_smoothing: 0.1,
    };
    let model = Transformer::new(&base, 37_000, 0, &Device::flex());
    let linear = |inputs: usize, outputs: usize| inputs * outputs + outputs;
    let (attention, norm) = (4 * linear(512, 512), 2 * 512);
    let feed_forward = linear(512, 2048) + linear(2048, 512);
    let encoder = attention + feed_forward + 2 * norm;
    let decoder = 2 * attention + feed_forward + 3 * norm;
    assert_eq!(model.parameters(), 37_000 * 512 + 6 * (encoder + decoder));
    assert_eq!(model.parameters(), 63_082_496);
}

#[test]
fn later_targets_change_nothing_before_them() {
    let device = Device::flex();
    let source = sources(&[&[4_u32, 5, 6][..]], &device);
    let one = scores(&source, &targets(&[&[7_u32, 8, 9][..]], &device));
    let other = scores(&source, &targets(&[&[7_u32, 10, 11][..]], &device));
    // Behind the beginning and the first subword, that is at two positions.
    assert_near(&one[..2 * VOCABULARY], &other[..2 * VOCABULARY], 1e-6, "scores");
    assert!(one[2 * VOCABULARY..3 * VOCABULARY] != other[2 * VOCABULARY..3 * VOCABULARY]);
}

#[test]
fn a_longer_sentence_beside_it_changes_nothing() {
    let device = Device::flex();
    let (source, target) = ([4_u32, 5, 6], [7_u32, 8]);
    let alone = scores(&sources(&[source], &device), &targets(&[target], &device));
    let beside_sources = sources(&[&source[..], &[9, 10, 11, 12, 4, 5]], &device);
    let beside = scores(&beside_sources, &targets(&[&target[..], &[4, 5, 6, 7]], &device));
    assert_near(&beside[..3 * VOCABULARY], &alone, 1e-6, "scores");
}

#[test]
fn source_and_target_order_matter() {
    let device = Device::flex();
    let target = targets(&[[7_u32, 8]], &device);
    let one = scores(&sources(&[[4_u32, 5]], &device), &target);
    assert_ne!(one, scores(&sources(&[[5_u32, 4]], &device), &target));
}

#[test]
fn the_initial_weights_depend_on_the_seed_alone() {
    let weights = |seed| named_weights(&Transformer::new(&small(8, 16), VOCABULARY, seed, &Device::flex())).unwrap();
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
    let embedding: Vec<f32> = weights(1)["embedding"].iter().collect();
    let squares = embedding.iter().map(|x| x * x).sum::<f32>() / embedding.len() as f32;
    assert!((squares - 1.0 / 8.0).abs() < 0.04, "{squares}");
    let bound = (6.0_f32 / 16.0).sqrt();
    let attention: Vec<f32> = weights(1)["encoder.0.attention.key_value.weight"].iter().collect();
    assert!(attention.iter().all(|x| x.abs() <= bound) && attention.iter().any(|x| x.abs() > 0.9 * bound));
}

#[test]
fn dropout_is_of_training_and_of_its_generator_alone() {
    let device = Device::flex().autodiff();
    let model = Transformer::new(&small(8, 16), VOCABULARY, 3, &device);
    let (source, target) = (sources(&[[4_u32, 5]], &device), targets(&[[7_u32, 8]], &device));
    let scores = |dropout: &mut Dropout<'_>| values(model.forward(&source, &target, dropout));
    let training = |step| scores(&mut Dropout::training(&mut stream(0, "dropout", step)));
    assert_eq!(training(0), training(0));
    assert_ne!(training(0), training(1));
    assert_ne!(training(0), scores(&mut Dropout::evaluation()));
    let valid = model.valid();
    let plain = Device::flex();
    let (source, target) = (sources(&[[4_u32, 5]], &plain), targets(&[[7_u32, 8]], &plain));
    let evaluated = values(valid.forward(&source, &target, &mut Dropout::evaluation()));
    assert_near(&evaluated, &scores(&mut Dropout::evaluation()), 1e-6, "scores");
}

/// Sentences of many lengths, those of the targets other than those of the sources.
fn sentences(count: u32) -> [Vec<Vec<u32>>; 2] {
    let sentence = |i: u32, length: u32| (0..length).map(|j| 4 + (i * i + 3 * j) % 9).collect();
    [(0..count).map(|i| sentence(i, 1 + i % 5)).collect(), (0..count).map(|i| sentence(i + 1, 1 + i * 2 % 7)).collect()]
}

#[test]
fn with_dropout_both_ways_of_computing_agree() {
    let device = Device::flex().autodiff();
    let single = Transformer::new(&small(8, 16), VOCABULARY, 3, &device);
    let double = single.clone().map(&mut ToF64);
    let [source, target] = sentences(7);
    let scores = |model: &Transformer| {
        let dropout = &mut stream(1, "dropout", 5);
        model.forward(&sources(&source, &device), &targets(&target, &device), &mut Dropout::training(dropout))
    };
    let (ours, expected) = (scores(&single), scores(&double));
    assert_near(&values(ours.clone()), &values(expected.clone()), 1e-5, "scores");
    let (ours, expected) = (gradients(&ours.square().mean(), &single), gradients(&expected.square().mean(), &double));
    assert!(ours.keys().eq(expected.keys()));
    for (name, gradient) in &expected {
        assert_near(&ours[name], gradient, 1e-5, name);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let [source, target] = sentences(60);
    let wide = || {
        let device = Device::flex().autodiff();
        let model = Transformer::new(&small(128, 512), 500, 3, &device);
        let dropout = &mut stream(1, "dropout", 5);
        let (source, target) = (sources(&source, &device), targets(&target, &device));
        let scores = model.forward(&source, &target, &mut Dropout::training(dropout));
        (values(scores.clone()), gradients(&scores.square().mean(), &model))
    };
    let in_pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(wide);
    let one = in_pool(1);
    for threads in [2, 3] {
        assert!(in_pool(threads) == one, "{threads} threads");
    }
}
