//! The residual block: convolutions with batch norm, and the shortcut around them.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use lookahead_layers::{Epilogue, batch_norm, conv2d, thin_and_pad};

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

    /// Of images with channels last.
    pub(super) fn forward(&self, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
        batch_norm(&self.norm, conv2d(&self.convolution, x), epilogue)
    }
}

/// `relu(F(x) + shortcut(x))`, F being two or three convolutions with ReLU between them.
#[derive(Module, Debug)]
pub(super) struct Block {
    layers: Vec<NormedConvolution>,
    /// A 1x1 convolution; without it the input itself, thinned out and padded to the output's shape.
    projection: Option<NormedConvolution>,
    stride: usize,
    outgoing: usize,
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
        Self { layers, projection, stride, outgoing }
    }

    /// Of images with channels last.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.projection {
            Some(projection) => projection.forward(x.clone(), Epilogue::default()),
            None => thin_and_pad(x.clone(), self.stride, self.outgoing),
        };
        let (mut y, mut shortcut) = (x, Some(shortcut));
        for (index, layer) in self.layers.iter().enumerate() {
            let last = if index + 1 == self.layers.len() { shortcut.take() } else { None };
            y = layer.forward(y, last.map_or_else(Epilogue::relu, Epilogue::add_relu));
        }
        y
    }
}
