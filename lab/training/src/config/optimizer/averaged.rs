//! Averages of the weights along an optimizer's path: Polyak's, exponential, and NT-ASGD.

use std::num::NonZeroU32;

use lookahead_settings::{Choices, Read, Table};
use serde::Serialize;

use super::OptimizerConfig;

/// An average of the weights along an optimizer's path.
///
/// It belongs on the outside: a Lookahead around it evaluates its own slow weights, and its `reset` empties the average.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AveragedConfig {
    /// Which average, and from when on.
    #[serde(flatten)]
    pub average: AverageConfig,
    /// The optimizer whose weights are averaged.
    pub inner: Box<OptimizerConfig>,
}

/// The kinds of average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AverageConfig {
    /// Polyak's: the mean of all weights since a step.
    Running {
        /// The first step that counts. Default 0.
        start: u64,
    },
    /// An exponential moving average.
    Exponential {
        /// The weight of the past, at least 0 and below 1. Default 0.999.
        decay: f64,
        /// How it rises to that. Default `none`.
        #[serde(skip_serializing_if = "WarmUp::is_none")]
        warm_up: WarmUp,
        /// Whether it begins at the initial weights, rather than at those after the first step. Default false.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        initial_weights: bool,
    },
    /// The mean of all weights since the validation loss stopped to fall (NT-ASGD, Merity et al. 2018).
    NonMonotonic {
        /// Merity et al.'s n: the mean starts with the step after the first evaluation whose loss is above the lowest of
        /// all those before it but the last n. Default 5.
        patience: NonZeroU32,
    },
}

/// How the decay of an exponential average rises with the number t of weights in it, so that it is not held by the first.
/// The initial ones count where it begins at them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WarmUp {
    /// It does not.
    #[default]
    None,
    /// `(1 + t) / (10 + t)`
    Ratio,
    /// `1 - (1 + t)^(-2/3)`, as timm has it.
    Power,
}

impl WarmUp {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl AverageConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        const KINDS: Choices<AverageConfig, 3> = [
            ("running", AverageConfig::read_running),
            ("exponential", AverageConfig::read_exponential),
            ("non_monotonic", AverageConfig::read_non_monotonic),
        ];
        table.or("kind", KINDS[0].1, |e| e.one_of(&KINDS))?(table)
    }

    fn read_running(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "kind", "start", "inner"])?;
        Ok(Self::Running { start: table.or("start", 0, |e| e.whole(0..=u64::MAX))? })
    }

    fn read_exponential(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "kind", "decay", "warm_up", "initial_weights", "inner"])?;
        let below_one = |x| (0.0..1.0).contains(&x);
        let warm_ups = [("none", WarmUp::None), ("ratio", WarmUp::Ratio), ("power", WarmUp::Power)];
        Ok(Self::Exponential {
            decay: table.or("decay", 0.999, |e| e.number("at least 0 and below 1", below_one))?,
            warm_up: table.or("warm_up", WarmUp::None, |e| e.one_of(&warm_ups))?,
            initial_weights: table.or("initial_weights", false, |e| e.flag())?,
        })
    }

    fn read_non_monotonic(table: &Table<'_>) -> Read<Self> {
        const FIVE: NonZeroU32 = NonZeroU32::new(5).unwrap();
        table.accept(&["name", "kind", "patience", "inner"])?;
        Ok(Self::NonMonotonic { patience: table.or("patience", FIVE, |e| e.count())? })
    }
}

impl AveragedConfig {
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        Ok(Self { average: AverageConfig::read(table)?, inner: OptimizerConfig::read_inner(table, depth)? })
    }
}
