//! The result of a run: of the weights at its end, or of those that were kept for it.

use burn::module::Module;

use super::{Trainer, kept};
use crate::Error;
use crate::checkpoint::Position;
use crate::task::{Part, Score, Task};
use lookahead_models::load_weights;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Epochs done.
    pub epochs: u32,
    /// Steps done, those on a batch without an example among them.
    pub steps: u64,
    /// Wall time of all of it, in seconds, up to the last evaluation.
    pub seconds: f64,
    /// How good the weights are on the training set.
    pub train: Score,
    /// How good they are on the validation set.
    pub valid: Score,
    /// How good they are on the test set, where there is one.
    pub test: Option<Score>,
    /// The epochs that these weights are of, where they are not those at the end.
    pub kept_epochs: Vec<u32>,
    /// Whether the averages of the optimizer have begun; `None` without any.
    pub average_began: Option<bool>,
    /// Elements that syncs refused as not finite.
    pub refused: u64,
    /// Examples left out of batches because they could not be read.
    pub skipped: u64,
    /// Batches of which nothing could be read: steps that changed nothing.
    pub empty_batches: u64,
}

impl<T: Task> Trainer<'_, T> {
    pub(super) fn finish(&self) -> Result<Outcome, Error> {
        let Position { epoch, step, seconds, ref last_row, skipped, empty_batches, ref kept, .. } = self.position;
        let mut outcome = Outcome {
            epochs: epoch,
            steps: step,
            seconds,
            refused: self.optimizer.refused(),
            skipped,
            empty_batches,
            kept_epochs: kept.iter().map(|kept| kept.epoch).collect(),
            average_began: self.optimizer.average_began(),
            train: Score::default(),
            valid: Score::default(),
            test: None,
        };
        let evaluated = match kept::mean(kept, self.folder, &self.stop)? {
            // The mean of several statistics is not that of the mean weights.
            Some(weights) if kept.len() > 1 => {
                self.with_own_statistics(load_weights(self.model().valid(), weights)?)?
            }
            Some(weights) => load_weights(self.model().valid(), weights)?,
            None => self.optimizer.evaluation_model(self.model()),
        };
        match last_row {
            // The last evaluation was of these very weights, and there is nothing more to measure.
            Some(row) if kept.is_empty() && !self.task.has_test() && !self.task.has_final_score() => {
                let loss = |loss: Option<f64>| loss.unwrap_or(f64::INFINITY);
                outcome.train.loss = loss(row.train_loss);
                let (accuracy, top5, skipped) = (row.valid_accuracy, row.valid_top5, row.valid_skipped);
                outcome.valid = Score { loss: loss(row.valid_loss), accuracy, top5, skipped, ..Score::default() };
            }
            _ => {
                let device = self.device.clone().without_autodiff();
                let score = |part| self.task.final_score(&evaluated, part, self.folder, &device, &self.stop);
                outcome.train = self.score(&evaluated, Part::Train)?;
                outcome.valid = score(Part::Valid)?;
                outcome.test = self.task.has_test().then(|| score(Part::Test)).transpose()?;
            }
        }
        Ok(outcome)
    }
}
