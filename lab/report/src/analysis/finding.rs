//! Whether a claim of the paper holds, computed.

use lookahead_theory::figures::Claim;
use serde::Serialize;

/// A claim and what the computation says of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The claim's name in `paper.toml`.
    pub id: String,
    /// The claim, in our words.
    pub says: String,
    /// Where the paper makes it.
    #[serde(rename = "where")]
    pub place: String,
    /// For which of several settings it was tried, if there are several.
    pub setting: Option<String>,
    /// The verdict.
    pub verdict: Outcome,
    /// Whether it holds by and large: at more than half of the points, or as the claim itself counts.
    pub holds: bool,
    /// Whether it holds at every point.
    pub holds_everywhere: bool,
    /// At how many points it is so.
    pub count: usize,
    /// Of how many.
    pub n: usize,
    /// The numbers in words.
    pub evidence: String,
    /// The comparisons behind it.
    pub details: Vec<Claim>,
}

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At every point.
    Holds,
    /// At 95 % of the points or more.
    HoldsAlmostEverywhere,
    /// At more than half of the points.
    HoldsInPart,
    /// At half of the points or fewer.
    DoesNotHold,
    /// There is no point to judge by.
    NotJudged,
}

impl Outcome {
    /// The verdict on what is so at `count` of `n` points.
    #[must_use]
    pub fn of(count: usize, n: usize) -> Self {
        match (count, n) {
            (_, 0) => Self::NotJudged,
            _ if count == n => Self::Holds,
            _ if 20 * count >= 19 * n => Self::HoldsAlmostEverywhere,
            _ if 2 * count > n => Self::HoldsInPart,
            _ => Self::DoesNotHold,
        }
    }

    /// Whether it holds by and large.
    #[must_use]
    pub fn holds(self) -> bool {
        match self {
            Self::Holds | Self::HoldsAlmostEverywhere | Self::HoldsInPart => true,
            Self::DoesNotHold | Self::NotJudged => false,
        }
    }

    /// The verdict in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsAlmostEverywhere => "holds almost everywhere",
            Self::HoldsInPart => "holds in part",
            Self::DoesNotHold => "does not hold",
            Self::NotJudged => "not judged",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Holds | Self::HoldsAlmostEverywhere => "holds",
            Self::HoldsInPart | Self::NotJudged => "undecided",
            Self::DoesNotHold => "fails",
        }
    }
}
