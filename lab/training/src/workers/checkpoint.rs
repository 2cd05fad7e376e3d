//! Checkpoints of workers: each has its own, all of one moment.

use std::path::{Path, PathBuf};
use std::{fs, io};

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

    /// The last moment of which all workers have their part; `None` at the start. `has_saved`, the same on all: whether a save
    /// has come to its end.
    pub(crate) fn load(&mut self, has_saved: bool) -> Result<Option<Checkpoint>, Error> {
        let found = match self.checkpoints.load(self.workers) {
            Err(lookahead_mpi::Error::NoCommonCheckpoint { .. }) if !has_saved && self.one_has_no_part()? => {
                self.remove_parts()?;
                None
            }
            Ok(None) if has_saved => return Err(self.damaged("the workers' own checkpoints are missing")),
            Err(error @ lookahead_mpi::Error::NoCommonCheckpoint { .. }) => return Err(self.damaged(error)),
            found => found?,
        };
        let Some((_, bytes)) = found else { return Ok(None) };
        let part = postcard::from_bytes(&bytes).map_err(|error| self.damaged(error))?;
        let Part { files, run_files, slow_step, totals } = part;
        if let (Some(own), Some(saved)) = (&mut self.slow_step, slow_step) {
            *own = SlowStep::restore(own.config().clone(), self.workers, &self.parameters.values, &saved)?;
        }
        self.go_on_from(totals);
        let get = |name: &str| Ok(files.iter().find(|file| file.0 == name).map(|file| file.1.clone()));
        Checkpoint::from_files(&self.folder, get, run_files).map(Some)
    }

    /// Whether any worker has none: so the first save leaves them that was killed. The same on all.
    fn one_has_no_part(&mut self) -> Result<bool, Error> {
        let has_part = u8::from(!self.parts().map_err(Error::io(&self.folder))?.is_empty());
        Ok(self.workers.gather(vec![has_part])?.contains(&vec![0]))
    }

    fn remove_parts(&self) -> Result<(), Error> {
        let parts = self.parts().map_err(Error::io(&self.folder))?;
        parts.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::io(path)))
    }

    /// The files of this worker's parts.
    fn parts(&self) -> io::Result<Vec<PathBuf>> {
        let own = format!("rank-{}-of-", self.workers.rank());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let entries = entries.collect::<io::Result<Vec<_>>>()?.into_iter();
        let is_own = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&own);
        Ok(entries.filter(is_own).map(|entry| entry.path()).collect())
    }

    fn damaged(&self, reason: impl ToString) -> Error {
        Error::DamagedCheckpoint { path: self.folder.clone(), reason: reason.to_string() }
    }
}

fn damaged(error: postcard::Error) -> Error {
    lookahead_mpi::Error::DamagedState { reason: error.to_string() }.into()
}
