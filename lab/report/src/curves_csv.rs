//! `curves.csv`: every evaluation of every run of an artifact, one a row, for other tools.

use std::collections::BTreeSet;

use super::analysis::{Cell, Csv};
use super::{Group, Measure, MetricsRow, Run, Scores, Study};

const BEFORE: [&str; 8] = ["panel", "group", "candidate", "seed_index", "run", "epoch", "step", "learning_rate"];
const AFTER: [&str; 2] = ["alpha", "seconds"];

/// A measure, and whether it is of the fast weights. Accuracies are shares of 1; an empty cell was not measured or is not
/// finite. A perplexity is the exponential of a loss.
type Column = (bool, Measure);

/// These are there even where nothing was measured.
const ALWAYS: [Column; 6] = [
    (false, Measure::TrainLoss),
    (false, Measure::ValidLoss),
    (false, Measure::ValidAccuracy),
    (false, Measure::ValidTop5),
    (true, Measure::ValidLoss),
    (true, Measure::ValidAccuracy),
];

/// The text of the file: group by group, of a grid all points.
pub(super) fn text(study: &Study) -> String {
    let columns = study.all_runs().flat_map(|run| &run.rows).flat_map(measured).chain(ALWAYS);
    let columns: BTreeSet<Column> = columns.collect();
    let name = |(is_fast, measure): &Column| format!("{}{}", if *is_fast { "fast_" } else { "" }, measure.key());
    let names: Vec<String> = columns.iter().map(name).collect();
    let header = BEFORE.into_iter().chain(names.iter().map(String::as_str)).chain(AFTER);
    let mut csv = Csv::new(&header.collect::<Vec<_>>());
    for ((group, runs), grid) in study.groups().zip(&study.grids) {
        if grid.is_empty() {
            add(&mut csv, &columns, group, "", runs);
        }
        for point in grid {
            add(&mut csv, &columns, group, &point.label, &point.runs);
        }
    }
    csv.into_text()
}

fn measured(row: &MetricsRow) -> impl Iterator<Item = Column> {
    let of_fast = row.fast.iter().flat_map(Scores::measures).map(|measure| (true, measure));
    row.scores.measures().map(|measure| (false, measure)).chain(of_fast)
}

fn add(csv: &mut Csv, columns: &BTreeSet<Column>, group: &Group, candidate: &str, runs: &[Run]) {
    for (seed, run) in runs.iter().enumerate() {
        for row in &run.rows {
            let number = |number: Option<f64>| number.map_or(Cell::Empty, Cell::Number);
            let mut cells = vec![
                Cell::Text(&group.panel),
                Cell::Text(&group.label),
                Cell::Text(candidate),
                Cell::Whole(seed as u64),
                Cell::Text(&run.id),
                Cell::Whole(u64::from(row.epoch)),
                Cell::Whole(row.step),
                Cell::Number(row.learning_rate),
            ];
            let scores = |is_fast: bool| if is_fast { row.fast.as_ref() } else { Some(&row.scores) };
            let score = |(is_fast, measure): &Column| number(scores(*is_fast).and_then(|of| of.get(*measure)));
            cells.extend(columns.iter().map(score));
            cells.extend([number(row.alpha), Cell::Number(row.seconds)]);
            csv.row(&cells);
        }
    }
}
