//! What a law needs of an implementation: build it, step it, look at it, save it.

use lookahead::LookaheadConfig;

use crate::Law;

/// An implementation of Lookahead under test.
///
/// Weights and gradients cross as `f64` by position, whatever the precision inside: an `f32` survives with its bits.
/// Build it and its rules afresh in each call, so that nothing is shared but what `save` wrote.
pub trait Subject: Sized {
    /// The precision of its weights.
    const PRECISION: Precision;

    /// An optimizer with these hyperparameters around these weights, before the first step.
    fn new(setup: &Setup, tensors: &[Tensor]) -> Self;

    /// One gradient step with learning rate `lr`; a tensor without a gradient has `None`.
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]);

    /// The weights that gradients are taken at: the fast ones.
    fn weights(&self) -> Vec<Vec<f64>>;

    /// The slow weights of the outermost Lookahead, or the weights where there is none.
    fn slow(&self) -> Vec<Vec<f64>>;

    /// Ends a partial cycle of the outermost Lookahead and of those inside.
    fn sync_now(&mut self);

    /// Whatever a training loop does to evaluate on the slow weights.
    fn evaluate(&mut self);

    /// Everything that the next steps depend on.
    fn save(&self) -> Vec<u8>;

    /// What `save` wrote, in a new process: `tensors` has the names and shapes, but other values.
    fn load(setup: &Setup, tensors: &[Tensor], bytes: &[u8]) -> Self;

    /// Lets a tensor join after some steps.
    fn add(&mut self, tensor: &Tensor);

    /// Why this implementation cannot keep a law, by its design. `None`: it keeps it.
    fn exemption(_law: Law) -> Option<&'static str> {
        None
    }
}

/// The precision of an implementation's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// `f32`
    Single,
    /// `f64`
    Double,
}

impl Precision {
    /// The distance from 1 to the next larger number.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        match self {
            Self::Single => f64::from(f32::EPSILON),
            Self::Double => f64::EPSILON,
        }
    }

    /// The largest finite number.
    #[must_use]
    pub fn largest(self) -> f64 {
        match self {
            Self::Single => f64::from(f32::MAX),
            Self::Double => f64::MAX,
        }
    }

    /// The nearest number of this precision.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::Single => f64::from(value as f32),
            Self::Double => value,
        }
    }
}

/// A named tensor, row-major. In the standard cases it has one or two dimensions and at least one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The name, unique in its list.
    pub name: String,
    /// The extents, slowest dimension first.
    pub shape: Vec<usize>,
    /// The values, each exact in the subject's precision.
    pub values: Vec<f64>,
}

impl Tensor {
    /// The same name and shape with zeros: what a new process knows before it loads.
    #[must_use]
    pub fn blank(&self) -> Self {
        Self { values: vec![0.0; self.values.len()], ..self.clone() }
    }
}

/// The inner rules of the battery, each with hyperparameters that make its laws sharp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Plain SGD.
    Sgd,
    /// SGD with momentum 0.9 and dampening 0.25, so that the first step of a tensor differs from the later ones.
    HeavyBall,
    /// SGD with Nesterov momentum 0.9 and coupled weight decay 0.01.
    Nesterov,
    /// Adam with PyTorch's defaults: betas (0.9, 0.999), epsilon 1e-8, no weight decay.
    Adam,
    /// AdamW with PyTorch's defaults: Adam's, and decoupled weight decay 0.01.
    AdamW,
    /// AdaFactor with PyTorch's defaults.
    AdaFactor,
}

impl Rule {
    /// Whether a step depends on the gradients alone and not on the weights.
    #[must_use]
    pub fn ignores_weights(self) -> bool {
        matches!(self, Self::Sgd | Self::HeavyBall | Self::Adam)
    }

    /// Whether a gradient of zeros, from the start on, moves nothing.
    #[must_use]
    pub fn rests_without_gradient(self) -> bool {
        !matches!(self, Self::Nesterov | Self::AdamW)
    }

    /// Whether an element moves by its own gradient alone.
    #[must_use]
    pub fn is_elementwise(self) -> bool {
        self != Self::AdaFactor
    }
}

/// An optimizer: a rule, and the Lookaheads around it, innermost first (at most two).
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The rule in the middle.
    pub rule: Rule,
    /// The hyperparameters of each Lookahead around it; empty for the bare rule.
    pub lookaheads: Vec<LookaheadConfig>,
}

impl Setup {
    /// The bare rule.
    #[must_use]
    pub fn bare(rule: Rule) -> Self {
        Self { rule, lookaheads: Vec::new() }
    }

    /// One more Lookahead around it all.
    #[must_use]
    pub fn inside(&self, config: LookaheadConfig) -> Self {
        let lookaheads = self.lookaheads.iter().cloned().chain([config]).collect();
        Self { rule: self.rule, lookaheads }
    }

    /// Whether there is a Lookahead already.
    #[must_use]
    pub fn has_lookahead(&self) -> bool {
        !self.lookaheads.is_empty()
    }
}
