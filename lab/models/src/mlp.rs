//! Fully connected layers with ReLU between them.

use std::num::NonZeroU32;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use lookahead_data::ImageShape;

/// A multilayer perceptron.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    pub(super) fn new(hidden: &[NonZeroU32], image: ImageShape, classes: usize, device: &Device) -> Self {
        let hidden = hidden.iter().map(|width| width.get() as usize);
        let widths: Vec<usize> = std::iter::once(image.pixels()).chain(hidden).chain([classes]).collect();
        let layers = widths.windows(2).map(|pair| LinearConfig::new(pair[0], pair[1]).init(device)).collect();
        Self { layers }
    }

    pub(super) fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let Some((last, hidden)) = self.layers.split_last() else { return images };
        last.forward(hidden.iter().fold(images, |x, layer| relu(layer.forward(x))))
    }
}
