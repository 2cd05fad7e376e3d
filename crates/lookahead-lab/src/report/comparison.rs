//! Two groups compared seed by seed, and what the confidence interval of their difference says of a claim.

use serde::{Deserialize, Serialize};

use super::format::Quantity;
use super::{Expectation, Measure, Run, Subject};
use crate::metrics::PairedDifference;

/// What the 95 % confidence interval says about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval lies where the claim says.
    Holds,
    /// The whole interval lies on the other side.
    DoesNotHold,
    /// The interval reaches to both sides, or there is none.
    Undecided,
}

impl Verdict {
    /// The verdict in words, for `n` complete pairs.
    pub fn in_words(self, n: u32) -> String {
        match self {
            Self::Holds => "holds".to_owned(),
            Self::DoesNotHold => "does not hold".to_owned(),
            Self::Undecided => format!("undecided at n = {n}"),
        }
    }

    /// Judges "not worse" by the interval of `gain`, the difference with its sign turned so that positive is better.
    pub(super) fn of_gain(gain: Option<[f64; 2]>) -> Self {
        match gain {
            Some([low, _]) if low >= 0.0 => Self::Holds,
            Some([_, high]) if high < 0.0 => Self::DoesNotHold,
            _ => Self::Undecided,
        }
    }

    /// Judges "better": no difference at all is not better.
    fn of_strict_gain(gain: Option<[f64; 2]>) -> Self {
        match gain {
            Some([low, _]) if low > 0.0 => Self::Holds,
            Some([_, high]) if high <= 0.0 => Self::DoesNotHold,
            _ => Self::Undecided,
        }
    }

    /// Judges "less than `margin` apart".
    fn of_similar(interval: Option<[f64; 2]>, margin: f64) -> Self {
        match interval {
            Some([low, high]) if -margin < low && high < margin => Self::Holds,
            Some([low, high]) if high <= -margin || margin <= low => Self::DoesNotHold,
            _ => Self::Undecided,
        }
    }

    /// Judges an interval of the difference group - baseline by what is expected of it; `margin` is how far apart what is
    /// similar may be.
    pub(super) fn of(expect: Expectation, measure: Measure, margin: f64, interval: Option<[f64; 2]>) -> Self {
        let turned = interval.map(|[low, high]| [-high, -low]);
        match expect {
            Expectation::Similar => Self::of_similar(interval, margin),
            Expectation::Higher => Self::of_strict_gain(interval),
            Expectation::Lower | Expectation::LessSpread => Self::of_strict_gain(turned),
            Expectation::NotWorse if measure.is_score() => Self::of_gain(interval),
            Expectation::NotWorse => Self::of_gain(turned),
        }
    }

    /// The verdict on both claims together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::DoesNotHold, _) | (_, Self::DoesNotHold) => Self::DoesNotHold,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Undecided,
        }
    }
}

/// Paired differences `group - baseline`, and whether the group is at least as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Label of the baseline.
    pub baseline: String,
    /// Seeds for which either side is unfinished or diverged; any such leaves the verdict undecided.
    pub missing_pairs: u32,
    /// Difference of the validation accuracy, as a share of 1; positive is better.
    pub valid_accuracy: Option<PairedDifference>,
    /// Difference of the validation loss, which is the logarithm of the perplexity; negative is better.
    pub valid_loss: Option<PairedDifference>,
    /// Difference of BLEU on the validation set; positive is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_bleu: Option<PairedDifference>,
    /// The claim for the accuracy alone; only of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_verdict: Option<Verdict>,
    /// The claim for the loss alone.
    pub loss_verdict: Verdict,
    /// The claim for BLEU alone; only of translations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bleu_verdict: Option<Verdict>,
    /// The claim "at least as good": holds if it holds for each, does not hold if it fails for one.
    pub verdict: Verdict,
}

impl Comparison {
    pub(super) fn of(treated: &[Run], control: &[Run], baseline: &str, subject: Subject) -> Self {
        let pairs = |measure: Measure| pair(&values(treated, measure, None), &values(control, measure, None));
        let measures = || subject.compared().iter().map(|measure| measure.to_compare());
        let missing_pairs = measures().map(|measure| missing(&pairs(measure))).max().unwrap_or(0);
        let difference = |measure: Measure| PairedDifference::of(&pairs(measure));
        let judge = |measure: Measure| {
            let interval = difference(measure).and_then(|paired| paired.ci95).filter(|_| missing_pairs == 0);
            Verdict::of(Expectation::NotWorse, measure, 0.0, interval)
        };
        let judge_compared = |measure: Measure| subject.compared().contains(&measure).then(|| judge(measure));
        let loss_verdict = judge(Measure::ValidLoss);
        Self {
            baseline: baseline.to_owned(),
            missing_pairs,
            valid_accuracy: difference(Measure::ValidAccuracy),
            valid_loss: difference(Measure::ValidLoss),
            valid_bleu: difference(Measure::ValidBleu),
            accuracy_verdict: judge_compared(Measure::ValidAccuracy),
            loss_verdict,
            bleu_verdict: judge_compared(Measure::ValidBleu),
            verdict: measures().map(judge).fold(loss_verdict, Verdict::and),
        }
    }

    /// Complete pairs behind the verdict.
    pub fn pairs(&self) -> u32 {
        self.valid_loss.map_or(0, |paired| paired.n)
    }

    /// The difference of a measure that a [`Subject`] is compared by, and what it says alone.
    pub(super) fn by(&self, measure: Measure) -> (Option<PairedDifference>, Verdict) {
        match measure.quantity() {
            Quantity::Accuracy => (self.valid_accuracy, self.accuracy_verdict.unwrap_or(Verdict::Undecided)),
            Quantity::Bleu => (self.valid_bleu, self.bleu_verdict.unwrap_or(Verdict::Undecided)),
            Quantity::Loss | Quantity::Perplexity => (self.valid_loss, self.loss_verdict),
        }
    }
}

/// A measure of runs, one per seed: after an epoch, or at the end of those that are finished.
pub(super) fn values(runs: &[Run], measure: Measure, epoch: Option<u32>) -> Vec<Option<f64>> {
    let value = |run: &Run| match epoch {
        Some(epoch) => measure.after_epoch(run, epoch),
        None => measure.at_end(run),
    };
    runs.iter().map(value).collect()
}

/// Values of the same seed side by side.
pub(super) fn pair(treated: &[Option<f64>], control: &[Option<f64>]) -> Vec<(Option<f64>, Option<f64>)> {
    let at = |values: &[Option<f64>], seed: usize| values.get(seed).copied().flatten();
    (0..treated.len().max(control.len())).map(|seed| (at(treated, seed), at(control, seed))).collect()
}

/// How many pairs lack a value on either side.
pub(super) fn missing(pairs: &[(Option<f64>, Option<f64>)]) -> u32 {
    pairs.iter().filter(|(treated, control)| treated.is_none() || control.is_none()).count() as u32
}
