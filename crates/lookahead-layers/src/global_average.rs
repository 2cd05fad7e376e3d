//! The mean over all pixels of an image.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use lookahead_flex::{Values, open, record};
use lookahead_nn::pool::{ImageShape, global_average as average, global_average_backward};

use crate::{hand_on, opens};

/// The means `[batch, channels]` over images `[batch, height, width, channels]`.
#[must_use]
pub fn global_average(x: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    match ImageShape::new(x.dims()).ok().filter(|_| opens(&x)) {
        Some(shape) => fused(shape, x),
        None => x.reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels]),
    }
}

fn fused(shape: ImageShape, x: Tensor<4>) -> Tensor<2> {
    let [batch, .., channels] = shape.dims();
    let (x, node) = open(x);
    let mut means = vec![0.0; batch * channels];
    average(shape, x.as_slice(), &mut means).expect(CHECKED);
    record(Average, [node], shape, Values::new(means, [batch, channels]))
}

/// Why no pass refuses its slices: they are made of the shape's lengths, or the images and the gradient of their means.
const CHECKED: &str = "slices of the images' own shape";

#[derive(Debug)]
struct Average;

impl Backward<Flex, 1> for Average {
    type State = ImageShape;

    fn backward(self, ops: Ops<ImageShape, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let ([x], shape) = (ids!(ops.parents), ops.state);
        hand_on(grads, x, || {
            let mut dx = vec![0.0; shape.elements()];
            global_average_backward(shape, upstream.as_slice(), &mut dx).expect(CHECKED);
            Values::new(dx, shape.dims())
        });
    }
}
