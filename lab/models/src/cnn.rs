//! 3x3 convolutions, each with batch norm on request, ReLU and 2x2 max pooling; then one linear layer.

use std::num::NonZeroU32;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use lookahead_data::ImageShape;
use lookahead_layers::{Epilogue, batch_norm, channels_first, channels_last, conv2d, max_pool2d, relu};

/// A small convolutional network.
#[derive(Module, Debug)]
pub struct Cnn {
    blocks: Vec<Block>,
    classifier: Linear,
    channels: usize,
    height: usize,
    width: usize,
}

#[derive(Module, Debug)]
struct Block {
    convolution: Conv2d,
    norm: Option<BatchNorm>,
    pool: Option<MaxPool2d>,
}

impl Cnn {
    pub(super) fn new(
        channels: &[NonZeroU32],
        batch_norm: bool,
        image: ImageShape,
        classes: usize,
        device: &Device,
    ) -> Self {
        let ImageShape { channels: mut incoming, mut height, mut width } = image;
        let mut blocks = Vec::new();
        for outgoing in channels.iter().map(|channels| channels.get() as usize) {
            let convolution = Conv2dConfig::new([incoming, outgoing], [3, 3]).with_padding(PaddingConfig2d::Same);
            // Below 2x2 there is nothing left to pool.
            let pools = height > 1 && width > 1;
            blocks.push(Block {
                convolution: convolution.init(device),
                norm: batch_norm.then(|| BatchNormConfig::new(outgoing).init(device)),
                pool: pools.then(|| MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init()),
            });
            if pools {
                (height, width) = (height / 2, width / 2);
            }
            incoming = outgoing;
        }
        let classifier = LinearConfig::new(incoming * height * width, classes).init(device);
        Self { blocks, classifier, channels: image.channels, height: image.height, width: image.width }
    }

    pub(super) fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let [batch, _] = images.dims();
        let mut x = channels_last(images.reshape([batch, self.channels, self.height, self.width]));
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.classifier.forward(channels_first(x).flatten(1, 3))
    }

    pub(super) fn has_batch_norm(&self) -> bool {
        self.blocks.iter().any(|block| block.norm.is_some())
    }
}

impl Block {
    /// Of images with channels last.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = conv2d(&self.convolution, x);
        let x = match &self.norm {
            Some(norm) => batch_norm(norm, x, Epilogue::relu()),
            None => relu(x),
        };
        match &self.pool {
            Some(pool) => max_pool2d(pool, x),
            None => x,
        }
    }
}
