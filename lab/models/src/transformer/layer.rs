//! The layers of the encoder and the decoder: sublayers, each as LayerNorm(x + Dropout(sublayer(x))) (Sec. 3.1, 5.4).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use lookahead_layers::{linear, relu};

use super::attention::{Attention, Visible};
use super::initial::Initial;
use super::residual::Residual;
use crate::Dropout;
use crate::config::TransformerConfig;

/// max(0, x W1 + b1) W2 + b2 (Sec. 3.3).
#[derive(Module, Debug)]
struct FeedForward {
    inner: Linear,
    outer: Linear,
}

impl FeedForward {
    fn new(config: &TransformerConfig, initial: &mut Initial<'_>) -> Self {
        let [width, inner] = [config.width, config.feed_forward].map(|size| size.get() as usize);
        Self { inner: initial.linear(width, inner, 1), outer: initial.linear(inner, width, 1) }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        linear(&self.outer, relu(linear(&self.inner, x)))
    }
}

/// A layer of the encoder.
#[derive(Module, Debug)]
pub(super) struct EncoderLayer {
    attention: Attention,
    attention_residual: Residual,
    feed_forward: FeedForward,
    feed_forward_residual: Residual,
}

impl EncoderLayer {
    pub(super) fn new(config: &TransformerConfig, initial: &mut Initial<'_>) -> Self {
        let [width, heads] = [config.width, config.heads].map(|size| size.get() as usize);
        Self {
            attention: Attention::new(width, heads, initial),
            attention_residual: Residual::new(config, initial),
            feed_forward: FeedForward::new(config, initial),
            feed_forward_residual: Residual::new(config, initial),
        }
    }

    /// Of `x`, `[batch, source, width]`.
    pub(super) fn forward(&self, x: Tensor<3>, visible: &Visible, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let attended = self.attention.forward(x.clone(), self.attention.project(x.clone()), visible);
        let x = self.attention_residual.forward(x, attended, dropout);
        let fed = self.feed_forward.forward(x.clone());
        self.feed_forward_residual.forward(x, fed, dropout)
    }
}

/// A layer of the decoder.
#[derive(Module, Debug)]
pub(super) struct DecoderLayer {
    attention: Attention,
    attention_residual: Residual,
    cross_attention: Attention,
    cross_attention_residual: Residual,
    feed_forward: FeedForward,
    feed_forward_residual: Residual,
}

impl DecoderLayer {
    pub(super) fn new(config: &TransformerConfig, initial: &mut Initial<'_>) -> Self {
        let [width, heads] = [config.width, config.heads].map(|size| size.get() as usize);
        Self {
            attention: Attention::new(width, heads, initial),
            attention_residual: Residual::new(config, initial),
            cross_attention: Attention::new(width, heads, initial),
            cross_attention_residual: Residual::new(config, initial),
            feed_forward: FeedForward::new(config, initial),
            feed_forward_residual: Residual::new(config, initial),
        }
    }

    /// The keys and values of the encoder's output.
    pub(super) fn project(&self, encoded: Tensor<3>) -> Tensor<3> {
        self.cross_attention.project(encoded)
    }

    /// Of all positions `x`, `[batch, target, width]`.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        encoded: Tensor<3>,
        visible: &Visible,
        dropout: &mut Dropout<'_>,
    ) -> Tensor<3> {
        let attended = self.attention.forward(x.clone(), self.attention.project(x.clone()), &Visible::Causal);
        let x = self.attention_residual.forward(x, attended, dropout);
        let attended = self.cross_attention.forward(x.clone(), self.project(encoded), visible);
        self.after_attention(x, attended, dropout)
    }

    /// Of one more position of each hypothesis, `[sentences, hypotheses, width]`.
    pub(super) fn step(
        &self,
        x: Tensor<3>,
        before: &mut Option<Tensor<3>>,
        projected: Tensor<3>,
        visible: &Visible,
    ) -> Tensor<3> {
        let [sentences, hypotheses, width] = x.dims();
        let last = x.clone().reshape([sentences * hypotheses, 1, width]);
        let projected_last = self.attention.project(last.clone());
        let all = match before.take() {
            Some(before) => Tensor::cat(vec![before, projected_last], 1),
            None => projected_last,
        };
        *before = Some(all.clone());
        let attended = self.attention.forward(last, all, &Visible::All);
        let dropout = &mut Dropout::evaluation();
        let x = self.attention_residual.forward(x, attended.reshape([sentences, hypotheses, width]), dropout);
        let attended = self.cross_attention.forward(x.clone(), projected, visible);
        self.after_attention(x, attended, dropout)
    }

    fn after_attention(&self, x: Tensor<3>, attended: Tensor<3>, dropout: &mut Dropout<'_>) -> Tensor<3> {
        let x = self.cross_attention_residual.forward(x, attended, dropout);
        let fed = self.feed_forward.forward(x.clone());
        self.feed_forward_residual.forward(x, fed, dropout)
    }
}
