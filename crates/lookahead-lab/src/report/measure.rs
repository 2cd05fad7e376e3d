//! What the report measures: the loss and the accuracy of an evaluation, of a run after an epoch, and over its course.

use serde::{Deserialize, Serialize};

use super::{MetricsRow, Run, format::Quantity};

/// A number of an evaluation, or of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Loss over the training set.
    TrainLoss,
    /// Loss over the validation set.
    ValidLoss,
    /// Share of validation examples that are right.
    ValidAccuracy,
    /// Share of validation examples whose class is among the five most likely.
    #[serde(rename = "valid_top5")]
    ValidTop5,
    /// Mean over the evaluations of the loss over the training set: how fast a run converges.
    MeanTrainLoss,
}

impl Measure {
    /// Those of a single evaluation, in the order of their plots: the training loss first, as in the paper's figures.
    pub(super) const PLOTTED: [Self; 4] = [Self::TrainLoss, Self::ValidAccuracy, Self::ValidLoss, Self::ValidTop5];

    /// Its name for people, with a capital.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TrainLoss => "Training loss",
            Self::ValidLoss => "Validation loss",
            Self::ValidAccuracy => "Validation accuracy",
            Self::ValidTop5 => "Top-5 accuracy",
            Self::MeanTrainLoss => "Training loss, mean over epochs",
        }
    }

    /// The names that `paper.toml` takes.
    pub(super) fn accepted() -> String {
        "train_loss, valid_loss, valid_accuracy, valid_top5, mean_train_loss".to_owned()
    }

    pub(super) fn is_accuracy(self) -> bool {
        self.quantity() == Quantity::Accuracy
    }

    pub(super) fn quantity(self) -> Quantity {
        match self {
            Self::TrainLoss | Self::ValidLoss | Self::MeanTrainLoss => Quantity::Loss,
            Self::ValidAccuracy | Self::ValidTop5 => Quantity::Accuracy,
        }
    }

    /// Its value in an evaluation; `None` if not finite, or not measured.
    pub(super) fn of_row(self, row: &MetricsRow) -> Option<f64> {
        match self {
            Self::TrainLoss | Self::MeanTrainLoss => row.train_loss,
            Self::ValidLoss => row.valid_loss,
            Self::ValidAccuracy => row.valid_accuracy,
            Self::ValidTop5 => row.valid_top5,
        }
        .filter(|value| value.is_finite())
    }

    /// Its value at the end of a finished run; `None` for others, or if it is not finite or not measured.
    pub(super) fn at_end(self, run: &Run) -> Option<f64> {
        let end = run.finished()?;
        match self {
            Self::TrainLoss => end.train_loss,
            Self::ValidLoss => end.valid_loss,
            Self::ValidAccuracy => end.valid_accuracy,
            Self::ValidTop5 => end.valid_top5,
            Self::MeanTrainLoss => mean(&run.rows),
        }
        .filter(|value| value.is_finite())
    }

    /// Its value at the last evaluation of an epoch, in a run that may go on.
    pub(super) fn after_epoch(self, run: &Run, epoch: u32) -> Option<f64> {
        let end = run.rows.iter().rposition(|row| row.epoch == epoch)?;
        match self {
            Self::MeanTrainLoss => mean(&run.rows[..=end]),
            _ => self.of_row(&run.rows[end]),
        }
    }
}

/// The mean training loss; before the first step there is none. `None` if one is not finite.
fn mean(rows: &[MetricsRow]) -> Option<f64> {
    let losses: Vec<f64> = rows.iter().filter(|row| row.step > 0).map(|row| row.train_loss).collect::<Option<_>>()?;
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}
