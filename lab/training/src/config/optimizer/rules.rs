//! The hyperparameters of the inner rules, with PyTorch's defaults and names.

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use serde::Serialize;

use lookahead_settings::{Read, Table};

/// SGD's hyperparameters, with PyTorch's defaults: 0 and false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct SgdConfig {
    /// The momentum, at least 0 and below 1.
    pub momentum: f64,
    /// From 0 to 1, and 0 with Nesterov momentum.
    pub dampening: f64,
    /// Nesterov's momentum instead of the heavy ball.
    pub nesterov: bool,
    /// Coupled weight decay, not negative.
    pub weight_decay: f64,
}

/// Adam's and AdamW's hyperparameters, with PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AdamConfig {
    /// The first moment's decay, at least 0 and below 1. Default 0.9.
    pub beta1: f64,
    /// The second moment's decay, at least 0 and below 1. Default 0.999.
    pub beta2: f64,
    /// The term added to the denominator, not negative. Default 1e-8.
    pub epsilon: f64,
    /// Weight decay, not negative. Default 0 for Adam, 0.01 for AdamW.
    pub weight_decay: f64,
}

/// AdaFactor's hyperparameters, with PyTorch's defaults.
///
/// Its step size is `min(learning_rate, 1 / sqrt(t))` times the scale of the tensor: with a constant learning rate of
/// 0.01 that is Shazeer and Stern's relative step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AdaFactorConfig {
    /// The exponent of the second moment's forgetting, `t^beta2_decay`: finite and at most 0. Default -0.8.
    pub beta2_decay: f64,
    /// The largest root mean square of an update: finite and at least 1. Default 1.
    pub clipping: f64,
    /// Decoupled weight decay, not negative. Default 0.
    pub weight_decay: f64,
    /// The least scale of a tensor: above 0 and finite. Default 0.001.
    pub smallest_scale: f64,
}

impl AdaFactorConfig {
    /// PyTorch's defaults.
    pub const DEFAULT: Self = Self { beta2_decay: -0.8, clipping: 1.0, weight_decay: 0.0, smallest_scale: 1e-3 };

    /// The rule with these hyperparameters.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`]; never after reading from a file.
    pub fn rule(&self) -> Result<AdaFactor, lookahead::Error> {
        let rule = AdaFactor::new().with_beta2_decay(self.beta2_decay)?.with_clipping(self.clipping)?;
        rule.with_weight_decay(self.weight_decay)?.with_smallest_scale(self.smallest_scale)
    }

    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "beta2_decay", "clipping", "weight_decay", "smallest_scale"])?;
        let (rule, default) = (AdaFactor::new(), Self::DEFAULT);
        Ok(Self {
            beta2_decay: table.or("beta2_decay", default.beta2_decay, |e| e.checked(|x| rule.with_beta2_decay(x)))?,
            clipping: table.or("clipping", default.clipping, |e| e.checked(|x| rule.with_clipping(x)))?,
            weight_decay: table
                .or("weight_decay", default.weight_decay, |e| e.checked(|x| rule.with_weight_decay(x)))?,
            smallest_scale: table
                .or("smallest_scale", default.smallest_scale, |e| e.checked(|x| rule.with_smallest_scale(x)))?,
        })
    }
}

impl SgdConfig {
    /// The rule with these hyperparameters.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`]; never after reading from a file.
    pub fn rule(&self) -> Result<Sgd, lookahead::Error> {
        let rule = Sgd::new().with_momentum(self.momentum)?.with_dampening(self.dampening)?;
        let rule = rule.with_weight_decay(self.weight_decay)?;
        if self.nesterov { rule.with_nesterov() } else { Ok(rule) }
    }

    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "momentum", "dampening", "nesterov", "weight_decay"])?;
        let config = Self {
            momentum: table.or("momentum", 0.0, |e| e.checked(|x| Sgd::new().with_momentum(x)))?,
            dampening: table.or("dampening", 0.0, |e| e.checked(|x| Sgd::new().with_dampening(x)))?,
            nesterov: table.or("nesterov", false, |e| e.flag())?,
            weight_decay: table.or("weight_decay", 0.0, |e| e.checked(|x| Sgd::new().with_weight_decay(x)))?,
        };
        // What is left to be wrong is Nesterov's need of momentum without dampening.
        let accepted = "false unless momentum is above 0 and dampening is 0".to_owned();
        config.rule().map(|_| config).map_err(|_| table.refuse("nesterov", config.nesterov, accepted))
    }
}

impl AdamConfig {
    /// PyTorch's defaults for Adam.
    pub const ADAM: Self = Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    /// PyTorch's defaults for AdamW.
    pub const ADAMW: Self = Self { weight_decay: 0.01, ..Self::ADAM };

    /// The rule Adam with these hyperparameters.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`]; never after reading from a file.
    pub fn adam(&self) -> Result<Adam, lookahead::Error> {
        let rule = Adam::new().with_betas(self.beta1, self.beta2)?;
        rule.with_epsilon(self.epsilon)?.with_weight_decay(self.weight_decay)
    }

    /// The rule AdamW with these hyperparameters.
    ///
    /// # Errors
    /// [`lookahead::Error::OutOfRange`]; never after reading from a file.
    pub fn adamw(&self) -> Result<AdamW, lookahead::Error> {
        let rule = AdamW::new().with_betas(self.beta1, self.beta2)?;
        rule.with_epsilon(self.epsilon)?.with_weight_decay(self.weight_decay)
    }

    pub(super) fn read(table: &Table<'_>, default: Self) -> Read<Self> {
        table.accept(&["name", "beta1", "beta2", "epsilon", "weight_decay"])?;
        Ok(Self {
            beta1: table.or("beta1", default.beta1, |e| e.checked(|x| Adam::new().with_betas(x, 0.0)))?,
            beta2: table.or("beta2", default.beta2, |e| e.checked(|x| Adam::new().with_betas(0.0, x)))?,
            epsilon: table.or("epsilon", default.epsilon, |e| e.checked(|x| Adam::new().with_epsilon(x)))?,
            weight_decay: table
                .or("weight_decay", default.weight_decay, |e| e.checked(|x| Adam::new().with_weight_decay(x)))?,
        })
    }
}
