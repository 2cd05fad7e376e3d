//! The trajectories of `conformance/trajectories`, which anybody's Lookahead can follow: Algorithm 1, its descendants and
//! Schedule-Free, made by an independent program.

use std::collections::BTreeMap;
use std::path::Path;

use lookahead::{
    Alpha, BufferUnit, Error, InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, PrimalAveraging,
    Schedule, ScheduleFree, SyncPeriod, family,
};
use serde::Deserialize;

use crate::golden::{Inner, Policy, RuleData, Tensor, gradients};

/// A file: one problem and the cases run on it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectories {
    /// The tensors of the problem; some join late, or never.
    pub tensors: Vec<Tensor>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// Hyperparameters and the trajectory they lead to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called in messages.
    pub name: String,
    rule: RuleData,
    sync_period: Option<u32>,
    first_sync: Option<u32>,
    alpha: Option<f64>,
    #[serde(default, with = "Policy")]
    policy: InnerStatePolicy,
    outer: Option<Outer>,
    schedule_free: Option<Average>,
    #[serde(default)]
    lr_factors: Vec<f64>,
    #[serde(default)]
    without_gradient: BTreeMap<String, Vec<usize>>,
    #[serde(default)]
    joins: BTreeMap<String, usize>,
    convention: Option<String>,
    #[serde(rename = "alternative_to")]
    _alternative_to: Option<String>,
    /// The weights after each step.
    pub steps: Vec<Step>,
}

/// The weights after a step, by tensor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Those that the next gradient is taken at.
    pub fast: BTreeMap<String, Vec<f64>>,
    /// Those to evaluate.
    pub slow: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    form: Form,
    rates: Vec<f64>,
    momentum: f64,
    buffer_unit: Unit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Nesterov,
    HeavyBall,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Delta,
    OuterStep,
    DeltaOverLearningRate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Average {
    beta: f64,
    weight_decay: f64,
}

/// What is around the inner rule of a case.
#[derive(Debug, Clone)]
pub enum Method {
    /// Lookahead, or an outer step.
    Lookahead(LookaheadConfig),
    /// Schedule-Free.
    Average(PrimalAveraging),
}

impl Trajectories {
    /// Reads every file, sorted by name.
    ///
    /// # Panics
    /// If one is not as `conformance/README.md` describes it: the test cannot be made.
    #[must_use]
    pub fn read_all() -> Vec<(String, Self)> {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/trajectories"));
        let files = std::fs::read_dir(folder).expect("the trajectories of the conformance kit");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let read = |file: &Path| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
            let trajectories = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, trajectories)
        };
        files.iter().map(|file| read(file)).collect()
    }
}

impl Case {
    /// Whether it has this project's conventions: bias corrections that move with their moments, one clock for all.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        !matches!(self.convention.as_deref(), Some("moments alone" | "a clock of its own"))
    }

    /// The inner rule, and what is around it.
    ///
    /// # Errors
    /// None: the files' numbers are in range.
    pub fn optimizer(&self) -> Result<(Inner, Method), Error> {
        let (_, rule) = self.rule.inner(&self.name)?;
        let Some(Average { beta, weight_decay }) = self.schedule_free else {
            return Ok((rule, Method::Lookahead(self.lookahead()?)));
        };
        let averaging = ScheduleFree::new().with_beta(beta)?.with_weight_decay(weight_decay)?;
        if self.convention.is_none() {
            return Ok((rule, Method::Average(averaging.into())));
        }
        let rule = Inner::AdamW(*family::schedule_free_adam_w(0.0)?.inner());
        Ok((rule, Method::Average(averaging.with_corrected_rate(0.999)?.into())))
    }

    fn lookahead(&self) -> Result<LookaheadConfig, Error> {
        let k = SyncPeriod::new(self.sync_period.unwrap_or_default())?;
        let first = self.first_sync.map(SyncPeriod::new).transpose()?;
        let periods = first.map_or(Schedule::from(k), |first| Schedule::syncs_from(first, k));
        let config = LookaheadConfig::new().with_sync_period(periods).with_inner_state(self.policy);
        Ok(match &self.outer {
            None => config.with_alpha(Alpha::new(self.alpha.unwrap_or_default())?),
            Some(outer) => config.with_outer_step(outer.step()?),
        })
    }

    /// The learning rate of step `t`, counted from 1.
    #[must_use]
    pub fn lr(&self, t: usize) -> f64 {
        self.rule.lr() * self.lr_factors.get(t - 1).unwrap_or(&1.0)
    }

    /// The tensors that join before step `t`, counted from 1; those of the run's start before step 1.
    pub fn joining<'a>(&'a self, tensors: &'a [Tensor], t: usize) -> impl Iterator<Item = &'a Tensor> {
        let is_there = |tensor: &&Tensor| self.steps.last().is_some_and(|step| step.fast.contains_key(&tensor.name));
        let tensors = tensors.iter().filter(is_there);
        tensors.filter(move |tensor| self.joins.get(&tensor.name).copied().unwrap_or(1) == t)
    }

    /// A gradient for each tensor that is there in step `t`, or none.
    #[must_use]
    pub fn gradients(&self, tensors: &[Tensor], weights: &[Vec<f64>], t: usize) -> Vec<Option<Vec<f64>>> {
        gradients(tensors, weights, t, &self.without_gradient)
    }
}

impl Outer {
    fn step(&self) -> Result<OuterStep, Error> {
        let rates = self.rates.iter().map(|rate| OuterRate::new(*rate)).collect::<Result<Vec<_>, _>>()?;
        let (first, later) = rates.split_first().expect("an outer learning rate");
        let rates = match later {
            [] => Schedule::from(*first),
            later => Schedule::steps(*first, (1..).zip(later.iter().copied()))?,
        };
        let momentum = OuterMomentum::new(self.momentum)?;
        let step = match self.form {
            Form::Nesterov => OuterStep::nesterov(rates, momentum),
            Form::HeavyBall => OuterStep::heavy_ball(rates, momentum),
        };
        Ok(step.with_buffer_unit(match self.buffer_unit {
            Unit::Delta => BufferUnit::Delta,
            Unit::OuterStep => BufferUnit::OuterStep,
            Unit::DeltaOverLearningRate => BufferUnit::DeltaOverLearningRate,
        }))
    }
}
