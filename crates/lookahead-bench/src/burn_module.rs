//! The Burn adapter's steps: a module with one parameter for each tensor.

use std::time::Duration;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use lookahead_burn::InnerOptimizer;

use crate::memory::Memory;
use crate::protocol::{Shape, Sums, Variant, time};

/// Parameters without a network. Their shapes make no difference to a step: all are vectors.
#[derive(Module, Debug)]
pub struct Parameters {
    tensors: Vec<Param<Tensor<1>>>,
}

/// A module moved by an optimizer of the Burn adapter.
pub struct BurnModule<O> {
    optimizer: O,
    lr: ModuleLearningRate,
    // None only within a step, which moves the module.
    module: Option<Parameters>,
    grads: Vec<Tensor<1>>,
}

impl<O> BurnModule<O> {
    /// Marks the memory base once the weights exist; Burn makes an optimizer's state at its first step.
    pub fn new(optimizer: O, lr: f64, shapes: &[Shape], grads: &[Tensor<1>], memory: &mut Memory) -> Self {
        // Off autodiff: its graphs would pile up, as no backward pass ever consumes them here.
        let device = Device::flex();
        let param = |shape: &Shape| Param::from_tensor(Tensor::from_data(data(shape.weights()), &device));
        let module = Parameters { tensors: shapes.iter().map(param).collect() };
        memory.mark_base();
        Self { optimizer, lr: lr.into(), module: Some(module), grads: grads.to_vec() }
    }
}

impl<O: InnerOptimizer> Variant for BurnModule<O> {
    fn step(&mut self) -> Duration {
        let Some(module) = self.module.take() else { return Duration::ZERO };
        let mut grads = GradientsParams::new();
        for (param, gradient) in module.tensors.iter().zip(&self.grads) {
            grads.register(param.id, gradient.clone());
        }
        let (module, elapsed) = time(|| self.optimizer.advance(&self.lr, module, grads));
        self.module = Some(module);
        elapsed
    }

    fn add_to(&self, sums: &mut Sums) {
        for param in self.module.iter().flat_map(|module| &module.tensors) {
            let weights: Vec<f32> = param.val().into_data().iter().collect();
            sums.add(&weights);
        }
    }
}

pub fn gradients(shapes: &[Shape]) -> Vec<Tensor<1>> {
    shapes.iter().map(|shape| Tensor::from_data(data(shape.gradients()), &Device::flex())).collect()
}

fn data(values: Vec<f32>) -> TensorData {
    let length = values.len();
    TensorData::new(values, [length])
}
