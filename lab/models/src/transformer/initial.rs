//! The initial weights of a Transformer, drawn in the order in which its layers are made.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use lookahead_runs::random::{normal, stream, uniform};

pub(super) struct Initial<'a> {
    random: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Initial<'a> {
    pub(super) fn new(seed: u64, device: &'a Device) -> Self {
        Self { random: stream(seed, "initial weights", 0), device }
    }

    /// From N(0, 1 / width): times sqrt(width), as embeddings are used, it has deviation 1.
    pub(super) fn embedding(&mut self, vocabulary: usize, width: usize) -> Param<Tensor<2>> {
        let deviation = (width as f64).sqrt().recip();
        let values = (0..vocabulary * width).map(|_| (normal(&mut self.random) * deviation) as f32).collect();
        self.param(values, [vocabulary, width])
    }

    /// A linear layer of `blocks` matrices `[inputs, outputs]` side by side, each of them uniform in Xavier's bounds
    /// ±sqrt(6 / (inputs + outputs)); biases 0.
    pub(super) fn linear(&mut self, inputs: usize, outputs: usize, blocks: usize) -> Linear {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        let count = inputs * outputs * blocks;
        let values = (0..count).map(|_| ((2.0 * uniform(&mut self.random) - 1.0) * bound) as f32).collect();
        let weight = self.param(values, [inputs, outputs * blocks]);
        Linear { weight, bias: Some(self.constant(0.0, outputs * blocks)) }
    }

    /// The same value everywhere.
    pub(super) fn constant(&self, value: f32, width: usize) -> Param<Tensor<1>> {
        self.param(vec![value; width], [width])
    }

    fn param<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }
}
