//! The value of a measure: in an evaluation, after an epoch, at the end of a run.

use super::{Measure, Origin};
use crate::trace::Changes;
use crate::{MetricsRow, Run, Scores};

impl Measure {
    /// Its value in an evaluation; `None` if not finite, or not measured.
    pub fn of(self, scores: &Scores) -> Option<f64> {
        match self.entry().origin {
            Origin::Measured => scores.get(self),
            // A loss above 709 has none that a number can hold.
            Origin::Exponential(loss) => scores.get(loss).map(f64::exp).filter(|value| value.is_finite()),
            Origin::Mean(_) | Origin::Traced(_) => None,
        }
    }

    /// Its value at the end of a finished run; `None` for others, or if it is not finite or not measured. What is traced
    /// does not wait for the end.
    pub fn at_end(self, run: &Run) -> Option<f64> {
        match self.entry().origin {
            Origin::Traced(change) => Changes::of(&run.trace).as_ref().map(change).filter(|value| value.is_finite()),
            Origin::Mean(of) => run.finished().and_then(|_| mean(of, &run.rows)),
            Origin::Measured | Origin::Exponential(_) => self.of(&run.finished()?.scores),
        }
    }

    /// Its value at the last evaluation of an epoch, in a run that may go on.
    pub fn after_epoch(self, run: &Run, epoch: u32) -> Option<f64> {
        let end = run.rows.iter().rposition(|row| row.epoch == epoch)?;
        match self.entry().origin {
            Origin::Mean(of) => mean(of, &run.rows[..=end]),
            _ => self.of(&run.rows[end].scores),
        }
    }
}

/// The mean of a measure; before the first step there is none. `None` if one is not finite.
fn mean(measure: Measure, rows: &[MetricsRow]) -> Option<f64> {
    let rows = rows.iter().filter(|row| row.step > 0);
    let values: Vec<f64> = rows.map(|row| row.scores.get(measure)).collect::<Option<_>>()?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then_some(mean)
}
