//! The runs of `testdata/family`: Lookahead's descendants in their published code, step by step, on one small problem.

mod members;

use std::collections::BTreeMap;
use std::path::Path;

use lookahead::rules::Sgd;
use lookahead::{Error, Float, ParamSet};
use serde::Deserialize;

pub use members::{InnerRule, average, ema_nesterov, lookahead, outer_step, primal};

/// The runs of one source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it computes.
    pub method: String,
    /// Where it is from, and its version.
    pub source: String,
    /// The runs.
    pub runs: Vec<Run>,
}

/// One run, from [`initial`] on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The inner optimizer.
    pub inner: Inner,
    /// The steps from one sync to the next.
    pub k: u32,
    hyperparameters: BTreeMap<String, serde_json::Value>,
    /// The weights after each step that the next gradient is taken at; one worker's after the other's.
    pub fast: Vec<Vec<f64>>,
    /// Those to evaluate, where they are not the fast weights of the last sync.
    #[serde(default)]
    pub slow: Vec<Vec<f64>>,
    /// What the source keeps beside them after each step: z of an average that trains, m of EMA-Nesterov.
    #[serde(default)]
    pub kept: Vec<Vec<f64>>,
    /// The buffer of the outer momentum after each sync, as the source holds it.
    #[serde(default)]
    pub momentum: Vec<Vec<f64>>,
}

/// The inner optimizers of the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inner {
    /// SGD at rate 0.1.
    Sgd,
    /// SGD at rate 0.05 with momentum 0.9.
    Sgdm,
    /// AdamW at rate 0.01 with PyTorch's defaults.
    AdamW,
}

impl Inner {
    /// The learning rate.
    #[must_use]
    pub fn lr(self) -> f64 {
        match self {
            Self::Sgd => 0.1,
            Self::Sgdm => 0.05,
            Self::AdamW => 0.01,
        }
    }
}

/// SGD with momentum, as the runs have it.
///
/// # Errors
/// None: the momentum is in range.
pub fn sgdm() -> Result<Sgd, Error> {
    Sgd::new().with_momentum(0.9)
}

impl Source {
    /// Reads `{stem}.json`.
    ///
    /// # Panics
    /// If it is not there or not as `testdata/family/README.md` describes it: the test cannot be made.
    #[must_use]
    pub fn read(stem: &str) -> Self {
        let path = folder().join(format!("{stem}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{stem}.json: {error}"))
    }
}

impl Run {
    /// A hyperparameter that is a number; `None` where the run has none of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.hyperparameters.get(name).and_then(serde_json::Value::as_f64)
    }

    /// A hyperparameter that is a word.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        self.hyperparameters.get(name).and_then(serde_json::Value::as_str)
    }

    /// Whether a hyperparameter is set.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.hyperparameters.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false)
    }

    /// Whether the outer step of this number, counted from 0, is thrown away.
    #[must_use]
    pub fn discards(&self, outer: usize) -> bool {
        let discarded = self.hyperparameters.get("discarded_outer_steps").and_then(serde_json::Value::as_array);
        discarded.is_some_and(|all| all.iter().any(|one| one.as_u64() == Some(outer as u64)))
    }

    /// The learning rate of step `t`, counted from 0: constant, or halved over the run in a straight line.
    #[must_use]
    pub fn lr(&self, t: usize) -> f64 {
        let falls = self.word("lr_schedule").is_some();
        let factor = if falls { 1.0 - 0.5 * t as f64 / self.fast.len() as f64 } else { 1.0 };
        self.inner.lr() * factor
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:?}, k = {}, {:?}", self.inner, self.k, self.hyperparameters)
    }
}

/// The folder of the files.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/family"))
}

/// theta_0, in two tensors: element i is `cos(0.9 i + 0.3)`, i counted through both.
///
/// # Errors
/// None: names and lengths are right.
pub fn initial<T: Float>() -> Result<ParamSet<'static, T>, Error> {
    let values: Vec<T> = (0..8).map(|i| T::from_f64((0.9 * f64::from(i) + 0.3).cos())).collect();
    let mut params = ParamSet::new();
    params.push("w", [3, 2], values[..6].to_vec())?.push("b", [2], values[6..].to_vec())?;
    Ok(params)
}

/// The gradient of a worker in step `t`, both counted from 0:
/// `(0.3 + 0.1 i) theta + sin(0.7 (t + 1)(i + 1) + worker) / 2`.
#[must_use]
pub fn gradients<T: Float>(params: &ParamSet<'_, T>, t: usize, worker: usize) -> Vec<Option<Vec<T>>> {
    let mut i = 0.0;
    let mut gradient = |theta: &T| {
        let noise = 0.5 * ((t + 1) as f64 * (i + 1.0) * 0.7 + worker as f64).sin();
        let gradient = (0.3 + 0.1 * i) * theta.to_f64() + noise;
        i += 1.0;
        T::from_f64(gradient)
    };
    params.iter().map(|param| Some(param.values().iter().map(&mut gradient).collect())).collect()
}

/// Fails, naming the place, unless all values, tensor after tensor, are the source's within `tolerance`.
///
/// # Panics
/// Where they differ by more, or in number.
pub fn assert_follows<T: Float>(at: &str, found: &[&[T]], expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.iter().copied().flatten().map(|value| value.to_f64()).collect();
    assert_eq!(found.len(), expected.len(), "{at}: the number of weights");
    for (element, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance, "{at}[{element}] is {found:e}, but the source has {expected:e}");
    }
}
