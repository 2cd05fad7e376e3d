//! Translation: the Transformer, the search and the task.

mod golden;
mod model;
mod search;

use std::num::NonZeroU32;

use burn::tensor::{Device, Tensor};
use lookahead_lab::config::TransformerConfig;
use lookahead_lab::model::Sequences;

/// A model of two layers with two heads.
pub fn small(width: u32, feed_forward: u32) -> TransformerConfig {
    let count = |count| NonZeroU32::new(count).unwrap();
    TransformerConfig {
        layers: count(2),
        width: count(width),
        heads: count(2),
        feed_forward: count(feed_forward),
        dropout: 0.1,
        label_smoothing: 0.1,
    }
}

pub fn sources<S: AsRef<[u32]>>(sentences: &[S], device: &Device) -> Sequences {
    Sequences::sources(sentences.iter().map(AsRef::as_ref), device)
}

pub fn targets<S: AsRef<[u32]>>(sentences: &[S], device: &Device) -> Sequences {
    Sequences::targets(sentences.iter().map(AsRef::as_ref), device)
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

#[track_caller]
pub fn assert_near(ours: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let differences = ours.iter().zip(expected).map(|(&ours, expected)| (f64::from(ours) - expected).abs());
    let worst = differences.fold(0.0, f64::max);
    assert!(worst <= tolerance * largest, "{what}: off by {worst:e}, the largest being {largest:e}");
}
