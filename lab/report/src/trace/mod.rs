//! The accuracy after every single update, inside the inner loop and after each sync (Fig. 10).

mod page;
mod panel;
mod standalone;

use super::analysis::{Cell, Csv};
use super::{Measure, Study, TraceKind, TraceRow};

/// The trace of one run.
pub(super) struct Trace {
    /// The run's id.
    run: String,
    /// What tells it from the other runs, for people.
    name: String,
    rows: Vec<TraceRow>,
}

/// The traces of an artifact: at least one.
pub(super) struct Traces(Vec<Trace>);

impl Traces {
    /// The traces of all runs; `None` before there is any.
    pub(super) fn of(study: &Study) -> Option<Self> {
        let mut traces = Vec::new();
        for (group, runs) in study.groups() {
            for run in runs.iter().filter(|run| run.trace.iter().any(|row| row.kind != TraceKind::Start)) {
                let seed = run.seed().map_or_else(|| run.id.clone(), |seed| format!("seed {seed}"));
                let name = if study.runs.len() > 1 { format!("{}, {seed}", group.label) } else { seed };
                traces.push(Trace { run: run.id.clone(), name, rows: run.trace.clone() });
            }
        }
        (!traces.is_empty()).then_some(Self(traces))
    }

    /// All lines of all runs, as CSV.
    pub(super) fn csv(&self) -> String {
        let mut csv =
            Csv::new(&["run", "update", "step", "kind", Measure::ValidLoss.key(), Measure::ValidAccuracy.key()]);
        for trace in &self.0 {
            for row in &trace.rows {
                csv.row(&[
                    Cell::Text(&trace.run),
                    Cell::Number(row.update.into()),
                    Cell::Number(row.step as f64),
                    Cell::Text(row.kind.name()),
                    row.scores.get(Measure::ValidLoss).map_or(Cell::Empty, Cell::Number),
                    Cell::Number(row.accuracy()),
                ]);
            }
        }
        csv.into_text()
    }
}
