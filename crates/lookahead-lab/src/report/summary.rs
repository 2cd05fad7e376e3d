//! The numbers of an artifact: per optimizer mean and deviation over seeds, and the paired comparison with its baseline.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Group, Run, RunResult, Study};
use crate::metrics::{PairedDifference, Spread};

/// The content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The artifact's name.
    pub artifact: String,
    /// The scale it ran at.
    pub scale: String,
    /// A heading for people.
    pub title: String,
    /// The exact command.
    pub command: String,
    /// The data, with attribution.
    pub data: String,
    /// Revision, device, threads, versions; several values where runs differ.
    pub environment: BTreeMap<String, BTreeSet<String>>,
    /// One entry per optimizer, in the artifact's order.
    pub groups: Vec<GroupSummary>,
}

/// The finished runs of one optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The optimizer.
    pub label: String,
    /// How its hyperparameters were chosen.
    pub tuning: String,
    /// Run ids, in the order of seeds.
    pub runs: Vec<String>,
    /// Those of them that have not finished; they count in no number here.
    pub unfinished: Vec<String>,
    /// Number of finished runs.
    pub n: u32,
    /// Finished runs whose final validation loss is not finite; they count in the accuracy, not in the loss.
    pub diverged: u32,
    /// Elements that syncs left alone because their new value was not finite, over all finished runs.
    pub non_finite: u64,
    /// Final validation accuracy, 0 to 1.
    pub valid_accuracy: Option<Spread>,
    /// Final validation loss.
    pub valid_loss: Option<Spread>,
    /// Mean wall time of a run, in seconds.
    pub seconds: Option<f64>,
    /// The comparison with the baseline, if the group names one.
    pub comparison: Option<Comparison>,
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
    /// Difference of the validation loss; negative is better.
    pub valid_loss: Option<PairedDifference>,
    /// The claim for the accuracy alone.
    pub accuracy_verdict: Verdict,
    /// The claim for the loss alone.
    pub loss_verdict: Verdict,
    /// The claim "at least as good": holds if it holds for both, does not hold if it fails for either.
    pub verdict: Verdict,
}

/// What the 95 % confidence interval says about the claim "at least as good as the baseline".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval lies at no difference or on the better side.
    Holds,
    /// The whole interval lies on the worse side.
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

    /// Judges the interval of `gain`, the difference with its sign turned so that positive is better.
    fn of_gain(gain: Option<[f64; 2]>) -> Self {
        match gain {
            Some([low, _]) if low >= 0.0 => Self::Holds,
            Some([_, high]) if high < 0.0 => Self::DoesNotHold,
            _ => Self::Undecided,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::DoesNotHold, _) | (_, Self::DoesNotHold) => Self::DoesNotHold,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Undecided,
        }
    }
}

impl Summary {
    /// Summarises the finished runs of a study.
    pub fn of(study: &Study) -> Self {
        let artifact = &study.artifact;
        Self {
            artifact: artifact.artifact.clone(),
            scale: artifact.scale.clone(),
            title: artifact.title.clone(),
            command: artifact.command.clone(),
            data: artifact.data.clone(),
            environment: study.environment(),
            groups: study.groups().map(|(group, runs)| GroupSummary::of(group, runs, study)).collect(),
        }
    }
}

impl GroupSummary {
    fn of(group: &Group, runs: &[Run], study: &Study) -> Self {
        let finished: Vec<&RunResult> = runs.iter().filter_map(Run::finished).collect();
        let of_all = |value: fn(&RunResult) -> Option<f64>| -> Option<Spread> {
            Spread::of(&finished.iter().filter_map(|result| value(result)).collect::<Vec<_>>())
        };
        let baseline = group.baseline.as_ref().and_then(|name| study.groups().find(|(other, _)| other.label == *name));
        Self {
            label: group.label.clone(),
            tuning: group.tuning.clone(),
            runs: group.runs.clone(),
            unfinished: runs.iter().filter(|run| run.finished().is_none()).map(|run| run.id.clone()).collect(),
            n: finished.len() as u32,
            diverged: finished.iter().filter(|result| result.valid_loss.is_none()).count() as u32,
            non_finite: finished.iter().map(|result| result.non_finite).sum(),
            valid_accuracy: of_all(|result| Some(result.valid_accuracy)),
            valid_loss: of_all(|result| result.valid_loss),
            seconds: of_all(|result| Some(result.seconds)).map(|spread| spread.mean),
            comparison: baseline.map(|(baseline, control)| Comparison::of(runs, control, &baseline.label)),
        }
    }
}

impl Comparison {
    fn of(treated: &[Run], control: &[Run], baseline: &str) -> Self {
        let seeds = treated.len().max(control.len());
        let at = |runs: &[Run], seed: usize, value: fn(&RunResult) -> Option<f64>| -> Option<f64> {
            runs.get(seed).and_then(Run::finished).and_then(value)
        };
        let pairs = |value: fn(&RunResult) -> Option<f64>| -> Vec<(Option<f64>, Option<f64>)> {
            (0..seeds).map(|seed| (at(treated, seed, value), at(control, seed, value))).collect()
        };
        let losses = pairs(|result| result.valid_loss);
        let missing_pairs = losses.iter().filter(|(treated, control)| treated.is_none() || control.is_none()).count();

        let valid_accuracy = PairedDifference::of(&pairs(|result| Some(result.valid_accuracy)));
        let valid_loss = PairedDifference::of(&losses);
        let is_complete = missing_pairs == 0;
        let judge = |gain: Option<[f64; 2]>| Verdict::of_gain(gain.filter(|_| is_complete));
        let accuracy_verdict = judge(valid_accuracy.and_then(|paired| paired.ci95));
        let loss_verdict = judge(valid_loss.and_then(|paired| paired.ci95).map(|[low, high]| [-high, -low]));
        Self {
            baseline: baseline.to_owned(),
            missing_pairs: missing_pairs as u32,
            valid_accuracy,
            valid_loss,
            accuracy_verdict,
            loss_verdict,
            verdict: accuracy_verdict.and(loss_verdict),
        }
    }

    /// Complete pairs behind the verdict.
    pub fn pairs(&self) -> u32 {
        self.valid_loss.map_or(0, |paired| paired.n)
    }
}
