//! A part of a run looked at update by update: theta after each inner step, phi after each sync (Fig. 1, Fig. 10).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde::Serialize;

use crate::Error;
use crate::checkpoint::{read_tensors, safetensors};
use crate::config::TraceConfig;
use crate::files::{create_folder, write_atomically};
use crate::json_log::JsonLog;
use crate::task::Score;

/// Named tensors of a model.
type Weights = BTreeMap<String, TensorData>;

/// Which weights a line of `trace.jsonl` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Point {
    /// Those before the first traced update.
    Start,
    /// The fast weights after an update.
    Inner,
    /// The slow weights after a sync.
    Outer,
}

/// A line of `trace.jsonl`.
#[derive(Debug, Serialize)]
struct Line {
    update: u32,
    step: u64,
    kind: Point,
    valid_loss: Option<f64>,
    valid_accuracy: Option<f64>,
}

/// The trace of a run.
#[derive(Debug)]
pub(super) struct Trace {
    config: TraceConfig,
    /// The first traced step, counted from 0.
    first: u64,
    log: JsonLog,
    folder: PathBuf,
}

impl Trace {
    /// `before` counts the steps before the traced epoch, `cycle` is the sync period k, 1 without Lookahead.
    pub(super) fn new(config: TraceConfig, before: u64, cycle: u32, folder: &Path) -> Self {
        let first = before.next_multiple_of(cycle.into());
        Self { config, first, log: JsonLog::at(folder, "trace.jsonl"), folder: folder.to_owned() }
    }

    /// Drops what was written after the checkpoint that the run continues from.
    pub(super) fn truncate(&self, bytes: u64) -> Result<(), Error> {
        self.log.truncate(bytes)
    }

    /// The number of the update that step `step`, counted from 0, makes; from 1.
    pub(super) fn update(&self, step: u64) -> Option<u32> {
        let update = step.checked_sub(self.first)? + 1;
        u32::try_from(update).ok().filter(|&update| update <= self.config.updates.get())
    }

    /// Adds a line, keeps the weights where that is asked for, and gives the length of the log.
    pub(super) fn write(
        &self,
        update: u32,
        step: u64,
        kind: Point,
        score: Score,
        weights: impl FnOnce() -> Weights,
    ) -> Result<u64, Error> {
        if self.config.keep_weights {
            self.keep(update, kind, weights())?;
        }
        let valid_loss = super::finite(score.loss);
        let line = Line { update, step, kind, valid_loss, valid_accuracy: score.accuracy };
        self.log.append(&line)
    }

    /// Each point is a file of its own until the last one, so that a continued run loses none.
    fn keep(&self, update: u32, kind: Point, weights: Weights) -> Result<(), Error> {
        let folder = self.folder.join("path");
        create_folder(&folder)?;
        let series: &[&str] = match kind {
            Point::Start => &["fast", "slow"],
            Point::Inner => &["fast"],
            Point::Outer => &["slow"],
        };
        for series in series {
            let file = folder.join(format!("{series}.{update:03}.safetensors"));
            write_atomically(&file, &safetensors(&file, &weights)?)?;
        }
        if update == self.config.updates.get() {
            self.join(&folder)?;
        }
        Ok(())
    }

    /// Writes all points kept so far as one file.
    fn join(&self, folder: &Path) -> Result<(), Error> {
        let mut all = Weights::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
            let path = entry.map_err(Error::io(folder))?.path();
            // A kill may have left half a file beside them, under another name.
            if path.extension().is_none_or(|extension| extension != "safetensors") {
                continue;
            }
            let point = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let tensors = read_tensors(&path)?;
            all.extend(tensors.into_iter().map(|(name, data)| (format!("{point}/{name}"), data)));
        }
        let path = self.folder.join("path.safetensors");
        write_atomically(&path, &safetensors(&path, &all)?)
    }
}
