//! `curves.csv`: every evaluation of every run of an artifact, one a row, for other tools.

use super::analysis::{Cell, Csv};
use super::{Group, Run, Study};

/// The names of the columns. Accuracies are shares of 1; an empty cell was not measured or is not finite. A perplexity is
/// the exponential of a loss.
const COLUMNS: [&str; 16] = [
    "panel",
    "group",
    "candidate",
    "seed_index",
    "run",
    "epoch",
    "step",
    "learning_rate",
    "train_loss",
    "valid_loss",
    "valid_accuracy",
    "valid_top5",
    "fast_valid_loss",
    "fast_valid_accuracy",
    "alpha",
    "seconds",
];

/// The text of the file: group by group, of a grid all points.
pub(super) fn text(study: &Study) -> String {
    let mut csv = Csv::new(&COLUMNS);
    for ((group, runs), grid) in study.groups().zip(&study.grids) {
        if grid.is_empty() {
            add(&mut csv, group, "", runs);
        }
        for point in grid {
            add(&mut csv, group, &point.label, &point.runs);
        }
    }
    csv.into_text()
}

fn add(csv: &mut Csv, group: &Group, candidate: &str, runs: &[Run]) {
    for (seed, run) in runs.iter().enumerate() {
        for row in &run.rows {
            let number = |number: Option<f64>| number.map_or(Cell::Empty, Cell::Number);
            csv.row(&[
                Cell::Text(&group.panel),
                Cell::Text(&group.label),
                Cell::Text(candidate),
                Cell::Whole(seed as u64),
                Cell::Text(&run.id),
                Cell::Whole(u64::from(row.epoch)),
                Cell::Whole(row.step),
                Cell::Number(row.learning_rate),
                number(row.train_loss),
                number(row.valid_loss),
                number(row.valid_accuracy),
                number(row.valid_top5),
                number(row.fast.and_then(|fast| fast.valid_loss)),
                number(row.fast.and_then(|fast| fast.valid_accuracy)),
                number(row.alpha),
                Cell::Number(row.seconds),
            ]);
        }
    }
}
