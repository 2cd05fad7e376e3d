//! Linear layers: `y = x W + b`, and the scores that rows of an embedding give.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::nn::Linear;
use burn::tensor::Tensor;
use lookahead_flex::{Values, open, opens, opens_beside, record};
use lookahead_nn::matrix::{Factor, Start, row_sums};

use crate::hand_on;

/// What `layer` makes of the last axis of `x`.
///
/// # Panics
/// Where `layer.forward` would: if the last axis is not as long as the layer's weights have rows.
#[must_use]
pub fn linear<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()));
    match affine(&x, &weight, bias.as_ref(), Order::InputsFirst) {
        Some(affine) => affine.fused(x, weight, bias),
        None => layer.forward(x),
    }
}

/// The scores `x E^T + b`, `[rows, classes]`, of `x`, `[rows, width]`, with the rows of `embedding`, `[classes, width]`: a softmax
/// layer that has its weights in common with an embedding (Press and Wolf 2017).
///
/// # Panics
/// Where Burn's operations would: if the widths differ, or there are not as many biases as classes.
#[must_use]
pub fn tied_scores(x: Tensor<2>, embedding: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    match affine(&x, &embedding, bias.as_ref(), Order::OutputsFirst) {
        Some(affine) => affine.fused(x, embedding, bias),
        None => {
            let scores = x.matmul(embedding.transpose());
            match bias {
                Some(bias) => scores + bias.unsqueeze(),
                None => scores,
            }
        }
    }
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `[inputs, outputs]`
    InputsFirst,
    /// `[outputs, inputs]`
    OutputsFirst,
}

/// An affine function of rows.
#[derive(Debug, Clone, Copy)]
struct Affine {
    order: Order,
    rows: usize,
    inputs: usize,
    outputs: usize,
}

/// Fewer do not repay that the weights are packed.
const FEWEST_ROWS: usize = 32;

/// What the kernels take; `None` leaves it to Burn.
fn affine<const D: usize>(x: &Tensor<D>, weight: &Tensor<2>, bias: Option<&Tensor<1>>, order: Order) -> Option<Affine> {
    let shape = x.dims();
    let &width = shape.last()?;
    let [first, second] = weight.dims();
    let [inputs, outputs] = if order == Order::InputsFirst { [first, second] } else { [second, first] };
    let rows = shape[..D - 1].iter().product();
    let all_open = opens(x) && opens_beside(x, weight) && bias.is_none_or(|bias| opens_beside(x, bias));
    let fits = width == inputs && bias.is_none_or(|bias| bias.dims() == [outputs]);
    let pays = rows >= FEWEST_ROWS && inputs > 0 && outputs > 0;
    (all_open && fits && pays).then_some(Affine { order, rows, inputs, outputs })
}

#[derive(Debug, Clone)]
struct State {
    affine: Affine,
    x: Values,
    x_shape: Vec<usize>,
    weight: Values,
}

impl Affine {
    fn fused<const D: usize>(self, x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
        let x_shape = x.dims();
        let ((x, x_node), (weight, weight_node)) = (open(x), open(weight));
        let (bias, bias_node) = bias.map(open).unzip();
        let start = bias.as_ref().map_or(Start::Zero, |bias| Start::Row(bias.as_slice()));
        let mut y = vec![0.0; self.rows * self.outputs];
        self.towards_outputs(weight.as_slice()).multiply(x.as_slice(), start, &mut y).expect(CHECKED);
        let mut y_shape = x_shape;
        y_shape[D - 1] = self.outputs;
        let state = State { affine: self, x, x_shape: x_shape.to_vec(), weight };
        let y = Values::new(y, y_shape);
        match bias_node {
            None => record(Scale, [x_node, weight_node], state, y),
            Some(bias_node) => record(ScaleAndShift, [x_node, weight_node, bias_node], state, y),
        }
    }

    /// W
    fn towards_outputs(self, weight: &[f32]) -> Factor {
        match self.order {
            Order::InputsFirst => Factor::new(weight, [self.inputs, self.outputs]),
            Order::OutputsFirst => Factor::transposed(weight, [self.outputs, self.inputs]),
        }
        .expect(CHECKED)
    }

    /// W^T
    fn towards_inputs(self, weight: &[f32]) -> Factor {
        match self.order {
            Order::InputsFirst => Factor::transposed(weight, [self.inputs, self.outputs]),
            Order::OutputsFirst => Factor::new(weight, [self.outputs, self.inputs]),
        }
        .expect(CHECKED)
    }

    fn weight_shape(self) -> [usize; 2] {
        match self.order {
            Order::InputsFirst => [self.inputs, self.outputs],
            Order::OutputsFirst => [self.outputs, self.inputs],
        }
    }
}

/// Why no product refuses its slices: they are made of the function's own sizes, or are tensors that [`affine`] has measured.
const CHECKED: &str = "slices of the function's own sizes";

#[derive(Debug)]
struct Scale;

#[derive(Debug)]
struct ScaleAndShift;

impl Backward<Flex, 2> for Scale {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        ops.state.hand_on(ids!(ops.parents), upstream.as_slice(), grads);
    }
}

impl Backward<Flex, 3> for ScaleAndShift {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let ([x, weight, bias], dy) = (ids!(ops.parents), upstream.as_slice());
        hand_on(grads, bias, || {
            let mut db = vec![0.0; ops.state.affine.outputs];
            row_sums(dy, &mut db).expect(CHECKED);
            Values::new(db, [ops.state.affine.outputs])
        });
        ops.state.hand_on([x, weight], dy, grads);
    }
}

impl State {
    /// Hands on the gradients of the rows and the weights.
    fn hand_on(self, [x, weight]: [Option<NodeId>; 2], dy: &[f32], grads: &mut Gradients) {
        let Affine { order, rows, inputs, outputs } = self.affine;
        hand_on(grads, weight, || {
            let mut dw = vec![0.0; inputs * outputs];
            // dW = x^T dy, or its transpose, dy^T x
            let x = self.x.as_slice();
            let (left, right, columns) = if order == Order::InputsFirst { (x, dy, outputs) } else { (dy, x, inputs) };
            let right = Factor::new(right, [rows, columns]).expect(CHECKED);
            right.multiply_transposed(left, Start::Zero, &mut dw).expect(CHECKED);
            Values::new(dw, self.affine.weight_shape())
        });
        hand_on(grads, x, || {
            // dx = dy W^T
            let mut dx = vec![0.0; rows * inputs];
            let factor = self.affine.towards_inputs(self.weight.as_slice());
            factor.multiply(dy, Start::Zero, &mut dx).expect(CHECKED);
            Values::new(dx, self.x_shape)
        });
    }
}
