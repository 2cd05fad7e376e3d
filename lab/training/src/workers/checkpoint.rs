//! Checkpoints of workers: each has its own, all of one moment.

use std::path::Path;

use lookahead_mpi::SlowStep;
use lookahead_runs::files::Manifest;
use serde::{Deserialize, Serialize};

use super::Team;
use super::team::Totals;
use crate::Error;
use crate::checkpoint::Checkpoint;

/// Where they lie in a run folder.
pub(super) const FOLDER: &str = "workers";

/// A worker's part of a moment.
#[derive(Serialize, Deserialize)]
struct Part {
    /// The files of a checkpoint, by their names.
    files: Vec<(String, Vec<u8>)>,
    /// The files of the run folder that belong to it.
    run_files: Manifest,
    slow_step: Option<Vec<u8>>,
    totals: Totals,
}

impl Team<'_> {
    /// Writes this worker's part; `moment` is the same on all, and greater than that of the moment before.
    pub(crate) fn save(&mut self, moment: u64, checkpoint: &Checkpoint) -> Result<(), Error> {
        let slow_step = self.slow_step.as_mut().map(|slow_step| slow_step.save(self.workers)).transpose()?;
        let files = checkpoint.to_files(Path::new(FOLDER))?;
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        let (run_files, totals) = (checkpoint.files.clone(), self.totals.clone());
        let part = postcard::to_allocvec(&Part { files, run_files, slow_step, totals }).map_err(damaged)?;
        Ok(self.checkpoints.save(self.workers, moment, &part)?)
    }

    /// The last moment of which all workers have their part; `None` at the start.
    pub(crate) fn load(&mut self) -> Result<Option<Checkpoint>, Error> {
        let Some((_, bytes)) = self.checkpoints.load(self.workers)? else { return Ok(None) };
        let Part { files, run_files, slow_step, totals } = postcard::from_bytes(&bytes).map_err(damaged)?;
        if let (Some(own), Some(saved)) = (&mut self.slow_step, slow_step) {
            *own = SlowStep::restore(own.config().clone(), self.workers, &self.parameters.values, &saved)?;
        }
        self.go_on_from(totals);
        let get = |name: &str| Ok(files.iter().find(|file| file.0 == name).map(|file| file.1.clone()));
        Checkpoint::from_files(Path::new(FOLDER), get, run_files).map(Some)
    }
}

fn damaged(error: postcard::Error) -> Error {
    lookahead_mpi::Error::DamagedState { reason: error.to_string() }.into()
}
