//! The networks that a configuration can name, their initial weights, and the search for translations.

#![deny(missing_docs)]

mod awd_lstm;
pub mod bleu;
mod cnn;
pub mod config;
mod cross_entropy;
pub mod decode;
mod dropout;
mod fused;
mod import;
mod init;
mod memory;
mod mlp;
mod resnet;
mod transformer;
mod weights;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

pub use self::awd_lstm::{AwdLstm, LstmState, Output};
pub use self::cnn::Cnn;
pub use self::cross_entropy::cross_entropy;
pub use self::cross_entropy::log_sum;
pub use self::dropout::Dropout;
pub use self::import::{ImportError, import_weights, pytorch_name};
pub use self::memory::Memory;
pub use self::mlp::Mlp;
pub use self::resnet::ResNet;
pub use self::transformer::{Decoding, Encoded, Room, Sequences, Transformer};
pub use self::weights::{TensorError, in_precision, load_weights, named_weights};

use self::resnet::ResNetShape;
use crate::config::NetworkConfig;
use lookahead_data::ImageShape;

/// A network from images to class scores.
#[derive(Module, Debug)]
pub enum Network {
    /// Fully connected layers.
    Mlp(Mlp),
    /// Convolutions.
    Cnn(Cnn),
    /// Residual blocks.
    ResNet(ResNet),
}

impl Network {
    /// The network of a configuration on an autodiff device, its initial weights drawn from `seed` alone.
    ///
    /// MLP and CNN: N(0, 2 / fan-in), biases 0. Residual networks: convolutions from N(0, 2 / fan-out), batch norm 1 and
    /// 0, as in the programs of He et al. (2016), Zagoruyko and Komodakis (2016) and torchvision; the linear layer, bias
    /// included, uniform in ±1 / sqrt(fan-in), PyTorch's default, to which torchvision leaves it.
    #[must_use]
    pub fn new(config: &NetworkConfig, image: ImageShape, classes: usize, seed: u64, device: &Device) -> Self {
        let shape = match config {
            NetworkConfig::Mlp { hidden } => {
                return init::fan_in(Self::Mlp(Mlp::new(hidden, image, classes, device)), seed);
            }
            NetworkConfig::Cnn { channels, batch_norm } => {
                return init::fan_in(Self::Cnn(Cnn::new(channels, *batch_norm, image, classes, device)), seed);
            }
            NetworkConfig::ResNet { depth, width } => ResNetShape::cifar(*depth, *width),
            NetworkConfig::ResNet18 { width } => ResNetShape::resnet18(*width),
            NetworkConfig::ResNet50 { width, stem } => ResNetShape::bottleneck([3, 4, 6, 3], *width, *stem),
            NetworkConfig::ResNet152 { width, stem } => ResNetShape::bottleneck([3, 8, 36, 3], *width, *stem),
        };
        init::fan_out(Self::ResNet(ResNet::new(&shape, image, classes, device)), seed)
    }

    /// Scores, `[batch, classes]`, of images, `[batch, pixels]`.
    #[must_use]
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Mlp(mlp) => mlp.forward(images),
            Self::Cnn(cnn) => cnn.forward(images),
            Self::ResNet(resnet) => resnet.forward(images),
        }
    }

    /// Whether it has batch-norm statistics.
    #[must_use]
    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::Mlp(_) => false,
            Self::Cnn(cnn) => cnn.has_batch_norm(),
            Self::ResNet(_) => true,
        }
    }

    /// See [`parameters`].
    #[must_use]
    pub fn parameters(&self) -> usize {
        parameters(self)
    }
}

/// The number of trainable numbers of a model, without the running statistics of batch norm.
#[must_use]
pub fn parameters(model: &impl Module) -> usize {
    let mut count = Count::default();
    model.visit(&mut count);
    count.parameters
}

#[derive(Default)]
struct Count {
    name: String,
    parameters: usize,
}

impl ModuleVisitor for Count {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        name.clone_into(&mut self.name);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.name.starts_with("running_") {
            self.parameters += param.val().shape().num_elements();
        }
    }
}
