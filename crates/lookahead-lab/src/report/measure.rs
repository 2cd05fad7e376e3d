//! What the report measures: the losses and scores of an evaluation, of a run after an epoch, and over its course.

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
    /// Loss over the test set, at the end of a run.
    TestLoss,
    /// Exponential of the loss over the training set.
    TrainPerplexity,
    /// Exponential of the loss over the validation set.
    ValidPerplexity,
    /// Exponential of the loss over the test set, at the end of a run.
    TestPerplexity,
    /// BLEU on the validation set, 0 to 100, at the end of a run.
    ValidBleu,
    /// BLEU on the test set, 0 to 100, at the end of a run.
    TestBleu,
}

impl Measure {
    const ALL: [Self; 11] = [
        Self::TrainLoss,
        Self::ValidLoss,
        Self::ValidAccuracy,
        Self::ValidTop5,
        Self::MeanTrainLoss,
        Self::TestLoss,
        Self::TrainPerplexity,
        Self::ValidPerplexity,
        Self::TestPerplexity,
        Self::ValidBleu,
        Self::TestBleu,
    ];

    /// Its name for people, with a capital.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TrainLoss => "Training loss",
            Self::ValidLoss => "Validation loss",
            Self::ValidAccuracy => "Validation accuracy",
            Self::ValidTop5 => "Top-5 accuracy",
            Self::MeanTrainLoss => "Training loss, mean over epochs",
            Self::TestLoss => "Test loss",
            Self::TrainPerplexity => "Training perplexity",
            Self::ValidPerplexity => "Validation perplexity",
            Self::TestPerplexity => "Test perplexity",
            Self::ValidBleu => "Validation BLEU",
            Self::TestBleu => "Test BLEU",
        }
    }

    /// Its name within a sentence.
    pub(super) fn in_sentence(self) -> String {
        let name = self.name();
        name[..1].to_lowercase() + &name[1..]
    }

    /// Its name with the unit of its values.
    pub(super) fn with_unit(self) -> String {
        format!("{}{}", self.name(), self.unit())
    }

    /// The unit of its values, after a comma; empty where it has none.
    pub(super) fn unit(self) -> &'static str {
        if self.is_accuracy() { ", %" } else { "" }
    }

    /// The names that `paper.toml` takes.
    pub(super) fn accepted() -> String {
        let name = |measure: Self| serde_json::to_value(measure).ok()?.as_str().map(str::to_owned);
        Self::ALL.into_iter().filter_map(name).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn is_accuracy(self) -> bool {
        self.quantity() == Quantity::Accuracy
    }

    /// Whether more is better.
    pub(super) fn is_score(self) -> bool {
        matches!(self.quantity(), Quantity::Accuracy | Quantity::Bleu)
    }

    pub(super) fn quantity(self) -> Quantity {
        match self {
            Self::TrainLoss | Self::ValidLoss | Self::MeanTrainLoss | Self::TestLoss => Quantity::Loss,
            Self::ValidAccuracy | Self::ValidTop5 => Quantity::Accuracy,
            Self::TrainPerplexity | Self::ValidPerplexity | Self::TestPerplexity => Quantity::Perplexity,
            Self::ValidBleu | Self::TestBleu => Quantity::Bleu,
        }
    }

    /// What runs are compared by: a perplexity by its logarithm, the loss, so that differences are ratios and no large
    /// value outweighs all others; anything else by itself.
    pub(super) fn to_compare(self) -> Self {
        match self {
            Self::TrainPerplexity => Self::TrainLoss,
            Self::ValidPerplexity => Self::ValidLoss,
            Self::TestPerplexity => Self::TestLoss,
            other => other,
        }
    }

    /// Its value in an evaluation; `None` if not finite, or not measured.
    pub(super) fn of_row(self, row: &MetricsRow) -> Option<f64> {
        match self {
            Self::TrainLoss | Self::MeanTrainLoss => row.train_loss,
            Self::ValidLoss => row.valid_loss,
            Self::ValidAccuracy => row.valid_accuracy,
            Self::ValidTop5 => row.valid_top5,
            Self::TrainPerplexity => perplexity(row.train_loss),
            Self::ValidPerplexity => perplexity(row.valid_loss),
            Self::TestLoss | Self::TestPerplexity | Self::ValidBleu | Self::TestBleu => None,
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
            Self::TestLoss => end.test_loss,
            Self::TrainPerplexity => perplexity(end.train_loss),
            Self::ValidPerplexity => perplexity(end.valid_loss),
            Self::TestPerplexity => perplexity(end.test_loss),
            Self::ValidBleu => end.valid_bleu,
            Self::TestBleu => end.test_bleu,
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

/// exp(loss), of a loss in nats; a loss above 709 has none that a number can hold.
fn perplexity(loss: Option<f64>) -> Option<f64> {
    loss.map(f64::exp)
}

/// The mean training loss; before the first step there is none. `None` if one is not finite.
fn mean(rows: &[MetricsRow]) -> Option<f64> {
    let losses: Vec<f64> = rows.iter().filter(|row| row.step > 0).map(|row| row.train_loss).collect::<Option<_>>()?;
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}
