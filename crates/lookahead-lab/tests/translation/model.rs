//! What the Transformer's scores depend on, and how many parameters it has.

use std::num::NonZeroU32;

use burn::module::Module;
use burn::tensor::Device;
use lookahead_lab::config::TransformerConfig;
use lookahead_lab::model::{Dropout, Sequences, Transformer, named_weights};
use lookahead_lab::random::stream;

use super::{small, sources, targets, values};

const VOCABULARY: usize = 13;

/// The model, and its scores in evaluation.
fn scores(sources: &Sequences, targets: &Sequences) -> Vec<f32> {
    let model = Transformer::new(&small(8, 16), VOCABULARY, 3, &Device::flex());
    values(model.forward(sources, targets, &mut Dropout::evaluation()))
}

#[track_caller]
fn assert_close(ours: &[f32], expected: &[f32]) {
    let expected: Vec<f64> = expected.iter().map(|&x| x.into()).collect();
    super::assert_near(ours, &expected, 1e-6, "scores");
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
    assert_close(&one[..2 * VOCABULARY], &other[..2 * VOCABULARY]);
    assert!(one[2 * VOCABULARY..3 * VOCABULARY] != other[2 * VOCABULARY..3 * VOCABULARY]);
}

#[test]
fn a_longer_sentence_beside_it_changes_nothing() {
    let device = Device::flex();
    let (source, target) = ([4_u32, 5, 6], [7_u32, 8]);
    let alone = scores(&sources(&[source], &device), &targets(&[target], &device));
    let beside_sources = sources(&[&source[..], &[9, 10, 11, 12, 4, 5]], &device);
    let beside = scores(&beside_sources, &targets(&[&target[..], &[4, 5, 6, 7]], &device));
    assert_close(&beside[..3 * VOCABULARY], &alone);
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
    let weights = |seed| named_weights(&Transformer::new(&small(8, 16), VOCABULARY, seed, &Device::flex()));
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
    let embedding: Vec<f32> = weights(1)["embedding"].iter().collect();
    let squares = embedding.iter().map(|x| x * x).sum::<f32>() / embedding.len() as f32;
    assert!((squares - 1.0 / 8.0).abs() < 0.04, "{squares}");
    let bound = (6.0_f32 / 16.0).sqrt();
    let attention: Vec<f32> = weights(1)["encoder.0.attention.query_key_value.weight"].iter().collect();
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
    assert_eq!(evaluated, scores(&mut Dropout::evaluation()));
}
