//! Numbers as text: one way of writing each quantity, in the terminal, the page and the plots alike.

use crate::metrics::{PairedDifference, Spread};

/// What a number of the report measures, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// A share of 1, written in percent; differences in percentage points.
    Accuracy,
    /// A loss.
    Loss,
}

/// What stands where there is no number.
pub(super) const MISSING: &str = "-";

impl Quantity {
    /// A value: `97.50` for an accuracy of 0.975, `0.0931` for a loss.
    pub(super) fn value(self, value: f64) -> String {
        match self {
            Self::Accuracy => format!("{:.2}", 100.0 * value),
            Self::Loss => loss(value),
        }
    }

    /// A difference, always with its sign.
    pub(super) fn difference(self, difference: f64) -> String {
        let text = self.value(difference);
        let is_zero = !text.contains(|digit: char| ('1'..='9').contains(&digit));
        match (is_zero, text.starts_with('-')) {
            (true, true) => text[1..].to_owned(),
            (true, false) | (false, true) => text,
            (false, false) => format!("+{text}"),
        }
    }

    /// Mean and standard deviation: `97.50 ± 0.28`.
    pub(super) fn spread(self, spread: Option<Spread>) -> String {
        match spread {
            None => MISSING.to_owned(),
            Some(Spread { mean, std: None, .. }) => self.value(mean),
            Some(Spread { mean, std: Some(std), .. }) => format!("{} ± {}", self.value(mean), self.value(std)),
        }
    }

    /// Mean difference and its confidence interval: `+0.37 [-0.21, +0.95]`.
    pub(super) fn paired(self, paired: Option<PairedDifference>) -> String {
        match paired {
            None => MISSING.to_owned(),
            Some(PairedDifference { mean, ci95: None, .. }) => self.difference(mean),
            Some(PairedDifference { mean, ci95: Some([low, high]), .. }) => {
                format!("{} [{}, {}]", self.difference(mean), self.difference(low), self.difference(high))
            }
        }
    }
}

/// Wall time in seconds, with as many digits as it deserves.
pub(super) fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => MISSING.to_owned(),
        Some(seconds) if seconds < 100.0 => format!("{seconds:.1}"),
        Some(seconds) => format!("{seconds:.0}"),
    }
}

/// The number of finished runs: `3`, or `2 of 3`.
pub(super) fn finished(finished: u32, planned: usize) -> String {
    if finished as usize == planned { planned.to_string() } else { format!("{finished} of {planned}") }
}

fn loss(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.001 { format!("{value:.4}") } else { format!("{value:.1e}") }
}
