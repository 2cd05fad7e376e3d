//! What the examples train: a small network that learns the sine of its input.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData, activation};

#[derive(Module, Debug)]
pub struct Network {
    pub hidden: Linear,
    pub output: Linear,
}

impl Network {
    pub fn new() -> Self {
        let device = Device::flex().autodiff();
        device.seed(1);
        Self { hidden: LinearConfig::new(1, 32).init(&device), output: LinearConfig::new(32, 1).init(&device) }
    }

    /// The mean squared error on the inputs from -3 to 3 that a batch consists of.
    pub fn loss_on(&self, inputs: &[f32]) -> Tensor<1> {
        let weight = self.hidden.weight.val();
        let data = TensorData::new(inputs.to_vec(), [inputs.len(), 1]);
        let inputs = Tensor::<2>::from_data(data, (&weight.device(), weight.dtype()));
        let outputs = self.output.forward(activation::tanh(self.hidden.forward(inputs.clone())));
        (outputs - inputs.sin()).square().mean()
    }

    pub fn gradients(&self, inputs: &[f32]) -> GradientsParams {
        GradientsParams::from_grads(self.loss_on(inputs).backward(), self)
    }

    /// The loss on inputs that no batch has.
    pub fn test_loss(&self) -> f32 {
        let inputs: Vec<f32> = (0..100).map(|i| (i as f32 - 49.5) * 0.06).collect();
        self.loss_on(&inputs).into_scalar::<f32>()
    }
}

/// 64 inputs, shifted a little from step to step.
pub fn batch(step: usize) -> Vec<f32> {
    (0..64).map(|i| (i as f32 - 32.0) * 3.0 / 32.0 + (step % 7) as f32 / 70.0).collect()
}
