//! Initial weights that depend on the seed alone: He et al.'s normal ones, biases 0.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::random::stream;

/// Draws every matrix and convolution from N(0, 2 / fan-in) and sets biases to 0; batch norm keeps its 1 and 0.
pub(super) fn he_normal<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut HeNormal { random: stream(seed, "initial weights", 0), names: Vec::new() })
}

struct HeNormal {
    random: ChaCha8Rng,
    names: Vec<String>,
}

impl ModuleMapper for HeNormal {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims().to_vec();
        let count = shape.iter().product();
        // A linear weight is [in, out], a convolution's [out, in, height, width].
        let fan_in = match shape[..] {
            [fan_in, _] => fan_in,
            [_, fan_in, height, width] => fan_in * height * width,
            _ => 0,
        };
        let values = match self.names.last().map(String::as_str) {
            Some("bias") => vec![0.0; count],
            _ if fan_in > 0 => {
                let deviation = (2.0 / fan_in as f64).sqrt();
                (0..count).map(|_| (normal(&mut self.random) * deviation) as f32).collect()
            }
            _ => return param,
        };
        param.map(|tensor| {
            let data = TensorData::new(values, shape);
            Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
        })
    }
}

/// A standard normal number, by Box and Muller.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    // Uniform in (0, 1], by 53 bits.
    let mut uniform = || ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
    radius * angle.cos()
}
