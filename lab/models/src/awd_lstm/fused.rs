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
use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use self::gates::{BackwardRows, ForwardRows};
use super::state::LayerState;
use crate::fused::{Values, add, open, product, record};

/// The fewest rows of a batch worth a thread.
const ROWS_WORTH_A_THREAD: usize = 8;

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
    let mut gates = bias.repeat(steps * batch);
    product(extents.gates_mut(&mut gates), Accum::Add, extents.inputs(&x), extents.input_weights(&input));
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
    let weights = extents.recurrent_weights(&recurrent);
    dealt.into_par_iter().for_each(|(gates, hidden, cells, tanhs)| {
        ForwardRows { gates, hidden, cells, tanhs }.run(weights);
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
        let weights = extents.recurrent_weights(&recurrent);
        let dealt = (deal(&mut gates, 4 * width, batch, &parts), parts);
        dealt.into_par_iter().for_each(|(gates, rows)| {
            let read = |values| gates::Rows { values, width, batch, rows: rows.clone() };
            let (cells, tanhs, upstream) = (read(&cells), read(&tanhs), read(upstream.as_slice()));
            BackwardRows { gates, cells, tanhs, upstream }.run(weights);
        });
        let d_gates = extents.gates(&gates);
        let hidden = MatRef::from_row_major_slice(&hidden.as_slice()[..steps * batch * width], steps * batch, width);
        let [x_node, input_node, recurrent_node, input_bias_node, recurrent_bias_node] = ops.parents;
        // dx = dgates W^T, dW = x^T dgates, dU = h_(t-1)^T dgates, db = the sum of dgates over steps and rows
        if let Some(node) = x_node {
            let gradient = of_product(d_gates, extents.input_weights(&input).transpose());
            grads.register::<Flex>(node.id, Values::new(gradient, [steps, batch, incoming]).into_primitive());
        }
        if let Some(node) = input_node {
            let gradient = of_product(extents.inputs(&x).transpose(), d_gates);
            grads.register::<Flex>(node.id, Values::new(gradient, [incoming, 4 * width]).into_primitive());
        }
        if let Some(node) = recurrent_node {
            let gradient = of_product(hidden.transpose(), d_gates);
            grads.register::<Flex>(node.id, Values::new(gradient, [width, 4 * width]).into_primitive());
        }
        let mut bias = vec![0.0; 4 * width];
        gates.chunks_exact(4 * width).for_each(|row| add(&mut bias, row));
        for node in [input_bias_node, recurrent_bias_node].into_iter().flatten() {
            grads.register::<Flex>(node.id, Values::new(bias.clone(), [4 * width]).into_primitive());
        }
    }
}

/// `a` `b`, row-major.
fn of_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let mut values = vec![0.0; a.nrows() * b.ncols()];
    product(MatMut::from_row_major_slice_mut(&mut values, a.nrows(), b.ncols()), Accum::Replace, a, b);
    values
}

impl Extents {
    /// The ranges of the batch that the threads take.
    fn parts(self) -> Vec<Range<usize>> {
        let count = rayon::current_num_threads().min(self.batch.div_ceil(ROWS_WORTH_A_THREAD));
        (0..count).map(|part| part * self.batch / count..(part + 1) * self.batch / count).collect()
    }

    fn inputs(self, x: &Values) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(x.as_slice(), self.steps * self.batch, self.incoming)
    }

    fn input_weights(self, weights: &Values) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(weights.as_slice(), self.incoming, 4 * self.width)
    }

    fn recurrent_weights(self, weights: &Values) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(weights.as_slice(), self.width, 4 * self.width)
    }

    fn gates(self, gates: &[f32]) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(gates, self.steps * self.batch, 4 * self.width)
    }

    fn gates_mut(self, gates: &mut [f32]) -> MatMut<'_, f32> {
        MatMut::from_row_major_slice_mut(gates, self.steps * self.batch, 4 * self.width)
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
