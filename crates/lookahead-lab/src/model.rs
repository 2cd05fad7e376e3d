//! The networks that a configuration can name, and their initial weights.

mod cnn;
mod init;
mod mlp;
mod weights;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use self::cnn::Cnn;
pub use self::mlp::Mlp;
pub use self::weights::{load_weights, named_weights};

use crate::config::ModelConfig;
use crate::data::ImageShape;

/// A network from images to class scores.
#[derive(Module, Debug)]
pub enum Network {
    /// Fully connected layers.
    Mlp(Mlp),
    /// Convolutions.
    Cnn(Cnn),
}

impl Network {
    /// The network of a configuration on an autodiff device, its initial weights drawn from `seed` alone.
    #[must_use]
    pub fn new(config: &ModelConfig, image: ImageShape, classes: usize, seed: u64, device: &Device) -> Self {
        let network = match config {
            ModelConfig::Mlp { hidden } => Self::Mlp(Mlp::new(hidden, image, classes, device)),
            ModelConfig::Cnn { channels, batch_norm } => {
                Self::Cnn(Cnn::new(channels, *batch_norm, image, classes, device))
            }
        };
        init::he_normal(network, seed)
    }

    /// Scores, `[batch, classes]`, of images, `[batch, pixels]`.
    #[must_use]
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Mlp(mlp) => mlp.forward(images),
            Self::Cnn(cnn) => cnn.forward(images),
        }
    }

    /// Whether it has batch-norm statistics.
    #[must_use]
    pub fn has_batch_norm(&self) -> bool {
        matches!(self, Self::Cnn(cnn) if cnn.has_batch_norm())
    }
}
