//! What kind of number a measure is: its units, its range, which way is better, and within which margin two count as alike.

use std::ops::RangeInclusive;

/// What a number of the report measures, and so how it is written and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// A share of 1, written in percent; differences in percentage points.
    Accuracy,
    /// A loss.
    Loss,
    /// The exponential of a loss. Differences are of the losses, its logarithms, written as a change in percent.
    Perplexity,
    /// BLEU, 0 to 100; differences in points.
    Bleu,
}

/// How far apart two results may be and still count as alike: the margin of "similar" and of "not worse".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// So much, in the unit in which differences are computed.
    Absolute(f64),
    /// A share of the baseline's mean.
    Relative(f64),
}

impl Margin {
    /// As differences are computed, beside a baseline with this mean.
    pub fn beside(self, baseline: Option<f64>) -> f64 {
        match self {
            Self::Absolute(margin) => margin,
            Self::Relative(share) => share * baseline.unwrap_or(0.0).abs(),
        }
    }
}

/// What is the same for all measures of a quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The unit of its values, after a comma; empty where it has none.
    pub unit: &'static str,
    /// The unit of differences, after a comma; empty where they have none.
    pub unit_of_difference: &'static str,
    /// Whether more is better.
    pub is_score: bool,
    /// The margin within which results count as alike.
    pub margin: Margin,
    /// The margin for people.
    pub margin_in_words: &'static str,
    /// The numbers that a file may hold.
    pub range: RangeInclusive<f64>,
    /// The same in words.
    pub accepted: &'static str,
}

impl Quantity {
    /// What is the same for all measures of it.
    pub fn facts(self) -> Facts {
        use Margin::{Absolute, Relative};
        let any = f64::MIN..=f64::MAX;
        let (unit, unit_of_difference, is_score, margin, margin_in_words, range, accepted) = match self {
            Self::Accuracy => (", %", ", points", true, Absolute(0.005), "0.5 points", 0.0..=1.0, "0 to 1"),
            Self::Loss => ("", "", false, Relative(0.02), "2 % of the baseline\u{2019}s", any, "a number"),
            Self::Perplexity => ("", ", %", false, Absolute(0.01_f64.ln_1p()), "1 %", any, "a number"),
            // Table 4 calls results alike that are 0.51 apart.
            Self::Bleu => ("", "", true, Absolute(0.6), "0.6 BLEU", 0.0..=100.0, "0 to 100"),
        };
        Facts { unit, unit_of_difference, is_score, margin, margin_in_words, range, accepted }
    }
}
