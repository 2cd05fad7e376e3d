//! The numbers of an artifact: per optimizer mean and deviation over seeds, beside the baseline and beside the paper.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::claim::epoch_here;
use super::comparison::{spread, values};
use super::scores::{self, FIRST, at_end};
use super::{
    Choice, ClaimSummary, Comparison, GridPoint, Group, LeftOut, Measure, PaperValue, PointSummary, Run, RunResult,
    Scores, Study, Subject, UnreadableRun,
};
use crate::workers::WorkersSummary;
use lookahead_runs::statistics::Spread;

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
    /// Whether it is a record whose differences were judged again, by rules of later than its runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub judged_again: bool,
    /// What the runs learn.
    #[serde(default, skip_serializing_if = "Subject::is_classification")]
    pub subject: Subject,
    /// What the finished runs say they read.
    #[serde(default)]
    pub data_read: BTreeSet<String>,
    /// Revision, device, threads, versions; several values where runs differ.
    pub environment: BTreeMap<String, BTreeSet<String>>,
    /// Wall time of all runs together, those of grids included, in seconds.
    #[serde(default)]
    pub seconds: f64,
    /// The most memory a run's process held, in bytes.
    #[serde(default)]
    pub peak_memory: Option<u64>,
    /// The runs that could not be read: they count as not begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableRun>,
    /// The claims of the paper, judged.
    #[serde(default)]
    pub claims: Vec<ClaimSummary>,
    /// Which optimizer to pick, by panel and measure, where optimizers are beside a common one and no claim is judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// One entry per optimizer, in the artifact's order.
    pub groups: Vec<GroupSummary>,
}

/// The finished runs of one optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The optimizer.
    pub label: String,
    /// The panel it belongs to; empty where there is a single one.
    #[serde(default)]
    pub panel: String,
    /// How its hyperparameters were chosen.
    pub tuning: String,
    /// The points of its grid, one of which stands for it; empty without a grid.
    #[serde(default)]
    pub points: Vec<PointSummary>,
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
    /// Examples left out because their files could not be decoded, over all finished runs.
    #[serde(default)]
    pub skipped: u64,
    /// What the numbers of the finished runs are without.
    #[serde(flatten)]
    pub left_out: LeftOut,
    /// Finished runs whose average never began: their numbers are of the optimizer inside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_averaged: u32,
    /// How many classes its data have, where the configurations of its runs tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u64>,
    /// What was measured at their end: accuracies as shares of 1, perplexities of language models only.
    #[serde(flatten, serialize_with = "scores::serialize")]
    pub scores: Scores<Spread>,
    /// By the ids of finished runs, of which epochs their final weights are: the best one, or several averaged. Runs that
    /// are evaluated with the weights of their end are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept_epochs: BTreeMap<String, Vec<u32>>,
    /// The same of the fast weights at the last evaluation, where they were evaluated.
    #[serde(flatten, with = "scores::of_fast_weights")]
    pub fast: Scores<Spread>,
    /// Mean wall time of a run, in seconds.
    pub seconds: Option<f64>,
    /// What its workers did together, where its runs have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersSummary>,
    /// The comparison with the baseline, if the group names one.
    pub comparison: Option<Comparison>,
    /// The paper's numbers of this group, each beside ours.
    #[serde(default)]
    pub paper: Vec<BesidePaper>,
}

/// A number of the paper beside ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BesidePaper {
    /// The paper's, as printed: accuracies in percent.
    pub paper: PaperValue,
    /// The epoch of our runs that stands for the paper's; `None` at the end.
    pub epoch: Option<u32>,
    /// Ours: accuracies as a share of 1.
    pub ours: Option<Spread>,
}

impl Summary {
    /// Summarises the finished runs of a study.
    pub fn of(study: &Study) -> Self {
        let artifact = &study.artifact;
        let finished = || study.all_runs().filter_map(Run::finished);
        let described = finished().map(|end| end.data_description.clone()).filter(|text| !text.is_empty());
        let groups = study.groups().zip(&study.grids);
        Self {
            artifact: artifact.artifact.clone(),
            scale: artifact.scale.clone(),
            title: artifact.title.clone(),
            command: artifact.command.clone(),
            data: artifact.data.clone(),
            judged_again: false,
            subject: study.subject(),
            data_read: described.collect(),
            environment: study.environment(),
            seconds: finished().map(|end| end.seconds).sum(),
            peak_memory: finished().filter_map(|end| end.peak_memory).max(),
            unreadable: study.unreadable.values().cloned().collect(),
            claims: artifact.paper.claim.iter().map(|claim| ClaimSummary::of(claim, study)).collect(),
            choices: study.panels().iter().flat_map(|panel| Choice::of(panel, study)).collect(),
            groups: groups.map(|((group, runs), grid)| GroupSummary::of(group, runs, grid, study)).collect(),
        }
    }

    /// What is said where grids were searched on the seeds that are judged; else nothing.
    pub(super) fn about_choosing(&self) -> Option<&'static str> {
        self.groups.iter().any(|group| group.points.len() > 1).then_some(
            "The point of a grid that stands for a group was chosen on the very seeds that are judged: intervals and p-values \
             leave the choice out, and are surer than they should be. --tune searches grids on seeds of their own.",
        )
    }

    /// The groups of each panel, in the order in which they first come.
    pub fn panels(&self) -> Vec<Vec<&GroupSummary>> {
        let mut panels: Vec<Vec<&GroupSummary>> = Vec::new();
        for group in &self.groups {
            match panels.iter_mut().find(|panel| panel[0].panel == group.panel) {
                Some(panel) => panel.push(group),
                None => panels.push(vec![group]),
            }
        }
        panels
    }
}

impl GroupSummary {
    fn of(group: &Group, runs: &[Run], grid: &[GridPoint], study: &Study) -> Self {
        let subject = study.subject();
        let finished: Vec<&RunResult> = runs.iter().filter_map(Run::finished).collect();
        let kept = runs.iter().filter_map(|run| Some((run.id.clone(), run.finished()?.kept_epochs.clone())));
        let fast = runs.iter().filter(|run| run.finished().is_some()).filter_map(|run| run.rows.last()?.fast.as_ref());
        let fast: Vec<&Scores> = fast.collect();
        let of_fast = |measure: Measure| spread(&fast.iter().map(|scores| scores.get(measure)).collect::<Vec<_>>());
        let fast_measures = fast.iter().flat_map(|scores| scores.measures());
        let baseline = group
            .baseline
            .as_ref()
            .and_then(|name| study.groups().find(|(other, _)| other.panel == group.panel && other.label == *name));
        let of_paper = study.artifact.paper.value.iter();
        let of_paper = of_paper.filter(|value| value.panel == group.panel && value.group == group.label);
        Self {
            label: group.label.clone(),
            panel: group.panel.clone(),
            tuning: group.tuning.clone(),
            points: grid.iter().map(|point| PointSummary::of(point, subject)).collect(),
            runs: ids(runs),
            unfinished: runs.iter().filter(|run| run.finished().is_none()).map(|run| run.id.clone()).collect(),
            n: finished.len() as u32,
            diverged: finished.iter().filter(|result| result.scores.get(Measure::ValidLoss).is_none()).count() as u32,
            non_finite: finished.iter().map(|result| result.non_finite).sum(),
            skipped: finished.iter().map(|result| result.skipped).sum(),
            left_out: finished.iter().map(|result| result.left_out).sum(),
            not_averaged: finished.iter().filter(|result| result.average_began == Some(false)).count() as u32,
            classes: runs.iter().find_map(Run::classes),
            scores: scores::found(&FIRST, scores::of_evaluations(subject), |measure| at_end(runs, measure)),
            kept_epochs: kept.filter(|(_, epochs)| !epochs.is_empty()).collect(),
            fast: scores::found(&[Measure::ValidAccuracy, Measure::ValidLoss], fast_measures, of_fast),
            seconds: Spread::of(&finished.iter().map(|end| end.seconds).collect::<Vec<_>>()).map(|spread| spread.mean),
            workers: WorkersSummary::of(&finished),
            comparison: baseline.map(|(baseline, control)| Comparison::of(runs, control, &baseline.label, study)),
            paper: of_paper.map(|value| BesidePaper::of(value, runs, study)).collect(),
        }
    }

    /// The point of its grid that stands for it.
    pub fn chosen(&self) -> Option<&PointSummary> {
        self.points.iter().find(|point| point.is_chosen)
    }
}

impl BesidePaper {
    fn of(value: &PaperValue, runs: &[Run], study: &Study) -> Self {
        let epoch = value.epoch.map(|epoch| epoch_here(epoch, study));
        Self { paper: value.clone(), epoch, ours: spread(&values(runs, value.measure, epoch)) }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

pub(super) fn ids(runs: &[Run]) -> Vec<String> {
    runs.iter().map(|run| run.id.clone()).collect()
}
