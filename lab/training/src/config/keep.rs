//! Which weights a run is judged by at its end; the keys `keep_best` and `average_epochs`.

use std::num::NonZeroU32;

use serde::Serialize;

use super::ConfigError;
use lookahead_settings::{Read, Table};

/// The weights that the result of a run is of. They are always those to evaluate: slow ones, or an average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Keys")]
pub enum KeepConfig {
    /// Those at the end (the default).
    #[default]
    Last,
    /// Those of the evaluation with the lowest validation loss (App. C.3); the key `keep_best`.
    Best,
    /// The mean of those of the last evaluations, so many of them, at most 100 (Vaswani et al. 2017, Sec. 6.1); the key
    /// `average_epochs`.
    Average(NonZeroU32),
}

/// The two keys.
#[derive(Serialize)]
struct Keys {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keep_best: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_epochs: Option<NonZeroU32>,
}

impl From<KeepConfig> for Keys {
    fn from(config: KeepConfig) -> Self {
        let average_epochs = match config {
            KeepConfig::Average(epochs) => Some(epochs),
            KeepConfig::Last | KeepConfig::Best => None,
        };
        Self { keep_best: config == KeepConfig::Best, average_epochs }
    }
}

impl KeepConfig {
    /// Reads the two keys of a run's table.
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        let is_best = table.or("keep_best", false, |e| e.flag())?;
        let average = table.optional("average_epochs", |e| e.count_to(100))?;
        match (is_best, average) {
            (false, None) => Ok(Self::Last),
            (true, None) => Ok(Self::Best),
            (false, Some(epochs)) => Ok(Self::Average(epochs)),
            (true, Some(_)) => Err(ConfigError::Conflict {
                place: table.place(),
                key: "average_epochs".to_owned(),
                other: "keep_best".to_owned(),
            }),
        }
    }
}
