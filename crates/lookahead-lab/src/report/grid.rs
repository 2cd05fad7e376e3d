//! The grid of a group: which of its points stands for it (App. C.1: a grid search for each optimizer).

use super::{Measure, Run};
use crate::metrics::Spread;

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

/// Marks and returns the point with the best mean final validation accuracy over its finished seeds; of equals the
/// first. Before any run has finished it is the first of all.
pub(super) fn choose(points: &mut [GridPoint]) -> Option<&GridPoint> {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, point) in points.iter().enumerate() {
        let accuracies: Vec<f64> = point.runs.iter().filter_map(|run| Measure::ValidAccuracy.at_end(run)).collect();
        let mean = Spread::of(&accuracies).map_or(f64::NEG_INFINITY, |spread| spread.mean);
        if mean > best.1 {
            best = (index, mean);
        }
    }
    let chosen = points.get_mut(best.0)?;
    chosen.is_chosen = true;
    Some(chosen)
}
