//! The claims of the paper, judged by our runs: paired differences over seeds and their 95 % intervals.

use serde::{Deserialize, Serialize};

use super::comparison::{missing, pair, values};
use super::{Expectation, PaperClaim, Run, Study, Verdict};
use crate::metrics::PairedDifference;

/// A claim and what our runs say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimSummary {
    /// The claim, as `paper.toml` has it.
    pub claim: PaperClaim,
    /// The epoch of our runs at which it was tried; `None` at their end.
    pub epoch: Option<u32>,
    /// The verdict over all comparisons; `None` where nothing was compared.
    pub verdict: Option<Verdict>,
    /// Why nothing was compared.
    pub reason: Option<NotJudged>,
    /// The comparisons: the claim holds if each does, and does not hold if one does not.
    pub comparisons: Vec<ClaimComparison>,
}

/// Why a claim is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotJudged {
    /// It compares no numbers of ours.
    NotMeasured,
    /// This scale does not run its panel.
    NotRun,
}

/// One group against one baseline, or all groups of a claim against all its baselines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimComparison {
    /// The group, or the groups with commas between.
    pub group: String,
    /// The baseline, or the baselines.
    pub baseline: String,
    /// Seeds for which either side has no finite value (yet); any such leaves the verdict undecided.
    pub missing_pairs: u32,
    /// Group less baseline, over seeds; of perplexities, the difference of their logarithms.
    pub difference: Option<PairedDifference>,
    /// What its interval says.
    pub verdict: Verdict,
}

impl ClaimSummary {
    /// Judges a claim by the runs of a study.
    pub(super) fn of(claim: &PaperClaim, study: &Study) -> Self {
        let of_step = || claim.step.map(|step| epoch_of_step(step, study));
        let epoch = claim.epoch.map(|epoch| epoch_here(epoch, study)).or_else(of_step);
        let mut summary = Self { claim: claim.clone(), epoch, verdict: None, reason: None, comparisons: Vec::new() };
        if study.artifact.groups.iter().all(|group| group.panel != claim.panel) {
            summary.reason = Some(NotJudged::NotRun);
            return summary;
        }
        let (Some(expect), Some(measure)) = (claim.expect, claim.measure) else {
            summary.reason = Some(NotJudged::NotMeasured);
            return summary;
        };
        // Of each group, its value for each seed.
        let of = |labels: &[String]| -> Option<Vec<Vec<Option<f64>>>> {
            let values = |label: &String| Some(values(runs(study, &claim.panel, label)?, measure.to_compare(), epoch));
            labels.iter().map(values).collect()
        };
        let (Some(groups), Some(baselines)) = (of(&claim.groups), of(&claim.baselines)) else {
            summary.reason = Some(NotJudged::NotRun);
            return summary;
        };
        let compare = |names: [String; 2], group: &[Option<f64>], baseline: &[Option<f64>]| {
            let pairs = pair(group, baseline);
            let missing_pairs = missing(&pairs);
            let difference = PairedDifference::of(&pairs);
            let interval = difference.and_then(|paired| paired.ci95).filter(|_| missing_pairs == 0);
            let [group, baseline] = names;
            ClaimComparison {
                group,
                baseline,
                missing_pairs,
                difference,
                verdict: Verdict::of(expect, measure, claim.margin_of_difference(), interval),
            }
        };
        summary.comparisons = if expect == Expectation::LessSpread {
            let names = [claim.groups.join(", "), claim.baselines.join(", ")];
            vec![compare(names, &ranges(&groups), &ranges(&baselines))]
        } else {
            let count = groups.len().max(baselines.len());
            // One of either is compared with all of the other.
            let place = |index: usize, len: usize| if len == 1 { 0 } else { index };
            let places = (0..count).map(|index| (place(index, groups.len()), place(index, baselines.len())));
            let named = |(g, b): (usize, usize)| {
                compare([claim.groups[g].clone(), claim.baselines[b].clone()], &groups[g], &baselines[b])
            };
            places.map(named).collect()
        };
        summary.verdict = summary.comparisons.iter().map(|comparison| comparison.verdict).reduce(Verdict::and);
        summary
    }

    /// The fewest complete pairs behind a comparison.
    pub fn pairs(&self) -> u32 {
        let pairs = |comparison: &ClaimComparison| comparison.difference.map_or(0, |paired| paired.n);
        self.comparisons.iter().map(pairs).min().unwrap_or(0)
    }
}

/// The epoch of our runs that stands for one of the paper's: the same share of the training, at least the first.
pub(super) fn epoch_here(epoch: u32, study: &Study) -> u32 {
    match (study.artifact.paper.epochs, study.epochs()) {
        (Some(paper), Some(ours)) if paper > 0 && paper != ours => epoch_at(f64::from(epoch) / f64::from(paper), ours),
        _ => epoch,
    }
}

/// The epoch of our runs that stands for one of the paper's steps; the first where either has no known end.
fn epoch_of_step(step: u32, study: &Study) -> u32 {
    match (study.artifact.paper.steps, study.epochs()) {
        (Some(steps), Some(ours)) => epoch_at(f64::from(step) / f64::from(steps.get()), ours),
        _ => 1,
    }
}

/// The epoch at a share of so many, at least the first.
fn epoch_at(share: f64, epochs: u32) -> u32 {
    ((share * f64::from(epochs)).round() as u32).max(1)
}

fn runs<'a>(study: &'a Study, panel: &str, label: &str) -> Option<&'a [Run]> {
    study.groups().find(|(group, _)| group.panel == panel && group.label == label).map(|(_, runs)| runs)
}

/// For each seed, the largest less the smallest value over the groups; `None` if one is missing.
fn ranges(groups: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
    let seeds = groups.iter().map(Vec::len).max().unwrap_or(0);
    let range = |seed: usize| {
        let values: Vec<f64> = groups.iter().map(|values| *values.get(seed)?).collect::<Option<_>>()?;
        let (low, high) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
        Some(high - low)
    };
    (0..seeds).map(range).collect()
}
