//! Multi-head attention (Vaswani et al. 2017, Sec. 3.2).

mod fused;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};

use super::initial::Initial;
use crate::fused::opens;
use lookahead_layers::linear;

/// Which keys a query sees: always the first ones.
#[derive(Debug, Clone)]
pub(super) enum Visible {
    /// All of them.
    All,
    /// Those up to the query's own position.
    Causal,
    /// As many as each sequence of the batch is long.
    Lengths(Vec<usize>),
}

impl Visible {
    /// How many.
    pub(super) fn keys(&self, sequence: usize, query: usize, keys: usize) -> usize {
        match self {
            Self::All => keys,
            Self::Causal => query + 1,
            Self::Lengths(lengths) => lengths[sequence],
        }
    }
}

/// Attention of positions to a sequence: their own one, or the encoder's.
#[derive(Module, Debug)]
pub(super) struct Attention {
    query: Linear,
    key_value: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    pub(super) fn new(width: usize, heads: usize, initial: &mut Initial<'_>) -> Self {
        Self {
            query: initial.linear(width, width, 1),
            key_value: initial.linear(width, width, 2),
            output: initial.linear(width, width, 1),
            heads,
        }
    }

    /// The keys and values of a sequence, `[batch, source, 2 * width]`.
    pub(super) fn project(&self, sequence: Tensor<3>) -> Tensor<3> {
        linear(&self.key_value, sequence)
    }

    /// Of positions `x`, `[batch, length, width]`, to what [`project`](Self::project) gave.
    pub(super) fn forward(&self, x: Tensor<3>, projected: Tensor<3>, visible: &Visible) -> Tensor<3> {
        linear(&self.output, attend(linear(&self.query, x), projected, self.heads, visible))
    }
}

/// Softmax(Q K^T / sqrt(d)) V of each head, of queries `[batch, length, width]`, and keys and values side by side,
/// `[batch, source, 2 * width]`.
fn attend(query: Tensor<3>, key_value: Tensor<3>, heads: usize, visible: &Visible) -> Tensor<3> {
    if opens(&query) {
        return fused::attend(query, key_value, heads, visible.clone());
    }
    let ([batch, length, width], [_, source, _]) = (query.dims(), key_value.dims());
    let options = (&query.device(), query.dtype());
    // The addend of the scores: minus infinity where a key is not seen.
    let addend = match visible {
        Visible::All => None,
        Visible::Causal => Some((1, length)),
        Visible::Lengths(_) => Some((batch, 1)),
    };
    let addend = addend.map(|(batch, length)| {
        let rows = (0..batch).flat_map(|sequence| (0..length).map(move |query| visible.keys(sequence, query, source)));
        let addend = rows.flat_map(|seen| (0..source).map(move |key| if key < seen { 0.0 } else { f32::NEG_INFINITY }));
        Tensor::<4>::from_data(TensorData::new(addend.collect(), [batch, 1, length, source]), options)
    });
    let split = |x: Tensor<3>| {
        let [batch, length, width] = x.dims();
        x.reshape([batch, length, heads, width / heads]).swap_dims(1, 2)
    };
    let (key, value) = (key_value.clone().narrow(2, 0, width), key_value.narrow(2, width, width));
    let scale = ((width / heads) as f64).sqrt().recip();
    let scores = split(query * scale).matmul(split(key).swap_dims(2, 3));
    let scores = match addend {
        Some(addend) => scores + addend,
        None => scores,
    };
    softmax(scores, 3).matmul(split(value)).swap_dims(1, 2).reshape([batch, length, width])
}
