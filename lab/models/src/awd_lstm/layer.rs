//! One LSTM layer over all steps of a batch (Hochreiter and Schmidhuber 1997, with forget gates).

use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, s};

use super::state::LayerState;
use super::{fused, parameter};
use crate::Dropout;
use crate::fused::opens;

/// Weights of the gates in PyTorch's order: input, forget, cell, output.
#[derive(Module, Debug)]
pub(super) struct LstmLayer {
    /// `[incoming, 4 width]`, PyTorch's `weight_ih` transposed.
    pub(super) input: Param<Tensor<2>>,
    /// `[width, 4 width]`, PyTorch's `weight_hh` transposed.
    pub(super) recurrent: Param<Tensor<2>>,
    /// `[4 width]`. One bias would do; that there are two makes their learning rate twice as high, as PyTorch has it.
    pub(super) input_bias: Param<Tensor<1>>,
    /// `[4 width]`
    pub(super) recurrent_bias: Param<Tensor<1>>,
}

impl LstmLayer {
    /// A layer whose weights are within the bound that `within` is given.
    pub(super) fn new(incoming: usize, width: usize, mut within: impl FnMut(f64) -> f32, device: &Device) -> Self {
        let bound = (width as f64).sqrt().recip();
        let mut number = || within(bound);
        Self {
            input: parameter([incoming, 4 * width], &mut number, device),
            recurrent: parameter([width, 4 * width], &mut number, device),
            input_bias: parameter([4 * width], &mut number, device),
            recurrent_bias: parameter([4 * width], &mut number, device),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.recurrent.dims()[0]
    }

    /// The outputs, `[steps, batch, width]`, of `x`, `[steps, batch, incoming]`, and the state after them. Each recurrent
    /// weight is dropped with probability `weight_drop`, for all steps alike.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        state: LayerState,
        weight_drop: f64,
        dropout: &mut Dropout<'_>,
    ) -> (Tensor<3>, LayerState) {
        let recurrent = dropout.apply(self.recurrent.val(), weight_drop);
        let weights = [self.input.val(), recurrent];
        let biases = [self.input_bias.val(), self.recurrent_bias.val()];
        if opens(&x) { fused::forward(x, weights, biases, state) } else { by_tensors(x, weights, biases, state) }
    }
}

fn by_tensors(
    x: Tensor<3>,
    [input, recurrent]: [Tensor<2>; 2],
    [input_bias, recurrent_bias]: [Tensor<1>; 2],
    state: LayerState,
) -> (Tensor<3>, LayerState) {
    let ([steps, batch, incoming], width) = (x.dims(), recurrent.dims()[0]);
    let on_device = |tensor: Tensor<2>| if x.is_autodiff() { Tensor::from_inner(tensor) } else { tensor };
    let (mut hidden, mut cells) = (on_device(state.hidden), on_device(state.cells));
    let bias = (input_bias + recurrent_bias).unsqueeze();
    let from_input = (x.reshape([steps * batch, incoming]).matmul(input) + bias).reshape([steps, batch, 4 * width]);
    let mut outputs = Vec::with_capacity(steps);
    for step in 0..steps {
        let from_input = from_input.clone().slice(s![step, .., ..]).reshape([batch, 4 * width]);
        let gates = from_input + hidden.matmul(recurrent.clone());
        let gate = |number: usize| gates.clone().slice(s![.., number * width..(number + 1) * width]);
        // c_t = f c_(t-1) + i g, h_t = o tanh(c_t)
        cells = sigmoid(gate(1)) * cells + sigmoid(gate(0)) * gate(2).tanh();
        hidden = sigmoid(gate(3)) * cells.clone().tanh();
        outputs.push(hidden.clone());
    }
    (Tensor::stack(outputs, 0), LayerState { hidden: hidden.inner(), cells: cells.inner() })
}
