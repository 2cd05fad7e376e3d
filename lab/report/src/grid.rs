//! The grid of a group: which of its points stands for it (App. C.1: a grid search for each optimizer).

use serde::{Deserialize, Serialize};

use super::scores::{self, at_end};
use super::summary::ids;
use super::{Measure, Run, Scores, Subject};
use lookahead_runs::statistics::Spread;

/// One point of a group's grid, with its runs.
#[derive(Clone, Debug)]
pub struct GridPoint {
    /// Where in the grid.
    pub label: String,
    /// Its runs, in the order of seeds.
    pub runs: Vec<Run>,
    /// Whether it stands for the group.
    pub is_chosen: bool,
}

/// One point of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// Where in the grid.
    pub label: String,
    /// Whether it stands for the group: the best by the mean final validation accuracy over finished seeds, or by the loss
    /// where there are no accuracies, of the points without an unfinished seed if there are any.
    pub is_chosen: bool,
    /// Run ids, in the order of seeds.
    pub runs: Vec<String>,
    /// Number of finished runs.
    pub n: u32,
    /// What was measured at their end: accuracies as shares of 1.
    #[serde(flatten, serialize_with = "scores::serialize")]
    pub scores: Scores<Spread>,
}

impl PointSummary {
    pub(super) fn of(point: &GridPoint, subject: Subject) -> Self {
        let always = [Measure::ValidAccuracy, Measure::ValidLoss, Measure::TrainLoss];
        Self {
            label: point.label.clone(),
            is_chosen: point.is_chosen,
            runs: ids(&point.runs),
            n: point.runs.iter().filter(|run| run.finished().is_some()).count() as u32,
            scores: scores::found(&always, [subject.score()], |measure| at_end(&point.runs, measure)),
        }
    }
}

/// Marks and returns the point with the best mean final validation accuracy over its finished seeds, or, of runs without
/// accuracies, with the lowest mean final validation loss (App. C.3); of equals the first. One whose seeds have all finished
/// comes before one that lacks some: they may have diverged. Before any run has finished it is the first of all.
pub(super) fn choose(points: &mut [GridPoint]) -> Option<&GridPoint> {
    let subject = Subject::of(points.iter().flat_map(|point| &point.runs));
    let mut best = (0, (false, f64::NEG_INFINITY));
    for (index, point) in points.iter().enumerate() {
        let mean = if subject == Subject::Classification { mean_accuracy(point) } else { -mean_loss(point) };
        let merit = (point.runs.iter().all(|run| run.finished().is_some()), mean);
        if merit > best.1 {
            best = (index, merit);
        }
    }
    let chosen = points.get_mut(best.0)?;
    chosen.is_chosen = true;
    Some(chosen)
}

fn mean_accuracy(point: &GridPoint) -> f64 {
    at_end(&point.runs, Measure::ValidAccuracy).map_or(f64::NEG_INFINITY, |spread| spread.mean)
}

/// Infinite where a finished run ended without a finite loss: a point that can diverge is not chosen for its other seeds.
fn mean_loss(point: &GridPoint) -> f64 {
    let finished = point.runs.iter().filter(|run| run.finished().is_some());
    let losses: Option<Vec<f64>> = finished.map(|run| Measure::ValidLoss.at_end(run)).collect();
    losses.and_then(|losses| Spread::of(&losses)).map_or(f64::INFINITY, |spread| spread.mean)
}
