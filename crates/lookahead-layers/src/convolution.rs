//! 2D convolution: `y[n, i, j, k] = bias[k] + sum x[n, s i + d r - p, s j + d q - p, c] w[k, c, r, q]`.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use lookahead_flex::{Values, open, opens_beside, record};
use lookahead_nn::{ConvShape, Padding};

use crate::{channels_first, channels_last, hand_on, opens, padding};

/// What `layer` makes of images `[batch, height, width, channels]`: `[batch, height, width, output channels]`.
///
/// # Panics
/// Where `layer.forward` would: if the channels are not the layer's, or the kernel does not fit.
#[must_use]
pub fn conv2d(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()));
    let all_open = opens(&x) && opens_beside(&x, &weight) && bias.as_ref().is_none_or(|bias| opens_beside(&x, bias));
    match convolution(layer, x.dims()).filter(|_| all_open) {
        Some(convolution) => fused(convolution, x, weight, bias),
        None => channels_last(layer.forward(channels_first(x))),
    }
}

/// The layer for images of a shape; `None` where there is none.
fn convolution(layer: &Conv2d, shape: [usize; 4]) -> Option<lookahead_nn::Conv2d> {
    let [out_channels, of_group, kernel @ ..] = layer.weight.dims();
    let [_, height, width, channels] = shape;
    let fits = layer.bias.as_ref().is_none_or(|bias| bias.dims() == [out_channels]);
    if !fits || channels != of_group * layer.groups || kernel != layer.kernel_size || shape.contains(&0) {
        return None;
    }
    let [[top, bottom], [left, right]] = padding::of(&layer.padding, [height, width], layer.kernel_size, layer.stride);
    let shape = ConvShape::new(shape, out_channels, layer.kernel_size)
        .with_stride(layer.stride)
        .with_padding(Padding { top, bottom, left, right })
        .with_dilation(layer.dilation)
        .with_groups(layer.groups);
    lookahead_nn::Conv2d::new(&shape).ok()
}

#[derive(Debug, Clone)]
struct State {
    convolution: lookahead_nn::Conv2d,
    x: Values,
    /// As the kernels have it: `[kernel height, kernel width, channels of a group, output channels]`.
    weight: Values,
    /// As Burn has it.
    weight_shape: [usize; 4],
}

fn fused(convolution: lookahead_nn::Conv2d, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let weight_shape = weight.dims();
    let ((x, x_node), (of_burn, weight_node)) = (open(x), open(weight));
    let mut weight = vec![0.0; convolution.weight_len()];
    convolution.weight_from_oihw(of_burn.as_slice(), &mut weight).expect(CHECKED);
    let (bias, bias_node) = bias.map(open).unzip();
    let mut y = vec![0.0; convolution.output_len()];
    let bias_values = bias.as_ref().map(Values::as_slice);
    convolution.forward(x.as_slice(), &weight, bias_values, &mut y).expect(CHECKED);
    let (weight, y) = (Values::new(weight, weight_shape), Values::new(y, convolution.output_shape()));
    let state = State { convolution, x, weight, weight_shape };
    match bias_node {
        None => record(Convolve, [x_node, weight_node], state, y),
        Some(bias_node) => record(ConvolveWithBias, [x_node, weight_node, bias_node], state, y),
    }
}

/// Why no kernel refuses its slices: they are made of the convolution's lengths, or are tensors of the shapes that
/// [`convolution`] has compared.
const CHECKED: &str = "slices of the convolution's own shapes";

#[derive(Debug)]
struct Convolve;

#[derive(Debug)]
struct ConvolveWithBias;

impl Backward<Flex, 2> for Convolve {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        ops.state.hand_on(ids!(ops.parents), upstream.as_slice(), grads);
    }
}

impl Backward<Flex, 3> for ConvolveWithBias {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let ([x, weight, bias], dy) = (ids!(ops.parents), upstream.as_slice());
        hand_on(grads, bias, || {
            let [.., filters] = ops.state.convolution.output_shape();
            let mut db = vec![0.0; filters];
            ops.state.convolution.backward_bias(dy, &mut db).expect(CHECKED);
            Values::new(db, [filters])
        });
        ops.state.hand_on([x, weight], dy, grads);
    }
}

impl State {
    /// Hands on the gradients of the images and the weights.
    fn hand_on(&self, [x, weight]: [Option<NodeId>; 2], dy: &[f32], grads: &mut Gradients) {
        let convolution = &self.convolution;
        hand_on(grads, weight, || {
            let (mut dw, mut of_burn) = (vec![0.0; convolution.weight_len()], vec![0.0; convolution.weight_len()]);
            convolution.backward_weight(self.x.as_slice(), dy, &mut dw).expect(CHECKED);
            convolution.weight_to_oihw(&dw, &mut of_burn).expect(CHECKED);
            Values::new(of_burn, self.weight_shape)
        });
        hand_on(grads, x, || {
            let mut dx = vec![0.0; convolution.input_len()];
            convolution.backward_data(dy, self.weight.as_slice(), &mut dx).expect(CHECKED);
            Values::new(dx, convolution.shape().input)
        });
    }
}
