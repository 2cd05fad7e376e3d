//! The claims of the paper, judged by our runs: each by a family of paired differences over seeds.

use serde::{Deserialize, Serialize};

use super::comparison::{mean, missing, pair, refused, values};
use super::judge::{Evidence, Judgement, family_in_words, judge};
use super::{Expectation, NotJudged, Outcome, Outlook, PaperClaim, Run, Study};
use lookahead_runs::statistics::PairedDifference;

/// A claim and what our runs say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimSummary {
    /// The claim, as `paper.toml` has it.
    pub claim: PaperClaim,
    /// The epoch of our runs at which it was tried; `None` at their end.
    pub epoch: Option<u32>,
    /// The verdict over all comparisons, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The comparisons that are judged together, and how they are corrected, in words; empty where nothing was compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// What it would take to decide it, where it is undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// The comparisons: the claim holds if each does, and does not hold if one does not.
    pub comparisons: Vec<ClaimComparison>,
}

/// One group against one baseline, or all groups of a claim against all its baselines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimComparison {
    /// The group, or the groups with commas between.
    pub group: String,
    /// The baseline, or the baselines; empty where the measure is a change by itself.
    pub baseline: String,
    /// Seeds for which either side has no finite value (yet); any such leaves the claim without a verdict.
    pub missing_pairs: u32,
    /// Group less baseline, over seeds; of perplexities, the difference of their logarithms.
    pub difference: Option<PairedDifference>,
    /// How far apart the two may be and still count as alike, in the unit of the difference; `None` where the claim grants
    /// no margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// What it decides.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// One comparison of a claim, before it is judged.
pub(super) struct Compared {
    pub(super) group: String,
    pub(super) baseline: String,
    pub(super) missing_pairs: u32,
    pub(super) difference: Option<PairedDifference>,
    /// The mean of the baseline, which a relative margin is a share of.
    pub(super) baseline_mean: Option<f64>,
    pub(super) refused: Option<NotJudged>,
}

impl ClaimSummary {
    /// Judges a claim by the runs of a study.
    pub(super) fn of(claim: &PaperClaim, study: &Study) -> Self {
        let of_step = || claim.step.map(|step| epoch_of_step(step, study));
        let epoch = claim.epoch.map(|epoch| epoch_here(epoch, study)).or_else(of_step);
        let compared = if study.artifact.groups.iter().all(|group| group.panel != claim.panel) {
            Err(NotJudged::NotRun)
        } else {
            compared(claim, epoch, study)
        };
        Self::judge(claim, epoch, compared, &study.artifact.command)
    }

    /// Judges a claim by its comparisons, or says why there are none.
    pub(super) fn judge(
        claim: &PaperClaim,
        epoch: Option<u32>,
        compared: Result<Vec<Compared>, NotJudged>,
        command: &str,
    ) -> Self {
        let outcome = Outcome::not_judged(compared.as_ref().err().copied().unwrap_or(NotJudged::NotMeasured));
        let mut summary = Self {
            claim: claim.clone(),
            epoch,
            outcome,
            family: String::new(),
            outlook: None,
            comparisons: Vec::new(),
        };
        let (Ok(compared), Some(expect), Some(measure)) = (compared, claim.expect, claim.measure) else {
            return summary;
        };
        let margin = |compared: &Compared| {
            let own = claim.margin_of_difference();
            expect
                .has_margin()
                .then(|| own.unwrap_or_else(|| measure.quantity().facts().margin.beside(compared.baseline_mean)))
        };
        let evidence: Vec<Evidence> = compared
            .iter()
            .map(|one| Evidence {
                difference: one.difference,
                missing_pairs: one.missing_pairs,
                claimed: expect.claimed(measure, margin(one).unwrap_or(0.0)),
                refused: one.refused,
            })
            .collect();
        let judgements = judge(&evidence);
        summary.outcome = Outcome::of_family(&judgements);
        summary.outlook = Outlook::of_family(&judgements, command);
        let comparison = |(one, judgement): (Compared, Judgement)| ClaimComparison {
            margin: margin(&one),
            group: one.group,
            baseline: one.baseline,
            missing_pairs: one.missing_pairs,
            difference: one.difference,
            judgement,
        };
        summary.comparisons = compared.into_iter().zip(judgements).map(comparison).collect();
        summary.family = family_in_words(&summary.comparisons.iter().map(ClaimComparison::name).collect::<Vec<_>>());
        summary
    }

    /// The fewest complete pairs behind a comparison.
    pub fn pairs(&self) -> u32 {
        let pairs = |comparison: &ClaimComparison| comparison.difference.map_or(0, |paired| paired.n);
        self.comparisons.iter().map(pairs).min().unwrap_or(0)
    }
}

impl ClaimComparison {
    /// What is compared with what.
    pub(super) fn name(&self) -> String {
        if self.baseline.is_empty() { self.group.clone() } else { format!("{} - {}", self.group, self.baseline) }
    }
}

/// A group's value for each seed, and why it is not to be judged.
type Seeds = (Vec<Option<f64>>, Option<NotJudged>);

/// The comparisons of a claim by the runs of a study, or why there are none.
fn compared(claim: &PaperClaim, epoch: Option<u32>, study: &Study) -> Result<Vec<Compared>, NotJudged> {
    let (Some(expect), Some(measure)) = (claim.expect, claim.measure) else { return Err(NotJudged::NotMeasured) };
    let of = |labels: &[String]| -> Result<Vec<Seeds>, NotJudged> {
        let values = |label: &String| {
            let runs = runs(study, &claim.panel, label).ok_or(NotJudged::NotRun)?;
            Ok((values(runs, measure.to_compare(), epoch), refused(runs, study)))
        };
        labels.iter().map(values).collect()
    };
    let (groups, baselines) = (of(&claim.groups)?, of(&claim.baselines)?);
    let compare = |names: [String; 2], group: &[Option<f64>], baseline: &[Option<f64>], refused| {
        let pairs = pair(group, baseline);
        let [group, baseline_name] = names;
        Compared {
            group,
            baseline: baseline_name,
            missing_pairs: missing(&pairs),
            difference: PairedDifference::of(&pairs),
            baseline_mean: mean(baseline),
            refused,
        }
    };
    if expect == Expectation::LessSpread {
        let names = [claim.groups.join(", "), claim.baselines.join(", ")];
        let refused = groups.iter().chain(&baselines).find_map(|(_, refused)| *refused);
        return Ok(vec![compare(names, &ranges(&groups), &ranges(&baselines), refused)]);
    }
    if measure.is_change() {
        let of_group = |(label, (values, refused)): (&String, &(Vec<_>, _))| {
            compare([label.clone(), String::new()], values, &vec![Some(0.0); values.len()], *refused)
        };
        return Ok(claim.groups.iter().zip(&groups).map(of_group).collect());
    }
    let count = groups.len().max(baselines.len());
    // One of either is compared with all of the other.
    let place = |index: usize, len: usize| if len == 1 { 0 } else { index };
    let places = (0..count).map(|index| (place(index, groups.len()), place(index, baselines.len())));
    let named = |(g, b): (usize, usize)| {
        let names = [claim.groups[g].clone(), claim.baselines[b].clone()];
        compare(names, &groups[g].0, &baselines[b].0, groups[g].1.or(baselines[b].1))
    };
    Ok(places.map(named).collect())
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
fn ranges(groups: &[(Vec<Option<f64>>, Option<NotJudged>)]) -> Vec<Option<f64>> {
    let seeds = groups.iter().map(|(values, _)| values.len()).max().unwrap_or(0);
    let range = |seed: usize| {
        let values: Vec<f64> = groups.iter().map(|(values, _)| *values.get(seed)?).collect::<Option<_>>()?;
        let (low, high) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
        Some(high - low)
    };
    (0..seeds).map(range).collect()
}
