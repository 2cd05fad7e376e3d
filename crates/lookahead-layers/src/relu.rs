//! ReLU, written over its input where nothing else holds that.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::{Tensor, activation};
use lookahead_flex::{Values, open, opens, record};
use rayon::prelude::*;

use crate::hand_on;

/// Numbers that are worth a task.
const CHUNK: usize = 1 << 14;

/// `max(0, x)`, of any shape; NaN stays NaN.
#[must_use]
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if !opens(&x) {
        return activation::relu(x);
    }
    let (mut y, node) = open(x);
    y.as_mut_slice().par_chunks_mut(CHUNK).for_each(|y| {
        y.iter_mut().for_each(|y| *y = if *y <= 0.0 { 0.0 } else { *y });
    });
    record(Relu, [node], y.clone(), y)
}

#[derive(Debug)]
struct Relu;

impl Backward<Flex, 1> for Relu {
    /// What the pass forward gave.
    type State = Values;

    fn backward(self, ops: Ops<Values, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let mut gradient = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let [x] = ids!(ops.parents);
        // dx = dy where y is not 0
        let parts = gradient.as_mut_slice().par_chunks_mut(CHUNK).zip(ops.state.as_slice().par_chunks(CHUNK));
        parts.for_each(|(dy, y)| {
            dy.iter_mut().zip(y).for_each(|(dy, y)| *dy = if *y <= 0.0 { 0.0 } else { *dy });
        });
        hand_on(grads, x, || gradient);
    }
}
