//! What follows each sublayer: LayerNorm(x + Dropout(sublayer(x))) (Sec. 3.1, 5.4; Ba et al. 2016).

mod fused;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::initial::Initial;
use crate::Dropout;
use crate::config::TransformerConfig;
use crate::fused::opens;

/// As in PyTorch; Vaswani et al. do not say.
const EPSILON: f32 = 1e-5;

/// Dropout, the addition of the sublayer's input, and layer normalisation.
#[derive(Module, Debug)]
pub(super) struct Residual {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    dropout: f64,
}

impl Residual {
    /// With gain 1 and bias 0.
    pub(super) fn new(config: &TransformerConfig, initial: &Initial<'_>) -> Self {
        let width = config.width.get() as usize;
        Self { gamma: initial.constant(1.0, width), beta: initial.constant(0.0, width), dropout: config.dropout }
    }

    /// Of a sublayer and its input `x`, both `[batch, length, width]`.
    pub(super) fn forward(&self, x: Tensor<3>, sublayer: Tensor<3>, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let mask = dropout.mask(self.dropout, x.dims(), (&x.device(), x.dtype()));
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        if opens(&x) {
            return fused::forward([x, sublayer], mask, [gamma, beta]);
        }
        let sum = match mask {
            Some(mask) => x + sublayer * mask,
            None => x + sublayer,
        };
        // gamma (s - mean) / sqrt(var + epsilon) + beta, over each position
        let centred = sum.clone() - sum.mean_dim(2);
        let deviation = (centred.clone().square().mean_dim(2) + EPSILON).sqrt();
        centred / deviation * gamma.unsqueeze() + beta.unsqueeze()
    }
}
