//! Initial weights that depend on the seed alone: He et al.'s normal ones, in the two forms that are in use.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use lookahead_runs::random::{normal, stream, uniform};

/// Draws every matrix and convolution from N(0, 2 / fan-in) and sets biases to 0; batch norm keeps its 1 and 0.
pub(super) fn fan_in<M: Module>(module: M, seed: u64) -> M {
    draw(module, seed, Rule::FanIn)
}

/// Draws convolutions from N(0, 2 / fan-out), and linear layers with their biases from the uniform distribution between
/// ±1 / sqrt(fan-in); batch norm keeps its 1 and 0.
pub(super) fn fan_out<M: Module>(module: M, seed: u64) -> M {
    draw(module, seed, Rule::FanOut)
}

fn draw<M: Module>(module: M, seed: u64, rule: Rule) -> M {
    module.map(&mut Draw { random: stream(seed, "initial weights", 0), rule, names: Vec::new(), fan_in: 0 })
}

#[derive(Clone, Copy)]
enum Rule {
    FanIn,
    FanOut,
}

struct Draw {
    random: ChaCha8Rng,
    rule: Rule,
    names: Vec<String>,
    /// Of the last weight: a layer's bias comes after its weight.
    fan_in: usize,
}

impl ModuleMapper for Draw {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims().to_vec();
        let count = shape.iter().product();
        let is_bias = self.names.last().is_some_and(|name| name == "bias");
        // A linear weight is [in, out], a convolution's [out, in, height, width].
        let values = match (self.rule, &shape[..]) {
            (Rule::FanIn, _) if is_bias => vec![0.0; count],
            (Rule::FanOut, _) if is_bias => self.uniform(count),
            (Rule::FanIn, &[fan_in, _]) => self.normal(count, fan_in),
            (Rule::FanIn, &[_, channels, height, width]) => self.normal(count, channels * height * width),
            (Rule::FanOut, &[channels, _, height, width]) => self.normal(count, channels * height * width),
            (Rule::FanOut, &[fan_in, _]) => {
                self.fan_in = fan_in;
                self.uniform(count)
            }
            _ => return param,
        };
        param.map(|tensor| {
            let data = TensorData::new(values, shape);
            Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
        })
    }
}

impl Draw {
    /// From N(0, 2 / fan).
    fn normal(&mut self, count: usize, fan: usize) -> Vec<f32> {
        let deviation = (2.0 / fan as f64).sqrt();
        (0..count).map(|_| (normal(&mut self.random) * deviation) as f32).collect()
    }

    /// Uniform between ±1 / sqrt(fan-in).
    fn uniform(&mut self, count: usize) -> Vec<f32> {
        let bound = 1.0 / (self.fan_in as f64).sqrt();
        (0..count).map(|_| ((2.0 * uniform(&mut self.random) - 1.0) * bound) as f32).collect()
    }
}
