//! What the inner loops and the syncs do to the accuracy: the paper's claim on Fig. 10, computed.

use super::super::Verdict;
use super::{Trace, TraceKind, Traces};
use crate::metrics::PairedDifference;

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

/// How the accuracy changes over inner loops and over interpolations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes {
    /// theta_{t,k} - theta_{t,0}.
    pub(super) inner: PairedDifference,
    /// phi_t - theta_{t,k}.
    pub(super) outer: PairedDifference,
}

impl Changes {
    /// Of complete cycles; `None` if there is none.
    fn of(cycles: &[Cycle]) -> Option<Self> {
        let change = |from: fn(&Cycle) -> f64, to: fn(&Cycle) -> f64| {
            let pairs: Vec<_> = cycles.iter().map(|cycle| (Some(to(cycle)), Some(from(cycle)))).collect();
            PairedDifference::of(&pairs)
        };
        let inner = change(|cycle| cycle.start, |cycle| cycle.fast)?;
        let outer = change(|cycle| cycle.fast, |cycle| cycle.slow)?;
        Some(Self { inner, outer })
    }

    /// Whether inner loops degrade the accuracy.
    pub(super) fn degrades(&self) -> Verdict {
        judge(self.inner.ci95.map(|[low, high]| [-high, -low]))
    }

    /// Whether interpolations raise it again.
    pub(super) fn recovers(&self) -> Verdict {
        judge(self.outer.ci95)
    }
}

/// Whether something is above zero, by its 95 % confidence interval.
fn judge(interval: Option<[f64; 2]>) -> Verdict {
    match interval {
        Some([low, _]) if low > 0.0 => Verdict::Holds,
        Some([_, high]) if high <= 0.0 => Verdict::DoesNotHold,
        _ => Verdict::Undecided,
    }
}

impl Traces {
    /// The changes over the cycles of all runs together.
    pub(super) fn changes(&self) -> Option<Changes> {
        Changes::of(&self.0.iter().flat_map(Trace::cycles).collect::<Vec<_>>())
    }
}

impl Trace {
    /// The changes over its own cycles.
    pub(super) fn changes(&self) -> Option<Changes> {
        Changes::of(&self.cycles())
    }

    /// Its whole cycles: neither one that the trace begins within, nor one that it ends within.
    fn cycles(&self) -> Vec<Cycle> {
        let mut cycles = Vec::new();
        let (mut start, mut fast, mut updates) = (0.0, 0.0, 0);
        for row in &self.rows {
            match row.kind {
                TraceKind::Start => start = row.valid_accuracy,
                TraceKind::Inner => {
                    fast = row.valid_accuracy;
                    updates += 1;
                }
                TraceKind::Outer => {
                    cycles.push(Cycle { updates, start, fast, slow: row.valid_accuracy });
                    (start, updates) = (row.valid_accuracy, 0);
                }
            }
        }
        let whole = cycles.iter().map(|cycle| cycle.updates).max();
        cycles.retain(|cycle| Some(cycle.updates) == whole);
        cycles
    }
}
