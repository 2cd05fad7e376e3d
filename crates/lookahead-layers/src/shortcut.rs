//! The shortcut without parameters of He et al. (2016), option A.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::{Tensor, s};
use lookahead_flex::{Values, open, record};
use rayon::prelude::*;

use crate::{hand_on, opens};

/// Every `stride`-th row and column of images `[batch, height, width, channels]`, and channels of zeros after those that are
/// there, up to `channels`.
///
/// # Panics
/// If `stride` is 0, or there are more channels than `channels`.
#[must_use]
pub fn thin_and_pad(x: Tensor<4>, stride: usize, channels: usize) -> Tensor<4> {
    let [batch, height, width, before] = x.dims();
    assert!(stride > 0 && before <= channels, "{before} channels at a stride of {stride} cannot become {channels}");
    if stride == 1 && before == channels {
        return x;
    }
    let output = [batch, height.div_ceil(stride), width.div_ceil(stride), channels];
    if !opens(&x) {
        let thin = x.slice(s![.., ..;stride, ..;stride, ..]);
        let shape = [batch, output[1], output[2], channels - before];
        let zeros = Tensor::zeros(shape, (&thin.device(), thin.dtype()));
        return Tensor::cat(vec![thin, zeros], 3);
    }
    let (x, node) = open(x);
    let state = State { input: [batch, height, width, before], output, stride };
    let mut y = vec![0.0; output.iter().product()];
    let rows = y.par_chunks_mut(output[2] * channels).enumerate();
    rows.for_each(|(row, y)| {
        for (y, x) in y.chunks_exact_mut(channels).zip(state.kept(row, x.as_slice())) {
            y[..before].copy_from_slice(x);
        }
    });
    record(Thin, [node], state, Values::new(y, output))
}

#[derive(Debug, Clone, Copy)]
struct State {
    input: [usize; 4],
    output: [usize; 4],
    stride: usize,
}

impl State {
    /// The pixels of the input that are in a row of the outputs, counted over all images.
    fn kept<'x>(&self, row: usize, x: &'x [f32]) -> impl Iterator<Item = &'x [f32]> {
        let [_, height, width, channels] = self.input;
        let (image, row) = (row / self.output[1], row % self.output[1]);
        let start = (image * height + row * self.stride) * width * channels;
        x[start..start + width * channels].chunks_exact(channels).step_by(self.stride)
    }
}

#[derive(Debug)]
struct Thin;

impl Backward<Flex, 1> for Thin {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let ([x], State { input, output, stride }) = (ids!(ops.parents), ops.state);
        hand_on(grads, x, || {
            let [_, height, width, channels] = input;
            let mut dx = vec![0.0; input.iter().product()];
            let rows = dx
                .par_chunks_mut(width * channels)
                .enumerate()
                .filter(|(row, _)| (row % height).is_multiple_of(stride));
            rows.for_each(|(row, dx)| {
                let row = row / height * output[1] + row % height / stride;
                let dy = &upstream.as_slice()[row * output[2] * output[3]..][..output[2] * output[3]];
                let pixels = dx.chunks_exact_mut(channels).step_by(stride).zip(dy.chunks_exact(output[3]));
                pixels.for_each(|(dx, dy)| dx.copy_from_slice(&dy[..channels]));
            });
            Values::new(dx, input)
        });
    }
}
