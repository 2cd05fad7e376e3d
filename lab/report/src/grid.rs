//! The grid of a group: which of its points stands for it (App. C.1: a grid search for each optimizer).

use serde::{Deserialize, Serialize};

use super::format::Quantity;
use super::summary::{at_end, ids};
use super::{Measure, Run, Subject};
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
    /// where there are no accuracies.
    pub is_chosen: bool,
    /// Run ids, in the order of seeds.
    pub runs: Vec<String>,
    /// Number of finished runs.
    pub n: u32,
    /// Final validation accuracy, 0 to 1.
    pub valid_accuracy: Option<Spread>,
    /// Final validation loss.
    pub valid_loss: Option<Spread>,
    /// Final training loss.
    pub train_loss: Option<Spread>,
    /// Final validation perplexity; of language models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_perplexity: Option<Spread>,
    /// BLEU on the validation set, 0 to 100; of translations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_bleu: Option<Spread>,
}

impl PointSummary {
    pub(super) fn of(point: &GridPoint, subject: Subject) -> Self {
        let is_language = subject == Subject::Language;
        Self {
            label: point.label.clone(),
            is_chosen: point.is_chosen,
            runs: ids(&point.runs),
            n: point.runs.iter().filter(|run| run.finished().is_some()).count() as u32,
            valid_accuracy: at_end(&point.runs, Measure::ValidAccuracy),
            valid_loss: at_end(&point.runs, Measure::ValidLoss),
            train_loss: at_end(&point.runs, Measure::TrainLoss),
            valid_perplexity: at_end(&point.runs, Measure::ValidPerplexity).filter(|_| is_language),
            valid_bleu: at_end(&point.runs, Measure::ValidBleu),
        }
    }

    /// One of the measures of [`Subject::of_points`].
    pub(super) fn measured(&self, measure: Measure) -> Option<Spread> {
        match measure.quantity() {
            Quantity::Accuracy => self.valid_accuracy,
            Quantity::Perplexity => self.valid_perplexity,
            Quantity::Bleu => self.valid_bleu,
            Quantity::Loss if measure == Measure::TrainLoss => self.train_loss,
            Quantity::Loss => self.valid_loss,
        }
    }
}

/// Marks and returns the point with the best mean final validation accuracy over its finished seeds, or, of runs without
/// accuracies, with the lowest mean final validation loss (App. C.3); of equals the first. Before any run has finished it
/// is the first of all.
pub(super) fn choose(points: &mut [GridPoint]) -> Option<&GridPoint> {
    let subject = Subject::of(points.iter().flat_map(|point| &point.runs));
    let mut best = (0, f64::NEG_INFINITY);
    for (index, point) in points.iter().enumerate() {
        let merit = if subject == Subject::Classification { mean_accuracy(point) } else { -mean_loss(point) };
        if merit > best.1 {
            best = (index, merit);
        }
    }
    let chosen = points.get_mut(best.0)?;
    chosen.is_chosen = true;
    Some(chosen)
}

fn mean_accuracy(point: &GridPoint) -> f64 {
    let accuracies: Vec<f64> = point.runs.iter().filter_map(|run| Measure::ValidAccuracy.at_end(run)).collect();
    Spread::of(&accuracies).map_or(f64::NEG_INFINITY, |spread| spread.mean)
}

/// Infinite where a finished run ended without a finite loss: a point that can diverge is not chosen for its other seeds.
fn mean_loss(point: &GridPoint) -> f64 {
    let finished = point.runs.iter().filter(|run| run.finished().is_some());
    let losses: Option<Vec<f64>> = finished.map(|run| Measure::ValidLoss.at_end(run)).collect();
    losses.and_then(|losses| Spread::of(&losses)).map_or(f64::INFINITY, |spread| spread.mean)
}
