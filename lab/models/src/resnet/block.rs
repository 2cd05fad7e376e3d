//! The residual block: convolutions with batch norm, and the shortcut around them.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, s};

use super::shape::{BlockKind, ResNetShape, ShortcutKind};

/// A convolution without bias, and batch norm.
#[derive(Module, Debug)]
pub(super) struct NormedConvolution {
    convolution: Conv2d,
    norm: BatchNorm,
}

impl NormedConvolution {
    /// `channels` in and out; `kernel` is odd, and the padding such that stride 1 keeps height and width.
    pub(super) fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        let padding = kernel / 2;
        let convolution = Conv2dConfig::new(channels, [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(false)
            .with_initializer(Initializer::Zeros);
        // Burn's momentum is the share of the new batch, as PyTorch's is.
        let norm = BatchNormConfig::new(channels[1]).with_epsilon(1e-5).with_momentum(0.1);
        Self { convolution: convolution.init(device), norm: norm.init(device) }
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.convolution.forward(x))
    }
}

/// `relu(F(x) + shortcut(x))`, F being two or three convolutions with ReLU between them.
#[derive(Module, Debug)]
pub(super) struct Block {
    layers: Vec<NormedConvolution>,
    /// A 1x1 convolution; without it the input itself, thinned out and padded to the output's shape.
    projection: Option<NormedConvolution>,
    stride: usize,
}

impl Block {
    pub(super) fn new(shape: &ResNetShape, incoming: usize, inner: usize, stride: usize, device: &Device) -> Self {
        let outgoing = shape.outgoing(inner);
        let layers = match shape.kind {
            BlockKind::Basic => vec![
                NormedConvolution::new([incoming, inner], 3, stride, device),
                NormedConvolution::new([inner, outgoing], 3, 1, device),
            ],
            // The stride is on the 3x3 convolution, as in torchvision; He et al. have it on the first.
            BlockKind::Bottleneck => vec![
                NormedConvolution::new([incoming, inner], 1, 1, device),
                NormedConvolution::new([inner, inner], 3, stride, device),
                NormedConvolution::new([inner, outgoing], 1, 1, device),
            ],
        };
        let projects = shape.shortcut == ShortcutKind::Projection && (stride > 1 || incoming != outgoing);
        let projection = projects.then(|| NormedConvolution::new([incoming, outgoing], 1, stride, device));
        Self { layers, projection, stride }
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut y = x.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            y = layer.forward(if index > 0 { relu(y) } else { y });
        }
        let shortcut = match &self.projection {
            Some(projection) => projection.forward(x),
            None => thin_and_pad(x, self.stride, y.dims()),
        };
        relu(y + shortcut)
    }
}

/// Every `stride`-th row and column, and channels of zeros after those that are there.
fn thin_and_pad(x: Tensor<4>, stride: usize, shape: [usize; 4]) -> Tensor<4> {
    if x.dims() == shape {
        return x;
    }
    let x = x.slice(s![.., .., ..;stride, ..;stride]);
    let [batch, channels, height, width] = x.dims();
    let zeros = Tensor::zeros([batch, shape[1] - channels, height, width], &x.device());
    Tensor::cat(vec![x, zeros], 1)
}
