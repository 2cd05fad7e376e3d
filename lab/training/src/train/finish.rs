//! The result of a run: of the weights at its end, or of those that were kept for it.

use burn::module::Module;

use super::{Observer, Trainer, kept};
use crate::Error;
use crate::checkpoint::Position;
use crate::task::{Part, Score, Task};
use crate::workers::Team;
use lookahead_burn::Observed;
use lookahead_models::load_weights;
use lookahead_runs::{LeftOut, Scores, WorkersResult};

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Epochs done.
    pub epochs: u32,
    /// Steps done, those on a batch without an example among them.
    pub steps: u64,
    /// Wall time of all of it, in seconds, up to the last evaluation.
    pub seconds: f64,
    /// How good the weights are on the training, the validation and, where there is one, the test set.
    pub scores: Scores,
    /// What the scores, and the steps, are without.
    pub left_out: LeftOut,
    /// The epochs that these weights are of, where they are not those at the end.
    pub kept_epochs: Vec<u32>,
    /// Whether the averages of the optimizer have begun; `None` without any.
    pub average_began: Option<bool>,
    /// Elements that syncs refused as not finite.
    pub refused: u64,
    /// Examples left out of batches because they could not be read.
    pub skipped: u64,
    /// The share of the time of its steps that they waited for their batches, from 0 to 1.
    pub data_wait: Option<f64>,
    /// What several workers did together.
    pub workers: Option<WorkersResult>,
}

impl<T: Task> Trainer<'_, '_, T> {
    /// How it ended; `None` for a worker that is not the first.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Data`]; [`Error::File`].
    pub fn finish(mut self, observer: &mut dyn Observer) -> Result<Option<Outcome>, Error> {
        let at_end = self.evaluation_model()?;
        if !self.is_lead() {
            return Ok(None);
        }
        let Position { epoch, step, seconds, ref last_row, skipped, empty_batches, data_wait, ref kept, .. } =
            self.position;
        let mut outcome = Outcome {
            epochs: epoch,
            steps: step,
            seconds,
            refused: self.all_refused(),
            skipped,
            data_wait: data_wait.share(),
            kept_epochs: kept.iter().map(|kept| kept.epoch).collect(),
            average_began: self.optimizer.averages_began(),
            scores: Scores::default(),
            workers: self.team.as_ref().map(Team::result),
            left_out: LeftOut { empty_batches, ..LeftOut::default() },
        };
        let evaluated = match kept::mean(kept, self.folder, &self.stop)? {
            // The mean of several statistics is not that of the mean weights.
            Some(weights) if kept.len() > 1 => {
                self.with_own_statistics(load_weights(self.model().valid(), weights)?)?
            }
            Some(weights) => load_weights(self.model().valid(), weights)?,
            None => at_end,
        };
        let device = self.device.clone().without_autodiff();
        let mut valid = match last_row {
            // The last evaluation was of these very weights.
            Some(row) if kept.is_empty() => {
                Score { scores: row.scores.clone(), skipped: row.valid_skipped, ..Score::default() }
            }
            _ => {
                let (train, valid) = (self.score(&evaluated, Part::Train)?, self.score(&evaluated, Part::Valid)?);
                Score { scores: train.scores.and(valid.scores), ..valid }
            }
        };
        for part in self.task.scored_at_end() {
            let mut progress = |done, all| observer.measured(part, done, all);
            let more = self.task.measure_at_end(&evaluated, part, self.folder, &device, &mut progress, &self.stop)?;
            if part == Part::Valid {
                valid = valid.and(more);
            } else {
                let test = self.score(&evaluated, part)?.and(more);
                outcome.scores = test.scores;
                (outcome.left_out.test_skipped, outcome.left_out.test_cut) = (test.skipped, test.cut);
            }
        }
        (outcome.left_out.valid_skipped, outcome.left_out.valid_cut) = (valid.skipped, valid.cut);
        outcome.scores = valid.scores.and(outcome.scores);
        Ok(Some(outcome))
    }
}
