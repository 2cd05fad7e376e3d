//! An LSTM layer on the CPU as one operation, its gradient written by hand: one matrix product for the input of all steps,
//! then for each step one product and one pass over the gates. The rows of a batch know nothing of each other, so each
//! thread takes some of them through all steps without waiting for the others.

mod gates;

use std::ops::Range;

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use lookahead_nn::matrix::{Factor, Start, row_sums};
use rayon::prelude::*;

use self::gates::{BackwardRows, ForwardRows};
use super::state::LayerState;
use crate::fused::{Values, add, open, record};

/// The fewest rows of a batch worth a thread.
const ROWS_WORTH_A_THREAD: usize = 8;

/// Why no product refuses its slices: all are of the layer's own sizes, and a batch has a step and a row at least.
const CHECKED: &str = "slices of the layer's own sizes";

#[derive(Debug, Clone, Copy)]
struct Extents {
    steps: usize,
    batch: usize,
    incoming: usize,
    width: usize,
}

/// What the backward pass needs. Hidden outputs and cells begin with those before the first step.
#[derive(Debug, Clone)]
struct State {
    extents: Extents,
    x: Values,
    input: Values,
    recurrent: Values,
    /// `[steps + 1, batch, width]`
    hidden: Values,
    /// `[steps + 1, batch, width]`
    cells: Vec<f32>,
    /// tanh of the cells after each step, `[steps, batch, width]`.
    tanhs: Vec<f32>,
    /// `[steps, batch, 4 width]`
    gates: Vec<f32>,
}

/// What [`LstmLayer::forward`](super::layer::LstmLayer::forward) says, for weights on a device that `opens`.
pub(super) fn forward(
    x: Tensor<3>,
    [input, recurrent]: [Tensor<2>; 2],
    [input_bias, recurrent_bias]: [Tensor<1>; 2],
    state: LayerState,
) -> (Tensor<3>, LayerState) {
    let ([steps, batch, incoming], width) = (x.dims(), recurrent.dims()[0]);
    let extents = Extents { steps, batch, incoming, width };
    let ((x, x_node), (input, input_node), (recurrent, recurrent_node)) = (open(x), open(input), open(recurrent));
    let ((input_bias, input_bias_node), (recurrent_bias, recurrent_bias_node)) =
        (open(input_bias), open(recurrent_bias));
    let mut bias = input_bias.as_slice().to_vec();
    add(&mut bias, recurrent_bias.as_slice());

    // gates = x W + b, of all steps
    let mut gates = vec![0.0; steps * batch * 4 * width];
    let weights = Factor::new(input.as_slice(), [incoming, 4 * width]).expect(CHECKED);
    weights.multiply(x.as_slice(), Start::Row(&bias), &mut gates).expect(CHECKED);
    let with_first = |first: Tensor<2>| {
        let mut all = vec![0.0; (steps + 1) * batch * width];
        all[..batch * width].copy_from_slice(open(first).0.as_slice());
        all
    };
    let (mut hidden, mut cells) = (with_first(state.hidden), with_first(state.cells));
    let mut tanhs = vec![0.0; steps * batch * width];
    let parts = &extents.parts();
    let dealt = (
        deal(&mut gates, 4 * width, batch, parts),
        deal(&mut hidden, width, batch, parts),
        deal(&mut cells, width, batch, parts),
        deal(&mut tanhs, width, batch, parts),
    );
    let weights = Factor::new(recurrent.as_slice(), [width, 4 * width]).expect(CHECKED);
    dealt.into_par_iter().for_each(|(gates, hidden, cells, tanhs)| {
        ForwardRows { gates, hidden, cells, tanhs }.run(&weights);
    });

    let last = |all: &[f32]| Values::new(all[steps * batch * width..].to_vec(), [batch, width]).into_tensor();
    let after = LayerState { hidden: last(&hidden), cells: last(&cells) };
    let hidden = Values::new(hidden, [steps + 1, batch, width]);
    let outputs = hidden.narrow(1..steps + 1);
    let nodes = [x_node, input_node, recurrent_node, input_bias_node, recurrent_bias_node];
    (record(Lstm, nodes, State { extents, x, input, recurrent, hidden, cells, tanhs, gates }, outputs), after)
}

#[derive(Debug)]
struct Lstm;

impl Backward<Flex, 5> for Lstm {
    type State = State;

    fn backward(self, ops: Ops<State, 5>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let State { extents, x, input, recurrent, hidden, cells, tanhs, mut gates } = ops.state;
        let Extents { steps, batch, incoming, width } = extents;
        let parts = extents.parts();
        let weights = Factor::transposed(recurrent.as_slice(), [width, 4 * width]).expect(CHECKED);
        let dealt = (deal(&mut gates, 4 * width, batch, &parts), parts);
        dealt.into_par_iter().for_each(|(gates, rows)| {
            let read = |values| gates::Rows { values, width, batch, rows: rows.clone() };
            let (cells, tanhs, upstream) = (read(&cells), read(&tanhs), read(upstream.as_slice()));
            BackwardRows { gates, cells, tanhs, upstream }.run(&weights);
        });
        let [x_node, input_node, recurrent_node, input_bias_node, recurrent_bias_node] = ops.parents;
        // dx = dgates W^T, dW = x^T dgates, dU = h_(t-1)^T dgates, db = the sum of dgates over steps and rows
        if let Some(node) = x_node {
            let mut gradient = vec![0.0; steps * batch * incoming];
            let weights = Factor::transposed(input.as_slice(), [incoming, 4 * width]).expect(CHECKED);
            weights.multiply(&gates, Start::Zero, &mut gradient).expect(CHECKED);
            grads.register::<Flex>(node.id, Values::new(gradient, [steps, batch, incoming]).into_primitive());
        }
        let d_gates = Factor::new(&gates, [steps * batch, 4 * width]).expect(CHECKED);
        let of_weights = |inputs: &[f32], width_of_inputs: usize| {
            let mut gradient = vec![0.0; width_of_inputs * 4 * width];
            d_gates.multiply_transposed(inputs, Start::Zero, &mut gradient).expect(CHECKED);
            Values::new(gradient, [width_of_inputs, 4 * width]).into_primitive()
        };
        if let Some(node) = input_node {
            grads.register::<Flex>(node.id, of_weights(x.as_slice(), incoming));
        }
        if let Some(node) = recurrent_node {
            let before = &hidden.as_slice()[..steps * batch * width];
            grads.register::<Flex>(node.id, of_weights(before, width));
        }
        let mut bias = vec![0.0; 4 * width];
        row_sums(&gates, &mut bias).expect(CHECKED);
        for node in [input_bias_node, recurrent_bias_node].into_iter().flatten() {
            grads.register::<Flex>(node.id, Values::new(bias.clone(), [4 * width]).into_primitive());
        }
    }
}

impl Extents {
    /// The ranges of the batch that the threads take.
    fn parts(self) -> Vec<Range<usize>> {
        let count = rayon::current_num_threads().min(self.batch.div_ceil(ROWS_WORTH_A_THREAD));
        (0..count).map(|part| part * self.batch / count..(part + 1) * self.batch / count).collect()
    }
}

/// Deals out the rows, `width` long, of `[steps, batch, width]`: for each part of the batch, its rows step by step.
fn deal<'a>(values: &'a mut [f32], width: usize, batch: usize, parts: &[Range<usize>]) -> Vec<Vec<&'a mut [f32]>> {
    let mut dealt: Vec<Vec<&mut [f32]>> = parts.iter().map(|_| Vec::new()).collect();
    for mut rest in values.chunks_exact_mut(batch * width) {
        for (rows, dealt) in parts.iter().zip(&mut dealt) {
            let (of_part, after) = rest.split_at_mut(rows.len() * width);
            dealt.push(of_part);
            rest = after;
        }
    }
    dealt
}
