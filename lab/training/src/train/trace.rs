//! A part of a run looked at update by update: theta after each inner step, phi after each sync (Fig. 1, Fig. 10).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;

use crate::Error;
use crate::checkpoint::{safetensors, tensors};
use crate::config::TraceConfig;
use lookahead_runs::files::{FileSum, Manifest, create_folder, write_atomically};
use lookahead_runs::json_log::JsonLog;
use lookahead_runs::{Scores, TraceKind, TraceRow};

/// Named tensors of a model.
type Weights = BTreeMap<String, TensorData>;

/// The trace of a run.
#[derive(Debug)]
pub(super) struct Trace {
    config: TraceConfig,
    /// The first traced step, counted from 0.
    first: u64,
    log: JsonLog,
    folder: PathBuf,
    /// The weights on disk.
    kept: Manifest,
}

const LOG: &str = "trace.jsonl";
/// The folder of the points of a path.
const POINTS: &str = "path/";
/// All points of a path in one file.
const PATH: &str = "path.safetensors";

impl Trace {
    /// `before` counts the steps before the traced epoch, `cycle` is the sync period k, 1 without Lookahead.
    pub(super) fn new(config: TraceConfig, before: u64, cycle: u32, folder: &Path) -> Self {
        let first = before.next_multiple_of(cycle.into());
        let (log, kept) = (JsonLog::at(folder, LOG), Manifest::default());
        Self { config, first, log, folder: folder.to_owned(), kept }
    }

    /// Goes on where the checkpoint was made that the run continues from: what was written after it is dropped.
    pub(super) fn continue_at(&mut self, files: &Manifest) -> Result<(), Error> {
        let is_kept = |(name, _): &(String, FileSum)| name.starts_with(POINTS) || name == PATH;
        self.kept = files.clone().into_iter().filter(is_kept).collect();
        Ok(self.log.continue_at(files.get(LOG))?)
    }

    /// Its files, as a checkpoint names them.
    pub(super) fn files(&self) -> Manifest {
        self.kept.clone().into_iter().chain([(LOG.to_owned(), self.log.sum())]).collect()
    }

    /// The number of the update that step `step`, counted from 0, makes; from 1.
    pub(super) fn update(&self, step: u64) -> Option<u32> {
        let update = step.checked_sub(self.first)? + 1;
        u32::try_from(update).ok().filter(|&update| update <= self.config.updates.get())
    }

    /// Adds a line, and keeps the weights where that is asked for.
    pub(super) fn write(
        &mut self,
        update: u32,
        step: u64,
        kind: TraceKind,
        scores: Scores,
        weights: impl FnOnce() -> Result<Weights, lookahead_burn::Error>,
    ) -> Result<(), Error> {
        if self.config.keep_weights {
            self.keep(update, kind, weights()?)?;
        }
        Ok(self.log.append(&TraceRow { update, step, kind, scores })?)
    }

    /// Each point is a file of its own until the last one, so that a continued run loses none.
    fn keep(&mut self, update: u32, kind: TraceKind, weights: Weights) -> Result<(), Error> {
        create_folder(&self.folder.join(POINTS))?;
        let series: &[&str] = match kind {
            TraceKind::Start => &["fast", "slow"],
            TraceKind::Inner => &["fast"],
            TraceKind::Outer => &["slow"],
        };
        for series in series {
            self.write_weights(format!("{POINTS}{series}.{update:03}.safetensors"), &weights)?;
        }
        if update == self.config.updates.get() {
            self.join()?;
        }
        Ok(())
    }

    /// Writes all points kept so far as one file.
    fn join(&mut self) -> Result<(), Error> {
        let mut all = Weights::new();
        for (name, sum) in self.kept.clone() {
            let Some(point) = name.strip_prefix(POINTS).and_then(|name| name.strip_suffix(".safetensors")) else {
                continue;
            };
            let path = self.folder.join(&name);
            let tensors = tensors(&path, &sum.read(&path)?)?;
            all.extend(tensors.into_iter().map(|(name, data)| (format!("{point}/{name}"), data)));
        }
        self.write_weights(PATH.to_owned(), &all)
    }

    fn write_weights(&mut self, name: String, weights: &Weights) -> Result<(), Error> {
        let path = self.folder.join(&name);
        let bytes = safetensors(&path, weights)?;
        write_atomically(&path, &bytes)?;
        self.kept.extend([(name, FileSum::of(&bytes))]);
        Ok(())
    }
}
