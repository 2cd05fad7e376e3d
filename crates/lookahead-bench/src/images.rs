//! The networks for images, on numbers in the place of pixels.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_data::ImageShape;
use lookahead_models::Network;
use lookahead_models::config::{ModelConfig, NetworkConfig};

use super::{Work, model};

const CLASSES: usize = 10;

pub struct Images {
    config: NetworkConfig,
    image: ImageShape,
    pixels: Vec<f32>,
    labels: Vec<i64>,
}

impl Images {
    pub fn new(network: &str, batch: usize) -> Result<Self, String> {
        const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
        const GREY: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
        let (table, image) = match network {
            "resnet20" => ("name = 'resnet', depth = 20", CIFAR),
            "resnet8_4" => ("name = 'resnet', depth = 8, width = 4", CIFAR),
            "resnet8_8" => ("name = 'resnet', depth = 8, width = 8", CIFAR),
            "resnet8_16" => ("name = 'resnet', depth = 8, width = 16", CIFAR),
            "resnet18" => ("name = 'resnet18'", CIFAR),
            _ => ("name = 'cnn', channels = [32, 64, 128], batch_norm = false", GREY),
        };
        let ModelConfig::Network(config) = model("digits", table)? else {
            return Err(format!("{network} is no network for images"));
        };
        let pixels = (0..batch * image.pixels()).map(pixel).collect();
        let labels = (0..batch).map(|example| (example % CLASSES) as i64).collect();
        Ok(Self { config, image, pixels, labels })
    }
}

impl Work for Images {
    type Model = Network;
    type Batch = (Tensor<2>, Tensor<1, Int>);

    fn model(&self, device: &Device) -> Network {
        Network::new(&self.config, self.image, CLASSES, 0, device)
    }

    fn batch(&self, device: &Device) -> Self::Batch {
        let batch = self.labels.len();
        let images = TensorData::new(self.pixels.clone(), [batch, self.pixels.len() / batch]);
        let labels = TensorData::new(self.labels.clone(), [batch]);
        (Tensor::from_data(images, device), Tensor::from_data(labels, device))
    }

    fn loss(&mut self, network: &Network, (images, labels): Self::Batch, device: &Device) -> Tensor<1> {
        CrossEntropyLossConfig::new().init(device).forward(network.forward(images), labels)
    }
}

/// Number `index` of the images, between -1 and 1.
fn pixel(index: usize) -> f32 {
    let hashed = (index as u64).wrapping_mul(2_654_435_761) as u32;
    (f64::from(hashed) / 2_147_483_648.0 - 1.0) as f32
}
