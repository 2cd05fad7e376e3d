//! The points of a grid: all of them, the one that is used, and what is said of them.

use crate::config::{Axis, GroupConfig, Override};
use lookahead_runs::Scale;

/// How many points a grid has; a file has no more than can be counted.
pub(super) fn count(grid: &[Axis]) -> usize {
    grid.iter().map(|axis| axis.values.len()).product()
}

/// The point of a group's grid that is used at a scale: what the group sets for the scale comes before its own point.
pub(super) fn point_at(group: &GroupConfig, scale: Scale) -> Vec<Override> {
    let at_scale: Vec<&Override> = group.at(scale).collect();
    let chosen = |point: &Override| (*at_scale.iter().rfind(|own| own.key() == point.key()).unwrap_or(&point)).clone();
    group.point.iter().map(chosen).collect()
}

/// How the hyperparameters of a group were chosen, in words.
pub(super) fn tuning(grid: &[Axis], point: &[Override], is_searched: bool) -> String {
    let axes = grid.iter().map(|axis| format!("{} in {{{}}}", last(&axis.key), axis.values.join(", ")));
    let words = axes.collect::<Vec<_>>().join(", ");
    match (words.is_empty(), point.is_empty()) {
        (true, true) => "fixed".to_owned(),
        (true, false) => in_words(point),
        (false, _) if is_searched => format!("grid: {words}"),
        (false, true) => format!("fixed, without a search of {words}"),
        (false, false) if is_on_grid(grid, point) => format!("{} of the grid {words}", in_words(point)),
        (false, false) => format!("{} in place of the grid {words}", in_words(point)),
    }
}

fn is_on_grid(grid: &[Axis], point: &[Override]) -> bool {
    grid.iter().all(|axis| {
        let own = point.iter().find(|own| own.key() == axis.key);
        own.is_some_and(|own| axis.values.iter().any(|value| own.value() == value))
    })
}

/// Every point of a grid, the last key varying fastest.
pub(super) fn points(grid: &[Axis]) -> Vec<Vec<Override>> {
    grid.iter().fold(vec![vec![]], |points, Axis { key, values, place }| {
        let extended = |point: &Vec<Override>| {
            let with = |value: &String| {
                let own = Override { text: format!("{key}={value}"), place: place.clone() };
                [point.as_slice(), &[own]].concat()
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        points.iter().flat_map(extended).collect()
    })
}

/// A point of a grid in words, such as `learning_rate 0.1, weight_decay 0.001`.
pub(super) fn in_words(point: &[Override]) -> String {
    let words = point.iter().map(|own| format!("{} {}", last(own.key()), own.value()));
    words.collect::<Vec<_>>().join(", ")
}

/// The last part of a key with dots.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}
