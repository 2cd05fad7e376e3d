//! Two groups compared seed by seed: is the one at least as good as the other?

use serde::{Deserialize, Serialize};

use super::judge::{Evidence, Judgement, family_in_words, judge};
use super::{Expectation, Measure, NotJudged, Outcome, Outlook, Reach, Run, Scores, Study, Subject, scores};
use lookahead_runs::statistics::{PairedDifference, Spread};

/// Every comparison has the differences of these, `null` where there are none.
const ALWAYS: [Measure; 2] = [Measure::ValidAccuracy, Measure::ValidLoss];

/// Paired differences `group - baseline`, and whether the group is at least as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Label of the baseline.
    pub baseline: String,
    /// Seeds for which either side is unfinished or diverged; any such leaves it without a verdict.
    pub missing_pairs: u32,
    /// Differences of what the runs are compared by: accuracies as shares of 1, losses in place of perplexities, which are
    /// their exponentials.
    #[serde(flatten, serialize_with = "scores::serialize")]
    pub differences: Scores<PairedDifference>,
    /// "Not worse" by each measure that the runs are compared by: these are a family.
    #[serde(default)]
    pub judgements: Vec<MeasureJudgement>,
    /// The claim "at least as good": holds if the group is not worse by each measure, does not hold if it is by one.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The measures that are judged together, and how they are corrected, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// What it would take to decide it, where it is undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// How soon the group is where the baseline ends; not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
}

/// Whether a group is not worse by one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureJudgement {
    /// What is measured.
    pub measure: Measure,
    /// By how much it may be worse, in the unit of the difference.
    pub margin: f64,
    /// What it decides.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Comparison {
    pub(super) fn of(treated: &[Run], control: &[Run], baseline: &str, study: &Study) -> Self {
        let subject = study.subject();
        let of = |measure: Measure| values(control, measure.to_compare(), None);
        let pairs = |measure: Measure| pair(&values(treated, measure.to_compare(), None), &of(measure));
        let difference = |measure: Measure| PairedDifference::of(&pairs(measure));
        let measures = subject.compared().iter().map(|measure| measure.to_compare());
        let mut comparison = Self {
            baseline: baseline.to_owned(),
            missing_pairs: subject.compared().iter().map(|&measure| missing(&pairs(measure))).max().unwrap_or(0),
            differences: scores::found(&ALWAYS, measures, difference),
            judgements: Vec::new(),
            outcome: Outcome::not_judged(NotJudged::NotMeasured),
            family: String::new(),
            outlook: None,
            reach: Reach::of(treated, control),
        };
        let refused = refused(treated, study).or(refused(control, study));
        comparison.judge(subject, refused, |measure| mean(&of(measure)), &study.artifact.command);
        comparison
    }

    /// Judges its differences; `baseline` is the mean of the baseline by a measure.
    pub(super) fn judge(
        &mut self,
        subject: Subject,
        refused: Option<NotJudged>,
        baseline: impl Fn(Measure) -> Option<f64>,
        command: &str,
    ) {
        let margins = subject
            .compared()
            .iter()
            .map(|&measure| (measure, measure.quantity().facts().margin.beside(baseline(measure))));
        let margins: Vec<(Measure, f64)> = margins.collect();
        let evidence = |&(measure, margin): &(Measure, f64)| Evidence {
            difference: self.difference(measure),
            missing_pairs: self.missing_pairs,
            claimed: Expectation::NotWorse.claimed(measure, margin),
            refused,
        };
        let judgements = judge(&margins.iter().map(evidence).collect::<Vec<_>>());
        self.outcome = Outcome::of_family(&judgements);
        self.outlook = Outlook::of_family(&judgements, command);
        let named = margins.into_iter().zip(judgements);
        let named = named.map(|((measure, margin), judgement)| MeasureJudgement { measure, margin, judgement });
        self.judgements = named.collect();
        let names = self.judgements.iter().map(|judgement| judgement.measure.in_sentence());
        self.family = family_in_words(&names.collect::<Vec<_>>());
    }

    /// Complete pairs behind the verdict.
    pub fn pairs(&self) -> u32 {
        self.difference(Measure::ValidLoss).map_or(0, |paired| paired.n)
    }

    /// The difference of a measure that a [`Subject`] is compared by.
    pub(super) fn difference(&self, measure: Measure) -> Option<PairedDifference> {
        self.differences.get(measure.to_compare())
    }
}

/// Why the runs of a group are not to be judged, whatever their numbers.
pub(super) fn refused(runs: &[Run], study: &Study) -> Option<NotJudged> {
    if study.artifact.scale == "smoke" {
        return Some(NotJudged::Smoke);
    }
    let never_began = |run: &Run| run.finished().is_some_and(|end| end.average_began == Some(false));
    runs.iter().any(never_began).then_some(NotJudged::AverageNeverBegan)
}

/// Mean and deviation of what is there.
pub(super) fn spread(values: &[Option<f64>]) -> Option<Spread> {
    Spread::of(&values.iter().copied().flatten().collect::<Vec<_>>())
}

/// The mean of what is there.
pub(super) fn mean(values: &[Option<f64>]) -> Option<f64> {
    Some(spread(values)?.mean)
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
