//! Several workers that train one model together; the table `[workers]`.

use std::num::NonZeroU32;

use lookahead_mpi::Wire;
use lookahead_settings::{Read, Table};
use serde::Serialize;

use super::{DataConfig, DataSource, OnCorrupt, OptimizerConfig};

/// How many workers train together, and what they share. It changes what is computed, so it is part of what a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WorkersConfig {
    /// What they share.
    pub mode: WorkersMode,
    /// How many there are, each with a share of the training examples; at most 1024.
    pub count: NonZeroU32,
    /// How many inner steps before the end of a cycle the mean starts, below k. Default 0; another is another algorithm. Of
    /// the slow step only.
    #[serde(skip_serializing_if = "is_none")]
    pub delay: u32,
    /// In what the mean travels. Default `full`. Of the slow step only.
    #[serde(skip_serializing_if = "WireConfig::is_full")]
    pub wire: WireConfig,
}

/// What workers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum WorkersMode {
    /// The slow step: each takes k inner steps alone, then the outermost Lookahead, or descendant of it, steps along their mean
    /// way.
    #[serde(rename = "slow-step")]
    SlowStep,
    /// The mean of their gradients at each step, so that all have the same weights.
    #[serde(rename = "gradients")]
    Gradients,
}

/// In what the mean travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WireConfig {
    /// In the precision of the weights.
    #[default]
    Full,
    /// In 8 bits with error feedback.
    Int8,
}

impl WireConfig {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// What the slow step is told.
    #[must_use]
    pub fn wire(self) -> Wire {
        match self {
            Self::Full => Wire::Full,
            Self::Int8 => Wire::Int8,
        }
    }
}

impl WorkersMode {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::SlowStep, Self::Gradients];

    /// Its name in a configuration and after `--distributed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowStep => "slow-step",
            Self::Gradients => "gradients",
        }
    }
}

fn is_none(delay: &u32) -> bool {
    *delay == 0
}

/// The most workers.
const MOST: u32 = 1024;

impl WorkersConfig {
    /// Reads the table; what the rest of the run has that workers cannot do together is refused by name.
    pub(super) fn read(
        table: &Table<'_>,
        run: &Table<'_>,
        data: &DataConfig,
        optimizer: &OptimizerConfig,
    ) -> Read<Self> {
        table.accept(&["mode", "count", "delay", "wire"])?;
        let modes = WorkersMode::ALL.map(|mode| (mode.name(), mode));
        let wires = [("full", WireConfig::Full), ("int8", WireConfig::Int8)];
        let config = Self {
            mode: table.required("mode", |e| e.one_of(&modes))?,
            count: table.required("count", |e| e.count_to(MOST))?,
            delay: table.or("delay", 0, |e| e.whole(0..=u32::MAX.into()).map(|delay| delay as u32))?,
            wire: table.or("wire", WireConfig::Full, |e| e.one_of(&wires))?,
        };
        let alone = ["delay", "wire"].into_iter().find(|key| table.get(key).is_some());
        if let (WorkersMode::Gradients, Some(entry)) = (config.mode, alone.and_then(|key| table.get(key))) {
            return Err(entry.refuse("left out beside mode = \"gradients\": it is of the slow step"));
        }
        if let Some(trace) = run.get("trace") {
            return Err(trace.refuse("left out beside [workers]: only a run of one worker is traced"));
        }
        if let DataSource::ImageFolders { on_corrupt: OnCorrupt::Skip, .. } = data.source {
            let accepted = "\"refuse\" beside [workers]: all of them take as many steps, on whole batches";
            return Err(run.table("data")?.refuse("on_corrupt", "\"skip\"", accepted.to_owned()));
        }
        match config.mode {
            WorkersMode::Gradients if optimizer.asks_for_gradient() => {
                let accepted =
                    "left out where an adaptive alpha takes a fresh gradient: each worker would take its own";
                Err(table.refuse("mode", "\"gradients\"", accepted.to_owned()))
            }
            WorkersMode::Gradients => Ok(config),
            WorkersMode::SlowStep => match optimizer.slow_step(&config, &|_| 1) {
                Ok(Some(_)) => Ok(config),
                Ok(None) => {
                    let accepted = format!(
                        "\"gradients\" with {}: it has no outer step for workers to share (lookahead, snoo, muloco, diloco or \
                         slowmo outermost)",
                        optimizer.label()
                    );
                    Err(table.refuse("mode", "\"slow-step\"", accepted))
                }
                Err(crate::Error::Workers(lookahead_mpi::Error::DelayTooLong { period, .. })) => {
                    let accepted = format!("below {period}, the steps of the shortest cycle (by k or first_sync)");
                    Err(table.refuse("delay", config.delay, accepted))
                }
                Err(error) => {
                    let accepted = format!("\"gradients\" with {}: {error}", optimizer.label());
                    Err(table.refuse("mode", "\"slow-step\"", accepted))
                }
            },
        }
    }
}
