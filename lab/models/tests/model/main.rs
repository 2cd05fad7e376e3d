//! The networks: their sizes, their initial weights, and what they compute.

mod golden;
mod import;

use burn::tensor::{Device, Tensor};
use lookahead_data::ImageShape;
use lookahead_models::config::{CifarDepth, NetworkConfig, StemConfig};
use lookahead_models::{Network, named_weights};

const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

fn cifar(depth: u32, width: u32) -> NetworkConfig {
    NetworkConfig::ResNet { depth: CifarDepth::new(depth).unwrap(), width: width.try_into().unwrap() }
}

fn resnet18(width: u32) -> NetworkConfig {
    NetworkConfig::ResNet18 { width: width.try_into().unwrap() }
}

fn resnet50(width: u32, stem: StemConfig) -> NetworkConfig {
    NetworkConfig::ResNet50 { width: width.try_into().unwrap(), stem }
}

fn resnet152(width: u32, stem: StemConfig) -> NetworkConfig {
    NetworkConfig::ResNet152 { width: width.try_into().unwrap(), stem }
}

fn network(config: &NetworkConfig, image: ImageShape, classes: usize) -> Network {
    Network::new(config, image, classes, 0, &Device::flex().autodiff())
}

#[test]
fn the_numbers_of_parameters_are_the_published_ones() {
    let parameters = |config: &NetworkConfig, classes| network(config, CIFAR, classes).parameters();
    // He et al. (2016), Table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million.
    for (depth, published) in [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)] {
        assert_eq!(parameters(&cifar(depth, 16), 10), published, "ResNet-{depth}");
    }
    assert_eq!(parameters(&resnet18(64), 10), 11_173_962);
    assert_eq!(parameters(&resnet18(64), 100), 11_220_132);
    // torchvision's table of models.
    assert_eq!(parameters(&resnet50(64, StemConfig::Imagenet), 1000), 25_557_032);
}

#[test]
fn any_image_can_be_given() {
    for config in [cifar(8, 2), resnet18(1), resnet50(1, StemConfig::Imagenet), resnet50(1, StemConfig::Small)] {
        for (channels, height, width) in [(1, 1, 1), (1, 8, 8), (3, 9, 13)] {
            let image = ImageShape { channels, height, width };
            let network = network(&config, image, 7);
            assert!(network.has_batch_norm());
            let images = Tensor::zeros([2, image.pixels()], &Device::flex().autodiff());
            assert_eq!(network.forward(images).dims(), [2, 7], "{config:?} {image:?}");
        }
    }
}

#[test]
fn initial_weights_depend_on_the_seed_alone() {
    let weights = |seed| {
        named_weights(&Network::new(&cifar(8, 4), CIFAR, 10, seed, &Device::flex().autodiff()))
            .unwrap()
            .into_iter()
            .map(|(name, data)| (name, data.try_to_vec::<f32>().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(weights(3), weights(3));
    assert_ne!(weights(3), weights(4));
}

#[test]
fn initial_weights_have_he_s_deviation_by_fan_out() {
    for (name, data) in named_weights(&network(&resnet18(32), CIFAR, 100)).unwrap() {
        let (shape, values) = (data.shape().to_vec(), data.try_to_vec::<f32>().unwrap());
        let constant = |value: f32| values.iter().all(|&x| x == value);
        match shape[..] {
            [outgoing, _, height, width] => {
                let expected = 2.0 / (outgoing * height * width) as f64;
                let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64;
                // The standard error of a normal sample's variance is sqrt(2 / n) of it; the fewest here are 864.
                let error = (2.0 / values.len() as f64).sqrt();
                assert!((variance / expected - 1.0).abs() < 4.0 * error, "{name}: {variance}, not {expected}");
            }
            _ if name.contains("classifier") => {
                // 256 features come in.
                let largest = values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                assert!(largest <= 1.0 / 16.0 && largest > 0.9 / 16.0, "{name}: up to {largest}");
            }
            _ if name.ends_with("gamma") || name.ends_with("running_var") => assert!(constant(1.0), "{name}"),
            _ => assert!(constant(0.0), "{name}"),
        }
    }
}
