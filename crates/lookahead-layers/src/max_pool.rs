//! Max pooling: the largest of each window.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;
use lookahead_flex::{Values, open, record};
use lookahead_nn::pool::{ImageShape, Pooling, Window};

use crate::{channels_first, channels_last, hand_on, opens, padding};

/// What `layer` makes of images `[batch, height, width, channels]`.
///
/// # Panics
/// Where `layer.forward` would: if the window does not fit.
#[must_use]
pub fn max_pool2d(layer: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
    match pooling(layer, x.dims()).filter(|_| opens(&x)) {
        Some(pooling) => fused(pooling, x),
        None => channels_last(layer.forward(channels_first(x))),
    }
}

/// The layer for images of a shape; `None` where a window would be all padding.
fn pooling(layer: &MaxPool2d, shape: [usize; 4]) -> Option<Pooling> {
    let image = ImageShape::new(shape).ok()?;
    let [_, height, width, _] = shape;
    let window = Window::new(layer.kernel_size)
        .with_stride(layer.stride)
        .with_uneven_padding(padding::of(&layer.padding, [height, width], layer.kernel_size, layer.stride))
        .with_dilation(layer.dilation);
    Pooling::new(if layer.ceil_mode { window.with_ceil() } else { window }, image).ok()
}

#[derive(Debug, Clone)]
struct State {
    pooling: Pooling,
    /// Where in its image each number comes from.
    places: Arc<Vec<u32>>,
}

fn fused(pooling: Pooling, x: Tensor<4>) -> Tensor<4> {
    let (x, node) = open(x);
    let elements = pooling.output().elements();
    let (mut y, mut places) = (vec![0.0; elements], vec![0; elements]);
    pooling.max(x.as_slice(), &mut y, &mut places).expect(CHECKED);
    let y = Values::new(y, pooling.output().dims());
    record(Pool, [node], State { pooling, places: Arc::new(places) }, y)
}

/// Why no pass refuses its slices: they are made of the pooling's lengths, or its input and the gradient of its output.
const CHECKED: &str = "slices of the pooling's own shapes";

#[derive(Debug)]
struct Pool;

impl Backward<Flex, 1> for Pool {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let ([x], State { pooling, places }) = (ids!(ops.parents), ops.state);
        hand_on(grads, x, || {
            let mut dx = vec![0.0; pooling.input().elements()];
            pooling.max_backward(upstream.as_slice(), &places, &mut dx).expect(CHECKED);
            Values::new(dx, pooling.input().dims())
        });
    }
}
