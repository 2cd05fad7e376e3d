//! Translation: the Transformer, the search and the task.

#[path = "../../../models/tests/pytorch/formula.rs"]
mod formula;
mod golden;
mod model;
mod search;
mod task;

use std::num::NonZeroU32;

use burn::module::{ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use lookahead_models::Sequences;
use lookahead_models::config::TransformerConfig;

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

/// A model in double precision, which is computed by tensor operations.
pub struct ToF64;

impl ModuleMapper for ToF64 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| Tensor::from_inner(tensor.inner().cast(DType::F64)).require_grad())
    }
}
