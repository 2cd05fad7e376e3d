//! A residual network of one block on made images: the layers in a model of one's own, with Burn's optimizer and records.
//!
//! `cargo run --release -p lookahead-layers --example residual`

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Distribution, Int, Tensor};
use lookahead_layers::{Epilogue, batch_norm, channels_last, conv2d, global_average};

/// Burn's modules, so that records and initialisation are Burn's.
#[derive(Module, Debug)]
struct Network {
    stem: Conv2d,
    stem_norm: BatchNorm,
    conv: Conv2d,
    norm: BatchNorm,
    head: Linear,
}

impl Network {
    fn new(channels: usize, classes: usize, device: &Device) -> Self {
        let conv = |inputs| {
            let same = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([inputs, channels], [3, 3]).with_padding(same).with_bias(false).init(device)
        };
        let norm = || BatchNormConfig::new(channels).init(device);
        let head = LinearConfig::new(channels, classes).init(device);
        Self { stem: conv(3), stem_norm: norm(), conv: conv(channels), norm: norm(), head }
    }

    /// Scores of images `[batch, 3, height, width]`, which are turned once.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = batch_norm(&self.stem_norm, conv2d(&self.stem, channels_last(images)), Epilogue::relu());
        let block = conv2d(&self.conv, x.clone());
        let x = batch_norm(&self.norm, block, Epilogue::add_relu(x));
        self.head.forward(global_average(x))
    }
}

/// Noise, and in images of the second class a lighter stripe.
fn images(count: usize, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
    let noise = Tensor::random([count, 3, 16, 16], Distribution::Normal(0.0, 1.0), device);
    let classes = Tensor::arange(0..count as i64, device).remainder_scalar(2);
    let light = classes.clone().float().reshape([count, 1, 1, 1]).expand([count, 3, 4, 16]);
    let plain = noise.clone().slice([0..count, 0..3, 0..4, 0..16]);
    (noise.slice_assign([0..count, 0..3, 0..4, 0..16], plain + light), classes)
}

fn main() {
    let device = Device::flex();
    device.seed(1);
    let training = device.clone().autodiff();
    let mut network = Network::new(16, 2, &training);
    let mut optimizer = SgdConfig::new().init();
    for step in 1..=40 {
        let (images, classes) = images(64, &training);
        let loss = CrossEntropyLossConfig::new().init(&training).forward(network.forward(images), classes);
        if step % 10 == 0 {
            println!("step {step}: loss {:.3}", loss.clone().into_scalar::<f32>());
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(0.1, network, gradients);
    }
    let (images, classes) = images(1000, &device);
    let right = network.valid().forward(images).argmax(1).reshape([1000]).equal(classes).int().sum();
    println!("{} of 1000 new images are told right", right.into_scalar::<i64>());
}
