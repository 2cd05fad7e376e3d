//! Attention on the CPU as one operation, its gradient written by hand. Heads are read and written where they stand among
//! the others, keys that are not seen are left out, and each thread takes some of the sequences.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::Visible;
use crate::fused::{Values, dot, exp, maximum, open, record, sum};

#[derive(Debug, Clone, Copy)]
struct Extents {
    batch: usize,
    length: usize,
    source: usize,
    width: usize,
    heads: usize,
}

#[derive(Debug, Clone)]
struct State {
    extents: Extents,
    visible: Visible,
    query: Values,
    key_value: Values,
    /// How much each query takes of each value, `[batch, heads, length, source]`.
    weights: Vec<f32>,
}

/// What [`attend`](super::attend) says, for tensors on a device that `opens`.
pub(super) fn attend(query: Tensor<3>, key_value: Tensor<3>, heads: usize, visible: Visible) -> Tensor<3> {
    let ([batch, length, width], [_, source, _]) = (query.dims(), key_value.dims());
    let extents = Extents { batch, length, source, width, heads };
    let ((query, query_node), (key_value, key_value_node)) = (open(query), open(key_value));
    let mut weights = vec![0.0; batch * heads * length * source];
    let mut output = vec![0.0; batch * length * width];
    let sequences = weights.par_chunks_exact_mut(heads * length * source);
    sequences.zip(output.par_chunks_exact_mut(length * width)).enumerate().for_each(|(sequence, (weights, output))| {
        for (head, weights) in weights.chunks_exact_mut(length * source).enumerate() {
            let head = Head { extents, sequence, head, keys: visible.keys(sequence, length - 1, source) };
            let (q, k, v) = (head.of_query(query.as_slice()), head.key(&key_value), head.value(&key_value));
            matmul(head.weights_mut(weights), Accum::Replace, q, k.transpose(), head.scale(), Par::Seq);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    let rows = weights.chunks_exact_mut(source).enumerate();
                    rows.for_each(|(query, row)| softmax(row, visible.keys(sequence, query, source)));
                },
            );
            matmul(head.of_query_mut(output), Accum::Replace, head.weights(weights), v, 1.0, Par::Seq);
        }
    });
    let output = Values::new(output, [batch, length, width]);
    let state = State { extents, visible, query, key_value, weights };
    record(Attend, [query_node, key_value_node], state, output)
}

/// Of the first `seen` numbers of a row; the others become 0.
#[inline(always)]
fn softmax(row: &mut [f32], seen: usize) {
    let (seen, others) = row.split_at_mut(seen);
    let most = maximum(seen);
    seen.iter_mut().for_each(|score| *score = exp(*score - most));
    let share = sum(seen, |weight| weight).recip();
    seen.iter_mut().for_each(|weight| *weight *= share);
    others.fill(0.0);
}

/// Writes dS = P ∘ (dP - the sum of each row of P ∘ dP), the gradient of the scores, over dP, that of their softmax P.
#[inline(always)]
fn softmax_gradient(gradients: &mut [f32], weights: &[f32]) {
    let dot = dot(gradients, weights);
    gradients.iter_mut().zip(weights).for_each(|(gradient, weight)| *gradient = weight * (*gradient - dot));
}

#[derive(Debug)]
struct Attend;

impl Backward<Flex, 2> for Attend {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let State { extents, visible, query, key_value, weights } = ops.state;
        let Extents { batch, length, source, width, heads } = extents;
        let mut d_query = vec![0.0; batch * length * width];
        let mut d_key_value = vec![0.0; batch * source * 2 * width];
        let sequences = d_query.par_chunks_exact_mut(length * width);
        let sequences = sequences.zip(d_key_value.par_chunks_exact_mut(source * 2 * width));
        let scratch = || vec![0.0; length * source];
        sequences.enumerate().for_each_init(scratch, |d_weights, (sequence, (d_query, d_key_value))| {
            for head in 0..heads {
                let weights = &weights[(sequence * heads + head) * length * source..][..length * source];
                let head = Head { extents, sequence, head, keys: visible.keys(sequence, length - 1, source) };
                let (q, k, v) = (head.of_query(query.as_slice()), head.key(&key_value), head.value(&key_value));
                let d_output = head.of_query(upstream.as_slice());
                // dV = P^T dO, dP = dO V^T
                matmul(
                    head.value_mut(d_key_value),
                    Accum::Replace,
                    head.weights(weights).transpose(),
                    d_output,
                    1.0,
                    Par::Seq,
                );
                matmul(head.weights_mut(d_weights), Accum::Replace, d_output, v.transpose(), 1.0, Par::Seq);
                pulp::Arch::new().dispatch(
                    #[inline(always)]
                    || {
                        let rows = d_weights.chunks_exact_mut(source).zip(weights.chunks_exact(source));
                        rows.for_each(|(d_row, row)| softmax_gradient(&mut d_row[..head.keys], &row[..head.keys]));
                    },
                );
                // dQ = dS K / sqrt(d), dK = dS^T Q / sqrt(d)
                let d_scores = head.weights(d_weights);
                matmul(head.of_query_mut(d_query), Accum::Replace, d_scores, k, head.scale(), Par::Seq);
                matmul(head.key_mut(d_key_value), Accum::Replace, d_scores.transpose(), q, head.scale(), Par::Seq);
            }
        });
        let [query_node, key_value_node] = ops.parents;
        if let Some(node) = query_node {
            grads.register::<Flex>(node.id, Values::new(d_query, [batch, length, width]).into_primitive());
        }
        if let Some(node) = key_value_node {
            grads.register::<Flex>(node.id, Values::new(d_key_value, [batch, source, 2 * width]).into_primitive());
        }
    }
}

/// One head of one sequence, and how many keys its queries see at most.
#[derive(Debug, Clone, Copy)]
struct Head {
    extents: Extents,
    sequence: usize,
    head: usize,
    keys: usize,
}

impl Head {
    fn width(self) -> usize {
        self.extents.width / self.extents.heads
    }

    fn scale(self) -> f32 {
        (self.width() as f32).sqrt().recip()
    }

    /// The queries, or anything else of their shape.
    fn of_query(self, values: &[f32]) -> MatRef<'_, f32> {
        let Extents { length, width, .. } = self.extents;
        let values = &values[self.sequence * length * width + self.head * self.width()..];
        MatRef::from_row_major_slice_with_stride(values, length, self.width(), width)
    }

    fn of_query_mut(self, values: &mut [f32]) -> MatMut<'_, f32> {
        let Extents { length, width, .. } = self.extents;
        let values = &mut values[self.head * self.width()..];
        block_mut(values, length, self.width(), width)
    }

    fn key(self, values: &Values) -> MatRef<'_, f32> {
        self.of_key_value(values, 0)
    }

    fn value(self, values: &Values) -> MatRef<'_, f32> {
        self.of_key_value(values, self.extents.width)
    }

    fn of_key_value(self, values: &Values, column: usize) -> MatRef<'_, f32> {
        let Extents { source, width, .. } = self.extents;
        let values = &values.as_slice()[self.sequence * source * 2 * width + column + self.head * self.width()..];
        MatRef::from_row_major_slice_with_stride(values, self.keys, self.width(), 2 * width)
    }

    /// Of those of its sequence alone.
    fn key_mut(self, values: &mut [f32]) -> MatMut<'_, f32> {
        let values = &mut values[self.head * self.width()..];
        block_mut(values, self.keys, self.width(), 2 * self.extents.width)
    }

    /// Of those of its sequence alone.
    fn value_mut(self, values: &mut [f32]) -> MatMut<'_, f32> {
        let values = &mut values[self.extents.width + self.head * self.width()..];
        block_mut(values, self.keys, self.width(), 2 * self.extents.width)
    }

    fn weights(self, values: &[f32]) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice_with_stride(values, self.extents.length, self.keys, self.extents.source)
    }

    fn weights_mut(self, values: &mut [f32]) -> MatMut<'_, f32> {
        block_mut(values, self.extents.length, self.keys, self.extents.source)
    }
}

/// A block of a row-major matrix whose rows begin `stride` apart. Faer 0.24.4 takes the rows of
/// `MatMut::from_row_major_slice_with_stride_mut` for columns.
fn block_mut(values: &mut [f32], rows: usize, columns: usize, stride: usize) -> MatMut<'_, f32> {
    MatMut::from_column_major_slice_with_stride_mut(values, columns, rows, stride).transpose_mut()
}
