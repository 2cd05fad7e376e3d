//! The numbers behind the figures of Sec. 3 and App. A (3, 4, 11 (a) and 11 (b)), and what they say about the paper's
//! claims; and two figures of ours about Lookahead's descendants.

mod convergence_rates;
mod family_progress;
mod noisy_progress;
mod outer_stability;

pub use convergence_rates::{ConditionPoint, ConvergenceRates, ConvergenceRatesData, SpectrumShape};
pub use family_progress::{FamilyProgress, FamilyProgressData, MemberClaim, MemberCurve, MemberPoint, MemberSlice};
pub use noisy_progress::{NoisyProgress, NoisyProgressData, ProgressCurve, ProgressPoint, Slice};

pub use outer_stability::{InUse, OuterStability, OuterStabilityData, StabilityMap};

use serde::Serialize;

/// Numbers closer than this, relative to the larger, are equal: what the searches for learning rates leave open.
const TIE: f64 = 1e-9;

/// A comparison that the paper makes, counted over the points of a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// What is said of each point.
    pub statement: String,
    /// At how many points it is so.
    pub count: usize,
    /// At how many points the other number is the better one; the rest are ties.
    #[serde(skip)]
    pub behind: usize,
    /// Of how many.
    pub of: usize,
    /// The smallest ratio of Lookahead's number to the other optimizer's; none without points.
    pub least_ratio: Option<f64>,
    /// The ratio in the middle of all, the lower of two.
    pub median_ratio: Option<f64>,
    /// The largest.
    pub greatest_ratio: Option<f64>,
    /// Whether it is so at more than half of the points.
    pub holds: bool,
    /// Whether it is so at every point, and there is one.
    pub holds_everywhere: bool,
}

/// Which of two numbers is the better one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Better {
    Lower,
    Higher,
}

impl Claim {
    /// Whether the other number is the better one at more than half of the points.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        2 * self.behind > self.of
    }

    /// That Lookahead's number is better than the other at each point, by more than the rounding of both. Two zeros have
    /// the ratio 1.
    pub(crate) fn new(statement: String, better: Better, points: &[(f64, f64)]) -> Self {
        let beats = |one: f64, other: f64| {
            let gain = match better {
                Better::Lower => other - one,
                Better::Higher => one - other,
            };
            gain > TIE * one.abs().max(other.abs())
        };
        let of = points.len();
        let count = points.iter().filter(|(lookahead, other)| beats(*lookahead, *other)).count();
        let behind = points.iter().filter(|(lookahead, other)| beats(*other, *lookahead)).count();
        let ratio = |&(lookahead, other): &(f64, f64)| if lookahead == other { 1.0 } else { lookahead / other };
        let mut ratios: Vec<f64> = points.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        Self {
            statement,
            count,
            behind,
            of,
            least_ratio: ratios.first().copied(),
            median_ratio: ratios.get(of.saturating_sub(1) / 2).copied(),
            greatest_ratio: ratios.last().copied(),
            holds: 2 * count > of,
            holds_everywhere: of > 0 && count == of,
        }
    }
}
