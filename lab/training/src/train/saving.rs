//! How a run is saved, and goes on from there.

use lookahead_burn::InnerOptimizer;
use lookahead_models::{load_weights, named_weights};
use lookahead_runs::Current;
use lookahead_runs::files::Manifest;

use super::trace::Trace;
use super::{CONFIG, METRICS, Trainer, kept};
use crate::Error;
use crate::checkpoint::{Checkpoint, Position};
use crate::task::{Memory, Task};
use crate::workers::tell;

/// Where in an epoch a run is saved; later ones of a step are greater.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// After a step.
    InEpoch,
    /// Behind the last step, a partial cycle ended.
    BeforeEvaluation,
    /// After the evaluation.
    EpochEnd,
}

impl<T: Task> Trainer<'_, '_, T> {
    /// The files of a run folder go on where the last checkpoint stands.
    pub(super) fn open_files(&mut self) -> Result<(), Error> {
        self.task.prepare(self.folder)?;
        let continued = self.continued.take();
        let files = continued.clone().unwrap_or_default();
        self.metrics.continue_at(files.get(METRICS))?;
        if let Some(trace) = &mut self.trace {
            trace.continue_at(&files)?;
        }
        if continued.is_none() {
            // Before any progress, so that progress without it is known to have lost it.
            Current::start(self.position.run.clone(), self.files()).write(self.folder)?;
        }
        Ok(())
    }

    pub(super) fn save(&mut self, moment: Moment) -> Result<(), Error> {
        self.agree()?;
        self.stop_on_non_finite()?;
        self.position.seconds = self.seconds();
        self.position.plateau = self.schedule.memory().cloned();
        let model = self.model();
        let checkpoint = Checkpoint {
            position: self.position.clone(),
            model: named_weights(model)?,
            slow: self.slow_model().map(|slow| named_weights(&slow)).transpose()?,
            optimizer: self.optimizer.to_record(model)?,
            memory: self.memory.to_tensors()?,
            files: if self.is_lead() { self.files() } else { Manifest::default() },
        };
        if self.config.stop_on_non_finite {
            // A step behind which no loss has been taken may have left one.
            let own = checkpoint.first_not_finite();
            if let Some(what) = self.team.as_mut().map_or(Ok(own.clone()), |team| team.first_of_all(own))? {
                return Err(self.non_finite(self.position.step, &what));
            }
        }
        let moment = 4 * self.position.step + moment as u64;
        if let Some(team) = &mut self.team {
            team.save(moment, &checkpoint)?;
        }
        if self.is_lead() {
            checkpoint.write(self.folder)?;
        }
        self.unsaved = None;
        Ok(())
    }

    /// The files of the run folder that belong to this moment.
    pub(super) fn files(&self) -> Manifest {
        let mut files =
            Manifest::from_iter([(CONFIG.to_owned(), self.claimed.clone()), (METRICS.to_owned(), self.metrics.sum())]);
        files.extend(self.trace.iter().flat_map(Trace::files));
        files.extend(kept::files(&self.position.kept));
        files
    }

    /// The checkpoint that the run goes on from: of several workers, each has its own.
    pub(super) fn last_checkpoint(&mut self) -> Result<Option<Checkpoint>, Error> {
        let Some(team) = &mut self.team else { return Checkpoint::read(self.folder) };
        let has_saved = team.is_lead().then(|| -> Result<bool, Error> {
            Ok(Current::read(self.folder)?.is_some_and(|current| current.folder.is_some()))
        });
        let has_saved = tell(team.workers(), has_saved)?;
        team.load(has_saved)
    }

    pub(super) fn restore(&mut self, checkpoint: Checkpoint, model: T::Model) -> Result<T::Model, Error> {
        let Position { run, data, .. } = &checkpoint.position;
        if *run != self.position.run {
            let (path, expected) = (self.folder.join("checkpoint"), self.position.run.clone());
            return Err(Error::OtherConfig { path, expected, found: run.clone() });
        }
        if *data != self.position.data {
            return Err(Error::OtherData { path: self.folder.to_owned() });
        }
        if self.is_lead() {
            checkpoint.files.check(self.folder)?;
            self.complete(&checkpoint)?;
            self.continued = Some(checkpoint.files.clone());
        }
        let Checkpoint { position, model: weights, optimizer, memory, .. } = checkpoint;
        let model = load_weights(model, weights)?;
        self.optimizer = self.optimizer.clone().load_record(&optimizer, &model)?;
        self.memory = T::Memory::from_tensors(memory, &self.device)?;
        self.schedule.restore(position.plateau.clone());
        self.seconds_before = position.seconds;
        self.position = position;
        Ok(model)
    }

    /// Ends a save that was killed behind the workers' parts: the folder is then of the moment that the run goes on from.
    fn complete(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let is_of_moment = |found: &Checkpoint| found.position == checkpoint.position;
        let is_complete =
            self.team.is_none() || matches!(Checkpoint::read(self.folder), Ok(Some(found)) if is_of_moment(&found));
        if is_complete { Ok(()) } else { checkpoint.write(self.folder) }
    }
}
