//! `trace.jsonl`: the weights after each of some updates, evaluated, inside the inner loop and after each sync (Fig. 10).

mod cycles;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::cycles::Changes;
use crate::place::Place;
use crate::{FileError, Measure, Scores, scores};

/// A line of `trace.jsonl`: the weights after one update, evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    /// Updates since the trace began; 0 is before the first.
    pub update: u32,
    /// Gradient steps of the run.
    pub step: u64,
    /// Which weights were evaluated.
    pub kind: TraceKind,
    /// Their validation loss and accuracy.
    #[serde(flatten, deserialize_with = "scores::of_update")]
    pub scores: Scores,
}

impl TraceRow {
    /// The share of validation examples that the weights get right, 0 to 1; of rows that were read it is a number.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.scores.get(Measure::ValidAccuracy).unwrap_or(f64::NAN)
    }
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

impl TraceKind {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
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
pub(crate) fn read_rows(path: &Path, bytes: &[u8]) -> Result<Vec<TraceRow>, FileError> {
    let mut rows: Vec<TraceRow> = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let row: TraceRow =
            serde_json::from_slice(line).map_err(|error| FileError::malformed(path, index + 1, &error))?;
        row.scores.check(&Place { path, line: index + 1 })?;
        while rows.last().is_some_and(|last| (last.update, last.kind) >= (row.update, row.kind)) {
            rows.pop();
        }
        if let Some(reason) = misplaced(&row, rows.last()) {
            return Err(FileError::Malformed { path: path.to_owned(), line: index + 1, column: 1, reason });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Why a line cannot stand where it does.
fn misplaced(row: &TraceRow, before: Option<&TraceRow>) -> Option<String> {
    if row.accuracy().is_nan() {
        return Some(format!("`{}`: null, expected: a number", Measure::ValidAccuracy.key()));
    }
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
