//! Multi-head attention (Vaswani et al. 2017, Sec. 3.2).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::initial::Initial;

/// What is not attended to: an addend of the scores, 0 or minus infinity, that broadcasts to
/// `[batch, heads, queries, keys]`.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    addend: Tensor<4>,
}

impl Mask {
    /// Keys behind the end of each sequence of a batch.
    pub(super) fn padding(lengths: &[usize], longest: usize, device: &Device) -> Self {
        let addend = lengths.iter().flat_map(|&length| (0..longest).map(move |key| visible(key < length)));
        let addend = TensorData::new(addend.collect(), [lengths.len(), 1, 1, longest]);
        Self { addend: Tensor::from_data(addend, device) }
    }

    /// Keys behind each query.
    pub(super) fn causal(length: usize, device: &Device) -> Self {
        let addend = (0..length).flat_map(|query| (0..length).map(move |key| visible(key <= query)));
        let addend = TensorData::new(addend.collect(), [1, 1, length, length]);
        Self { addend: Tensor::from_data(addend, device) }
    }
}

fn visible(yes: bool) -> f32 {
    if yes { 0.0 } else { f32::NEG_INFINITY }
}

/// Attention of a sequence to itself.
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    query_key_value: Linear,
    output: Linear,
    heads: usize,
}

impl SelfAttention {
    pub(super) fn new(width: usize, heads: usize, initial: &mut Initial<'_>) -> Self {
        Self { query_key_value: initial.linear(width, width, 3), output: initial.linear(width, width, 1), heads }
    }

    /// Of all positions of `x`, `[batch, length, width]`.
    pub(super) fn forward(&self, x: Tensor<3>, mask: &Mask) -> Tensor<3> {
        let [query, key, value] = split(self.query_key_value.forward(x));
        self.output.forward(attend([query, key, value], self.heads, Some(mask)))
    }

    /// Of one more position, `[batch, 1, width]`, which sees those before it in `cache`, too.
    pub(super) fn step(&self, x: Tensor<3>, cache: &mut Option<Tensor<3>>) -> Tensor<3> {
        let width = x.dims()[2];
        let mut projected = self.query_key_value.forward(x).split_with_sizes(vec![width, 2 * width], 2).into_iter();
        // Two sizes give two parts.
        let (Some(query), Some(key_value)) = (projected.next(), projected.next()) else { unreachable!() };
        let all = match cache.take() {
            Some(before) => Tensor::cat(vec![before, key_value], 1),
            None => key_value,
        };
        *cache = Some(all.clone());
        let [key, value] = split(all);
        self.output.forward(attend([query, key, value], self.heads, None))
    }
}

/// Attention of a decoder to an encoder's output.
#[derive(Module, Debug)]
pub(super) struct CrossAttention {
    query: Linear,
    key_value: Linear,
    output: Linear,
    heads: usize,
}

impl CrossAttention {
    pub(super) fn new(width: usize, heads: usize, initial: &mut Initial<'_>) -> Self {
        Self {
            query: initial.linear(width, width, 1),
            key_value: initial.linear(width, width, 2),
            output: initial.linear(width, width, 1),
            heads,
        }
    }

    /// The keys and values of an encoder's output, `[batch, source, 2 * width]`.
    pub(super) fn project(&self, encoded: Tensor<3>) -> Tensor<3> {
        self.key_value.forward(encoded)
    }

    /// Of positions `x`, `[batch, length, width]`, to what [`project`](Self::project) gave.
    pub(super) fn forward(&self, x: Tensor<3>, projected: Tensor<3>, mask: &Mask) -> Tensor<3> {
        let [key, value] = split(projected);
        self.output.forward(attend([self.query.forward(x), key, value], self.heads, Some(mask)))
    }
}

fn split<const N: usize>(x: Tensor<3>) -> [Tensor<3>; N] {
    let width = x.dims()[2] / N;
    std::array::from_fn(|part| x.clone().narrow(2, part * width, width))
}

/// Softmax(Q K^T / sqrt(d)) V of each head, of queries `[batch, length, width]` and keys and values
/// `[batch, source, width]`.
fn attend([query, key, value]: [Tensor<3>; 3], heads: usize, mask: Option<&Mask>) -> Tensor<3> {
    let [batch, length, width] = query.dims();
    let split = |x: Tensor<3>| {
        let [batch, length, width] = x.dims();
        x.reshape([batch, length, heads, width / heads]).swap_dims(1, 2)
    };
    let scale = ((width / heads) as f64).sqrt().recip();
    let scores = split(query * scale).matmul(split(key).swap_dims(2, 3));
    let scores = match mask {
        Some(mask) => scores + mask.addend.clone(),
        None => scores,
    };
    softmax(scores, 3).matmul(split(value)).swap_dims(1, 2).reshape([batch, length, width])
}
