//! The accuracy after every single update, inside the inner loop and after each sync (Fig. 10).

mod cycles;
mod page;
mod panel;
mod standalone;

pub(super) use cycles::Changes;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::analysis::{Cell, Csv};
use super::run_folder::{Place, malformed};
use super::{ReportError, Study};

/// A line of `trace.jsonl`: the weights after one update, evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    /// Updates since the trace began; 0 is before the first.
    pub update: u32,
    /// Gradient steps of the run.
    pub step: u64,
    /// Which weights were evaluated.
    pub kind: TraceKind,
    /// Their validation loss; `None` if not finite.
    #[serde(deserialize_with = "Option::deserialize")]
    pub valid_loss: Option<f64>,
    /// The share of validation examples that they get right, 0 to 1.
    pub valid_accuracy: f64,
}

/// Which weights a line of a trace is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceKind {
    /// The weights before the first update.
    Start,
    /// The fast weights after an inner step.
    Inner,
    /// The slow weights after a sync: it follows the inner step of the same update.
    Outer,
}

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
        let mut csv = Csv::new(&["run", "update", "step", "kind", "valid_loss", "valid_accuracy"]);
        for trace in &self.0 {
            for row in &trace.rows {
                csv.row(&[
                    Cell::Text(&trace.run),
                    Cell::Number(row.update.into()),
                    Cell::Number(row.step as f64),
                    Cell::Text(row.kind.name()),
                    row.valid_loss.map_or(Cell::Empty, Cell::Number),
                    Cell::Number(row.valid_accuracy),
                ]);
            }
        }
        csv.into_text()
    }
}

impl TraceKind {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Inner => "inner",
            Self::Outer => "outer",
        }
    }
}

/// Reads the lines of a trace. A resumed run may repeat some; the later ones count.
///
/// # Errors
/// A line is malformed, or holds a number out of range.
pub(super) fn read_rows(path: &Path, bytes: &[u8]) -> Result<Vec<TraceRow>, ReportError> {
    let mut rows: Vec<TraceRow> = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row: TraceRow = serde_json::from_slice(line).map_err(|error| malformed(path, index + 1, &error))?;
        Place { path, line: index + 1 }.within("valid_accuracy", row.valid_accuracy, 0.0..=1.0, "0 to 1")?;
        while rows.last().is_some_and(|last| (last.update, last.kind) >= (row.update, row.kind)) {
            rows.pop();
        }
        if let Some(reason) = misplaced(&row, rows.last()) {
            return Err(ReportError::Malformed { path: path.to_owned(), line: index + 1, column: 1, reason });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Why a line cannot stand after another one.
fn misplaced(row: &TraceRow, before: Option<&TraceRow>) -> Option<String> {
    let fits = match (before, row.kind) {
        (None, TraceKind::Start) => row.update == 0,
        (None, _) | (Some(_), TraceKind::Start) => false,
        (Some(before), TraceKind::Inner) => row.update == before.update + 1,
        (Some(before), TraceKind::Outer) => row.update == before.update && before.kind == TraceKind::Inner,
    };
    let name = row.kind.name();
    (!fits).then(|| match before {
        None => format!("update {} of kind \"{name}\" comes first, expected: update 0 of kind \"start\"", row.update),
        Some(before) => format!(
            "update {} of kind \"{name}\" comes after update {} of kind \"{}\", expected: \"inner\" after the update \
             before, \"outer\" after \"inner\" of its own",
            row.update,
            before.update,
            before.kind.name()
        ),
    })
}
