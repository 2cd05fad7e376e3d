//! A small network with convolution and batch norm, whose initial weights and batches are the same in every process.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, activation};

use crate::device;

#[derive(Module, Debug)]
pub struct Network {
    pub conv: Conv2d,
    pub norm: BatchNorm,
    pub head: Linear,
}

const CHANNELS: usize = 3;
const SIDE: usize = 6;
const BATCH: usize = 8;

impl Network {
    pub fn new() -> Self {
        let device = device::under_test().autodiff();
        let network = Self {
            conv: Conv2dConfig::new([1, CHANNELS], [3, 3]).init(&device),
            norm: BatchNormConfig::new(CHANNELS).init(&device),
            head: LinearConfig::new(CHANNELS * (SIDE - 2) * (SIDE - 2), 2).init(&device),
        };
        network.map(&mut Initialize { stream: 0 })
    }

    /// The same network as a process would know it that read only values: its parameters have other ids.
    pub fn with_new_ids(self) -> Self {
        self.map(&mut NewIds)
    }

    /// The scores of images of a step's batch.
    pub fn forward(&self, step: u64) -> Tensor<2> {
        let device = self.head.weight.val().device();
        let data = TensorData::new(uniform(BATCH * SIDE * SIDE, 1000 + step), [BATCH, 1, SIDE, SIDE]);
        let hidden = activation::relu(self.norm.forward(self.conv.forward(Tensor::<4>::from_data(data, &device))));
        self.head.forward(hidden.flatten(1, 3))
    }

    /// The mean squared distance of a step's scores from its targets.
    pub fn loss(&self, step: u64) -> Tensor<1> {
        let scores = self.forward(step);
        let targets = TensorData::new(uniform(BATCH * 2, 2000 + step), [BATCH, 2]);
        let targets = Tensor::from_data(targets, &scores.device());
        (scores - targets).powf_scalar(2.0).mean()
    }

    pub fn gradients(&self, step: u64) -> GradientsParams {
        GradientsParams::from_grads(self.loss(step).backward(), self)
    }

    /// The bits of every weight and statistic, as they are (a batch-norm update may be pending beside them).
    pub fn bits(&self) -> Vec<u32> {
        let mut collect = Collect { bits: Vec::new() };
        self.visit(&mut collect);
        collect.bits
    }
}

/// The bits of a tensor.
pub fn bits<const D: usize>(tensor: Tensor<D>) -> Vec<u32> {
    tensor.into_data().iter::<f32>().map(f32::to_bits).collect()
}

struct Collect {
    bits: Vec<u32>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.bits.extend(bits(param.val()));
    }
}

struct NewIds;

impl ModuleMapper for NewIds {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, tensor, mapper) = param.consume();
        Param::from_mapped_value(ParamId::new(), tensor, mapper)
    }
}

struct Initialize {
    stream: u64,
}

impl ModuleMapper for Initialize {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param; // a batch-norm statistic
        }
        self.stream += 1;
        let stream = self.stream;
        param.map(|tensor| {
            let values = uniform(tensor.shape().num_elements(), stream);
            Tensor::from_data(TensorData::new(values, tensor.dims()), &tensor.device()).require_grad()
        })
    }
}

/// Numbers in (-0.5, 0.5), the same for the same stream.
fn uniform(count: usize, stream: u64) -> Vec<f32> {
    let mut state = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // Xorshift (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}
