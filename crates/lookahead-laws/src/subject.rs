//! What a law needs of an implementation: build it, step it, look at it, save it.

use lookahead::{Averaging, EmaNesterovConfig, InnerStatePolicy, LookaheadConfig, PrimalAveraging};

use crate::{Case, Law, Limits};

/// An implementation of Lookahead under test.
///
/// Weights and gradients cross as `f64` by position, whatever the precision inside: an `f32` survives with its bits.
/// Build it and its rules afresh in each call, so that nothing is shared but what `save` wrote.
pub trait Subject: Sized {
    /// The precision of its weights.
    const PRECISION: Precision;

    /// How its slow weights are kept beside the fast ones.
    const SLOW: Slow = Slow::Same;

    /// Whether a tensor joins when it is there; else in its first step, or when it is saved.
    const JOINS_AT_ONCE: bool = true;

    /// Whether it takes a [`StepSize::Outer`](lookahead::StepSize::Outer).
    const OUTER_STEPS: bool = false;

    /// An optimizer with these hyperparameters around these weights, before the first step.
    fn new(setup: &Setup, tensors: &[Tensor]) -> Self;

    /// One gradient step with learning rate `lr`; a tensor without a gradient has `None`.
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]);

    /// The weights that gradients are taken at: the fast ones.
    fn weights(&self) -> Vec<Vec<f64>>;

    /// The weights to evaluate: the slow ones of the outermost Lookahead; where there is none the average, once there is
    /// one; or else the weights.
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

    /// Freezes a tensor or lets it train again, where that is more than a missing gradient: the next steps bring none for
    /// a frozen tensor. `false`: there is no such thing here, and nothing has happened.
    fn freeze(&mut self, _tensor: usize, _frozen: bool) -> bool {
        false
    }

    /// Puts another tensor of the same name and shape in the place of one, where a tensor is more than its name, shape and
    /// place. `false`: it is not, and nothing has happened.
    fn replace(&mut self, _tensor: usize, _by: &Tensor) -> bool {
        false
    }

    /// [`new`](Self::new), or [`load`](Self::load) of what was saved, with one tensor more at the end: a clone of tensor
    /// `of` that shares its identity and so its gradient. `None`: there are no identities here.
    fn with_twin(_setup: &Setup, _tensors: &[Tensor], _of: usize, _saved: Option<&[u8]>) -> Option<Self> {
        None
    }

    /// [`new`](Self::new) for so many workers that all have the gradients of a step, and share the slow weights of the
    /// outermost Lookahead. `None`: there is one worker here, always.
    fn with_workers(_setup: &Setup, _tensors: &[Tensor], _workers: usize) -> Option<Self> {
        None
    }

    /// Whether it can keep a policy for the inner state (App. C.5): not one that has to see a state that is hidden.
    fn keeps(_policy: InnerStatePolicy) -> bool {
        true
    }

    /// What the machine that it runs on keeps of the laws.
    fn limits() -> Limits {
        Limits::NONE
    }

    /// Why this implementation cannot keep a law, by its design. `None`: it keeps it.
    fn exemption(_law: Law, _case: &Case) -> Option<&'static str> {
        None
    }
}

/// How slow weights are kept beside the fast ones, and so what a sync makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// In the same precision: both are equal bit for bit.
    Same,
    /// In `f32` beside weights of half precision: the fast ones are the slow ones, rounded to nearest.
    Wider,
    /// As stochastically rounded bf16: each slow one is a bf16 neighbour of its fast one.
    Rounded,
}

impl Slow {
    /// How far a sync moves a slow weight from where Eq. 1 puts it, as a part of the weight.
    #[must_use]
    pub fn rounding(self) -> f64 {
        match self {
            Self::Same | Self::Wider => 0.0,
            // the distance of two bf16 neighbours
            Self::Rounded => 2.0_f64.powi(-7),
        }
    }
}

/// The precision of an implementation's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// `f32`
    Single,
    /// `f64`
    Double,
    /// bf16, as the weights of a model
    Half,
}

impl Precision {
    /// The distance from 1 to the next larger number.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        match self {
            Self::Single => f64::from(f32::EPSILON),
            Self::Double => f64::EPSILON,
            Self::Half => 2.0_f64.powi(-7),
        }
    }

    /// The largest finite number.
    #[must_use]
    pub fn largest(self) -> f64 {
        match self {
            Self::Single => f64::from(f32::MAX),
            Self::Double => f64::MAX,
            Self::Half => f64::from(f32::from_bits(0x7f7f_0000)),
        }
    }

    /// The nearest number of this precision.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::Single => f64::from(value as f32),
            Self::Double => value,
            Self::Half => {
                // to nearest, ties to even, by way of f32
                let bits = (value as f32).to_bits();
                f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000))
            }
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
    /// Whether it is frozen from the start, where there is such a thing (see [`Subject::freeze`]).
    pub frozen: bool,
}

impl Tensor {
    /// A tensor that is trained.
    #[must_use]
    pub fn new(name: &str, shape: &[usize], values: Vec<f64>) -> Self {
        Self { name: name.to_owned(), shape: shape.to_vec(), values, frozen: false }
    }

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

/// An optimizer: a rule, a Lookahead directly around it if there is one, an average around both if there is one (one that is
/// looked at, one that it trains near, or one of its steps), and the Lookaheads around all, innermost first (at most two).
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The rule in the middle.
    pub rule: Rule,
    /// The Lookahead below the average; `None` where there is no average.
    pub below: Option<LookaheadConfig>,
    /// The average of the rule's weights.
    pub averaging: Option<Averaging>,
    /// The average that the rule trains near.
    pub primal: Option<PrimalAveraging>,
    /// How the rule looks ahead.
    pub look_ahead: Option<EmaNesterovConfig>,
    /// The hyperparameters of each Lookahead around it all; empty for the bare rule.
    pub lookaheads: Vec<LookaheadConfig>,
}

impl Setup {
    /// The bare rule.
    #[must_use]
    pub fn bare(rule: Rule) -> Self {
        Self { rule, below: None, averaging: None, primal: None, look_ahead: None, lookaheads: Vec::new() }
    }

    /// An average around a bare rule.
    #[must_use]
    pub fn averaged(rule: Rule, averaging: Averaging) -> Self {
        Self { averaging: Some(averaging), ..Self::bare(rule) }
    }

    /// A rule that trains near its average.
    #[must_use]
    pub fn near_its_average(rule: Rule, averaging: impl Into<PrimalAveraging>) -> Self {
        Self { primal: Some(averaging.into()), ..Self::bare(rule) }
    }

    /// A rule that looks ahead along the average of its steps.
    #[must_use]
    pub fn looking_ahead(rule: Rule, config: EmaNesterovConfig) -> Self {
        Self { look_ahead: Some(config), ..Self::bare(rule) }
    }

    /// The same average around this Lookahead around its rule.
    #[must_use]
    pub fn around(&self, config: LookaheadConfig) -> Self {
        Self { below: Some(config), ..self.clone() }
    }

    /// One more Lookahead around it all.
    #[must_use]
    pub fn inside(&self, config: LookaheadConfig) -> Self {
        let lookaheads = self.lookaheads.iter().cloned().chain([config]).collect();
        Self { lookaheads, ..self.clone() }
    }

    /// The same with each Lookahead changed so.
    #[must_use]
    pub fn changed(&self, change: impl Fn(LookaheadConfig) -> LookaheadConfig) -> Self {
        let below = self.below.clone().map(&change);
        Self { below, lookaheads: self.lookaheads.iter().cloned().map(change).collect(), ..self.clone() }
    }

    /// Whether there is a Lookahead already.
    #[must_use]
    pub fn has_lookahead(&self) -> bool {
        !self.lookaheads.is_empty() || self.below.is_some()
    }

    /// Whether gradients are taken beside the weights that the rule steps.
    #[must_use]
    pub fn trains_beside(&self) -> bool {
        self.primal.is_some() || self.look_ahead.is_some()
    }
}
