//! The golden trajectories of `testdata/trajectories`: Algorithm 1 around PyTorch's optimizers, step by step.
//!
//! Every engine follows them by its own means and compares its weights after each step.

use std::collections::BTreeMap;
use std::path::Path;

use lookahead::{Alpha, Error, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use serde::Deserialize;

/// A file: one problem and the cases run on it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectories {
    /// The tensors of the problem.
    #[serde(rename = "tensor")]
    pub tensors: Vec<Tensor>,
    /// The cases.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// A tensor and its part of the problem, a perturbed diagonal quadratic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// theta_0.
    pub initial: Vec<f64>,
    /// Where the quadratic is least.
    pub target: Vec<f64>,
    /// Its curvature.
    pub curvature: Vec<f64>,
}

/// Hyperparameters and the trajectory they lead to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called in messages.
    pub name: String,
    #[serde(with = "Policy")]
    policy: InnerStatePolicy,
    sync_period: u32,
    alpha: f64,
    rule: RuleData,
    #[serde(default)]
    without_gradient: BTreeMap<String, Vec<usize>>,
    theta: Vec<BTreeMap<String, Vec<f64>>>,
}

/// How the files spell a policy, whether or not the core can read.
#[derive(Deserialize)]
#[serde(remote = "InnerStatePolicy", rename_all = "lowercase")]
pub(crate) enum Policy {
    Maintain,
    Interpolate,
    Reset,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum RuleData {
    Sgd { lr: f64, momentum: f64, dampening: f64, nesterov: bool, weight_decay: f64 },
    Adam { lr: f64, beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64 },
    AdamW { lr: f64, beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64 },
    Adafactor { lr: f64, beta2_decay: f64, epsilon1: f64, epsilon2: f64, clip: f64, weight_decay: f64 },
}

/// The inner rule of a case, as the core has it.
#[derive(Debug, Clone, Copy)]
pub enum Inner {
    /// SGD in one of its forms.
    Sgd(rules::Sgd),
    /// Adam.
    Adam(rules::Adam),
    /// AdamW.
    AdamW(rules::AdamW),
    /// AdaFactor.
    AdaFactor(rules::AdaFactor),
}

/// The folder of the files.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/trajectories"))
}

impl Trajectories {
    /// Reads `{stem}.toml`.
    ///
    /// # Panics
    /// If it is not there or not as `testdata/trajectories/README.md` describes it: the test cannot be made.
    #[must_use]
    pub fn read(stem: &str) -> Self {
        let path = folder().join(format!("{stem}.toml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{stem}.toml: {error}"))
    }
}

impl RuleData {
    pub(crate) fn lr(&self) -> f64 {
        match *self {
            Self::Sgd { lr, .. } | Self::Adam { lr, .. } | Self::AdamW { lr, .. } | Self::Adafactor { lr, .. } => lr,
        }
    }

    /// The learning rate and the rule, of the case of this name.
    pub(crate) fn inner(&self, case: &str) -> Result<(f64, Inner), Error> {
        Ok(match *self {
            Self::Sgd { lr, momentum, dampening, nesterov, weight_decay } => {
                let heavy_ball = rules::Sgd::new().with_momentum(momentum)?.with_dampening(dampening)?;
                let rule = if nesterov { heavy_ball.with_nesterov()? } else { heavy_ball };
                (lr, Inner::Sgd(rule.with_weight_decay(weight_decay)?))
            }
            Self::Adam { lr, beta1, beta2, epsilon, weight_decay } => {
                let rule = rules::Adam::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
                (lr, Inner::Adam(rule.with_weight_decay(weight_decay)?))
            }
            Self::AdamW { lr, beta1, beta2, epsilon, weight_decay } => {
                let rule = rules::AdamW::new().with_betas(beta1, beta2)?.with_epsilon(epsilon)?;
                (lr, Inner::AdamW(rule.with_weight_decay(weight_decay)?))
            }
            Self::Adafactor { lr, beta2_decay, epsilon1, epsilon2, clip, weight_decay } => {
                assert_eq!((epsilon1, epsilon2), (f64::EPSILON, 1e-3), "{case}: the core's epsilons are fixed");
                let rule = rules::AdaFactor::new().with_beta2_decay(beta2_decay)?.with_clipping(clip)?;
                (lr, Inner::AdaFactor(rule.with_weight_decay(weight_decay)?))
            }
        })
    }
}

impl Case {
    /// Lookahead's hyperparameters.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the file holds a value that the core refuses.
    pub fn config(&self) -> Result<LookaheadConfig, Error> {
        Ok(LookaheadConfig::new()
            .with_sync_period(SyncPeriod::new(self.sync_period)?)
            .with_alpha(Alpha::new(self.alpha)?)
            .with_inner_state(self.policy))
    }

    /// The inner rule and its learning rate.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the file holds a value that the core refuses.
    ///
    /// # Panics
    /// If AdaFactor's epsilons are not PyTorch's defaults, which the core fixes.
    pub fn inner(&self) -> Result<(f64, Inner), Error> {
        self.rule.inner(&self.name)
    }

    /// The number of steps, at least two cycles.
    #[must_use]
    pub fn steps(&self) -> usize {
        assert!(self.theta.len() >= 2 * self.sync_period as usize, "{}: fewer than two syncs", self.name);
        self.theta.len()
    }

    /// The fast weights of a tensor after step `t`, counted from 1.
    #[must_use]
    pub fn fast<'a>(&'a self, tensor: &Tensor, t: usize) -> &'a [f64] {
        &self.theta[t - 1][&tensor.name]
    }

    /// The slow weights of a tensor after step `t`: theta at the last sync, theta_0 before the first.
    #[must_use]
    pub fn slow<'a>(&'a self, tensor: &'a Tensor, t: usize) -> &'a [f64] {
        let last_sync = t - t % self.sync_period as usize;
        if last_sync == 0 { &tensor.initial } else { self.fast(tensor, last_sync) }
    }

    /// `curvature (theta - target) + perturbation` for each tensor in step `t`, or none in the steps listed.
    #[must_use]
    pub fn gradients(&self, tensors: &[Tensor], weights: &[Vec<f64>], t: usize) -> Vec<Option<Vec<f64>>> {
        gradients(tensors, weights, t, &self.without_gradient)
    }
}

/// `curvature (theta - target) + perturbation` for each tensor in step `t`, or none in the steps listed.
pub(crate) fn gradients(
    tensors: &[Tensor],
    weights: &[Vec<f64>],
    t: usize,
    without_gradient: &BTreeMap<String, Vec<usize>>,
) -> Vec<Option<Vec<f64>>> {
    let mut first = 0;
    let mut gradients = Vec::new();
    for (tensor, theta) in tensors.iter().zip(weights) {
        let of = |i: usize| tensor.curvature[i] * (theta[i] - tensor.target[i]) + perturbation(first + i, t);
        let missing = without_gradient.get(&tensor.name).is_some_and(|steps| steps.contains(&t));
        gradients.push((!missing).then(|| (0..theta.len()).map(of).collect()));
        first += theta.len();
    }
    gradients
}

/// Of element i, counted from 0 through all tensors, in step t, counted from 1.
fn perturbation(i: usize, t: usize) -> f64 {
    ((i * 7919 + t * 104_729) % 1000) as f64 / 1000.0 - 0.5
}

/// Fails, naming the place, unless every weight is within `absolute + relative |expected|` of what is expected.
///
/// # Panics
/// Where the weights differ by more, or in number.
pub fn assert_close(at: &str, found: &[f64], expected: &[f64], absolute: f64, relative: f64) {
    assert_eq!(found.len(), expected.len(), "{at}: the number of weights");
    for (element, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= absolute + relative * expected.abs();
        assert!(close, "{at}[{element}] is {found:e}, but should be {expected:e}");
    }
}
