//! Residual networks (He, Zhang, Ren, Sun 2016): those for CIFAR, and ResNet-18, -50 and -152. The networks of Sec. 5.1, 5.2.

mod block;
mod shape;

use burn::module::Module;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use self::block::{Block, NormedConvolution};
pub(super) use self::shape::ResNetShape;
use crate::config::StemConfig;
use lookahead_data::ImageShape;
use lookahead_layers::{Epilogue, channels_last, global_average, max_pool2d};

/// A residual network: a stem, stages of blocks, the mean over all pixels, one linear layer.
///
/// Convolutions have no bias, for batch norm follows each. Images of any size can be given: the mean takes what is left.
///
/// Batch norm is PyTorch's, epsilon 1e-5, momentum 0.1 (`running <- 0.9 running + 0.1 batch`), but for one thing: the
/// running variance takes in the batch's variance divided by n, where PyTorch divides by n - 1. With the n = batch
/// times pixels that are seen here the two differ by less than 1 part in 1,000.
#[derive(Module, Debug)]
pub struct ResNet {
    /// One convolution in every network here.
    stem: Vec<NormedConvolution>,
    pool: Option<MaxPool2d>,
    stages: Vec<Vec<Block>>,
    classifier: Linear,
    channels: usize,
    height: usize,
    width: usize,
}

impl ResNet {
    pub(super) fn new(shape: &ResNetShape, image: ImageShape, classes: usize, device: &Device) -> Self {
        let ImageShape { channels, height, width } = image;
        let (stem, pool) = match shape.stem {
            StemConfig::Small => (NormedConvolution::new([channels, shape.width], 3, 1, device), None),
            StemConfig::Imagenet => {
                let pool = MaxPool2dConfig::new([3, 3])
                    .with_strides([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
                (NormedConvolution::new([channels, shape.width], 7, 2, device), Some(pool.init()))
            }
        };
        let mut incoming = shape.width;
        let mut stages = Vec::new();
        for (stage, &count) in shape.blocks.iter().enumerate() {
            // Each stage after the first has half the height and width of the one before, and twice its channels.
            let inner = shape.width << stage;
            let mut blocks = Vec::new();
            for block in 0..count {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(Block::new(shape, incoming, inner, stride, device));
                incoming = shape.outgoing(inner);
            }
            stages.push(blocks);
        }
        let classifier = LinearConfig::new(incoming, classes).with_initializer(Initializer::Zeros).init(device);
        Self { stem: vec![stem], pool, stages, classifier, channels, height, width }
    }

    pub(super) fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let [batch, _] = images.dims();
        let mut x = channels_last(images.reshape([batch, self.channels, self.height, self.width]));
        for layer in &self.stem {
            x = layer.forward(x, Epilogue::relu());
        }
        if let Some(pool) = &self.pool {
            x = max_pool2d(pool, x);
        }
        for block in self.stages.iter().flatten() {
            x = block.forward(x);
        }
        self.classifier.forward(global_average(x))
    }
}
