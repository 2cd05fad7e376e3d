//! What the report measures: the losses and scores of an evaluation, of a run after an epoch, and over its course; and
//! within which margin two of them count as alike.

use serde::{Deserialize, Serialize};

use crate::trace::Changes;
use crate::{MetricsRow, Quantity, Run};

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
    /// Change of the validation accuracy over an inner loop, the mean of a run's traced cycles: a difference by itself.
    InnerLoopChange,
    /// Change of the validation accuracy at a sync, the mean of a run's traced cycles: a difference by itself.
    SyncChange,
}

/// How far apart two results may be and still count as alike: the margin of "similar" and of "not worse".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// So much, in the unit in which differences are computed.
    Absolute(f64),
    /// A share of the baseline's mean.
    Relative(f64),
}

impl Margin {
    /// As differences are computed, beside a baseline with this mean.
    pub fn beside(self, baseline: Option<f64>) -> f64 {
        match self {
            Self::Absolute(margin) => margin,
            Self::Relative(share) => share * baseline.unwrap_or(0.0).abs(),
        }
    }
}

impl Measure {
    const ALL: [Self; 13] = [
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
        Self::InnerLoopChange,
        Self::SyncChange,
    ];

    /// Its name for people, with a capital.
    pub fn name(self) -> &'static str {
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
            Self::InnerLoopChange => "Change of the accuracy over an inner loop",
            Self::SyncChange => "Change of the accuracy at a sync",
        }
    }

    /// Its name within a sentence.
    pub fn in_sentence(self) -> String {
        let name = self.name();
        name[..1].to_lowercase() + &name[1..]
    }

    /// Its name with the unit of its values.
    pub fn with_unit(self) -> String {
        format!("{}{}", self.name(), self.unit())
    }

    /// The unit of its values, after a comma; empty where it has none.
    pub fn unit(self) -> &'static str {
        match self.quantity() {
            Quantity::Accuracy if self.is_change() => ", points",
            Quantity::Accuracy => ", %",
            _ => "",
        }
    }

    /// The names that `paper.toml` takes.
    pub fn accepted() -> String {
        let name = |measure: Self| serde_json::to_value(measure).ok()?.as_str().map(str::to_owned);
        Self::ALL.into_iter().filter_map(name).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is a share of examples that are right.
    pub fn is_accuracy(self) -> bool {
        self.quantity() == Quantity::Accuracy
    }

    /// Whether it is a difference by itself, compared with no other group.
    pub fn is_change(self) -> bool {
        matches!(self, Self::InnerLoopChange | Self::SyncChange)
    }

    /// The margin within which results count as alike: half a point of accuracy, 2 % of a loss, 1 % of a perplexity, 0.6
    /// BLEU (Table 4 calls results alike that are 0.51 apart).
    pub fn margin(self) -> Margin {
        match self.quantity() {
            Quantity::Accuracy => Margin::Absolute(0.005),
            Quantity::Loss => Margin::Relative(0.02),
            Quantity::Perplexity => Margin::Absolute(0.01_f64.ln_1p()),
            Quantity::Bleu => Margin::Absolute(0.6),
        }
    }

    /// The margin for people.
    pub fn margin_in_words(self) -> &'static str {
        match self.quantity() {
            Quantity::Accuracy => "0.5 points",
            Quantity::Loss => "2 % of the baseline\u{2019}s",
            Quantity::Perplexity => "1 %",
            Quantity::Bleu => "0.6 BLEU",
        }
    }

    /// Whether more is better.
    pub fn is_score(self) -> bool {
        matches!(self.quantity(), Quantity::Accuracy | Quantity::Bleu)
    }

    /// What it is a number of, and so how it is shown.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::TrainLoss | Self::ValidLoss | Self::MeanTrainLoss | Self::TestLoss => Quantity::Loss,
            Self::ValidAccuracy | Self::ValidTop5 | Self::InnerLoopChange | Self::SyncChange => Quantity::Accuracy,
            Self::TrainPerplexity | Self::ValidPerplexity | Self::TestPerplexity => Quantity::Perplexity,
            Self::ValidBleu | Self::TestBleu => Quantity::Bleu,
        }
    }

    /// What runs are compared by: a perplexity by its logarithm, the loss, so that differences are ratios and no large
    /// value outweighs all others; anything else by itself.
    pub fn to_compare(self) -> Self {
        match self {
            Self::TrainPerplexity => Self::TrainLoss,
            Self::ValidPerplexity => Self::ValidLoss,
            Self::TestPerplexity => Self::TestLoss,
            other => other,
        }
    }

    /// Its value in an evaluation; `None` if not finite, or not measured.
    pub fn of_row(self, row: &MetricsRow) -> Option<f64> {
        match self {
            Self::TrainLoss | Self::MeanTrainLoss => row.train_loss,
            Self::ValidLoss => row.valid_loss,
            Self::ValidAccuracy => row.valid_accuracy,
            Self::ValidTop5 => row.valid_top5,
            Self::TrainPerplexity => perplexity(row.train_loss),
            Self::ValidPerplexity => perplexity(row.valid_loss),
            Self::TestLoss | Self::TestPerplexity | Self::ValidBleu | Self::TestBleu => None,
            Self::InnerLoopChange | Self::SyncChange => None,
        }
        .filter(|value| value.is_finite())
    }

    /// Its value at the end of a finished run; `None` for others, or if it is not finite or not measured. What is traced
    /// does not wait for the end.
    pub fn at_end(self, run: &Run) -> Option<f64> {
        match self {
            Self::InnerLoopChange => return Some(Changes::of(&run.trace)?.inner),
            Self::SyncChange => return Some(Changes::of(&run.trace)?.outer),
            _ => {}
        }
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
            Self::InnerLoopChange | Self::SyncChange => None,
        }
        .filter(|value| value.is_finite())
    }

    /// Its value at the last evaluation of an epoch, in a run that may go on.
    pub fn after_epoch(self, run: &Run, epoch: u32) -> Option<f64> {
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
