//! What the inner loops and the syncs of a run do to its accuracy: what the paper's claims on Fig. 10 are judged by.

use super::{TraceKind, TraceRow};
use crate::statistics::Spread;

/// One inner loop and the sync that ends it.
#[derive(Debug, Clone, Copy)]
struct Cycle {
    updates: usize,
    /// Accuracy at theta_{t,0} = phi_{t-1}.
    start: f64,
    /// Accuracy at theta_{t,k}.
    fast: f64,
    /// Accuracy at phi_t.
    slow: f64,
}

/// How the accuracy of one run changes over its inner loops and at its syncs, on average over its whole cycles.
///
/// Cycles of one run follow from each other, so they are no sample by themselves: the runs are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changes {
    /// How many whole cycles, at least 1.
    pub cycles: usize,
    /// The mean of theta_{t,k} - theta_{t,0}.
    pub inner: f64,
    /// The mean of phi_t - theta_{t,k}.
    pub outer: f64,
}

impl Changes {
    /// Of the lines of a trace; `None` if there is no whole cycle.
    pub fn of(rows: &[TraceRow]) -> Option<Self> {
        let cycles = cycles(rows);
        let mean = |change: fn(&Cycle) -> f64| Some(Spread::of(&cycles.iter().map(change).collect::<Vec<_>>())?.mean);
        let inner = mean(|cycle| cycle.fast - cycle.start)?;
        let outer = mean(|cycle| cycle.slow - cycle.fast)?;
        Some(Self { cycles: cycles.len(), inner, outer })
    }
}

/// The whole cycles: neither one that the trace begins within, nor one that it ends within.
fn cycles(rows: &[TraceRow]) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    let (mut start, mut fast, mut updates) = (0.0, 0.0, 0);
    for row in rows {
        match row.kind {
            TraceKind::Start => start = row.accuracy(),
            TraceKind::Inner => {
                fast = row.accuracy();
                updates += 1;
            }
            TraceKind::Outer => {
                cycles.push(Cycle { updates, start, fast, slow: row.accuracy() });
                (start, updates) = (row.accuracy(), 0);
            }
        }
    }
    let whole = cycles.iter().map(|cycle| cycle.updates).max();
    cycles.retain(|cycle| Some(cycle.updates) == whole);
    cycles
}
