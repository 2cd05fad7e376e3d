//! The judge: a pure function from the differences of a family of comparisons to what they decide.

use serde::{Deserialize, Serialize};

use lookahead_runs::Quantity;
use lookahead_runs::format::p_value;

use super::{NotJudged, Outcome, Verdict};
use lookahead_runs::statistics::{PairedDifference, Tested, holm, seeds_to_decide};

/// The probability of any false decision within a family, at most.
const LEVEL: f64 = 0.05;

/// With fewer seeds nothing is judged: a deviation over two is no deviation.
pub(super) const FEWEST_SEEDS: u32 = 3;

/// One comparison of a family, before it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// The difference over seeds.
    pub(super) difference: Option<PairedDifference>,
    /// Seeds for which either side has no finite value.
    pub(super) missing_pairs: u32,
    /// Where the claim says that the difference lies: strictly between these.
    pub(super) claimed: [f64; 2],
    /// Why it is not to be judged, whatever its numbers.
    pub(super) refused: Option<NotJudged>,
}

/// What a comparison decides within its family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The two-sided p-value against the nearest end of what is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The p-value after Holm's correction for the family; decided below 0.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// The confidence level of `interval`: 0.95 for a family of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The interval of the mean difference at the level at which it was tried: it reaches over an end of what is claimed
    /// exactly where nothing is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Where undecided: the seeds with which a difference of this size is decided at this level with a probability of 0.8;
    /// `None` if 1000 do not suffice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_to_decide: Option<u32>,
}

/// Judges a family.
pub(super) fn judge(family: &[Evidence]) -> Vec<Judgement> {
    let tests: Vec<_> = family.iter().map(Evidence::test).collect();
    // What is not judged stays in the family, as one that decides nothing.
    let p_values: Vec<f64> = tests.iter().map(|test| test.map_or(1.0, |(_, p)| p)).collect();
    let judged = family.iter().zip(tests).zip(holm(&p_values, LEVEL));
    let judgement = |((evidence, test), tested): ((&Evidence, Result<_, _>), Tested)| match test {
        Ok((difference, p)) => evidence.judged(difference, p, tested),
        Err(reason) => Judgement::without(reason),
    };
    judged.map(judgement).collect()
}

/// The names of the comparisons of a family, and how they are corrected.
pub(super) fn family_in_words(names: &[String]) -> String {
    match names {
        [name] => format!("1 comparison: {name}"),
        _ => format!("{} comparisons, corrected by Holm: {}", names.len(), names.join("; ")),
    }
}

impl Evidence {
    /// The difference, and its p-value against the nearest end of what is claimed; or why there is none.
    fn test(&self) -> Result<(PairedDifference, f64), NotJudged> {
        if let Some(reason) = self.refused {
            return Err(reason);
        }
        if self.missing_pairs > 0 {
            return Err(NotJudged::MissingSeeds);
        }
        let difference = self.difference.filter(|paired| paired.n >= FEWEST_SEEDS).ok_or(NotJudged::TooFewSeeds)?;
        if difference.is_constant() {
            return Err(NotJudged::NoDeviation);
        }
        let p = difference.p_value(self.distance(difference.mean)).ok_or(NotJudged::NoDeviation)?;
        Ok((difference, p))
    }

    /// How far a mean lies from the nearest end.
    fn distance(&self, mean: f64) -> f64 {
        self.claimed.into_iter().map(|end| (mean - end).abs()).fold(f64::INFINITY, f64::min)
    }

    fn judged(&self, difference: PairedDifference, p: f64, tested: Tested) -> Judgement {
        let [low, high] = self.claimed;
        let verdict = match tested.is_decided {
            false => Verdict::Undecided,
            true if low < difference.mean && difference.mean < high => Verdict::Holds,
            true => Verdict::DoesNotHold,
        };
        let effect = difference.std.map(|std| self.distance(difference.mean) / std);
        let seeds = effect.filter(|_| !tested.is_decided).and_then(|effect| seeds_to_decide(effect, tested.level));
        Judgement {
            outcome: Outcome::judged(verdict),
            p: Some(p),
            p_adjusted: Some(tested.adjusted),
            confidence: Some(1.0 - tested.level),
            interval: difference.interval(tested.level),
            seeds_to_decide: seeds,
        }
    }
}

impl Judgement {
    pub(super) const fn without(reason: NotJudged) -> Self {
        let outcome = Outcome::not_judged(reason);
        Self { outcome, p: None, p_adjusted: None, confidence: None, interval: None, seeds_to_decide: None }
    }

    /// Mean difference, the interval at the level at which it was judged, and the corrected p-value:
    /// `+0.37 [-0.21, +0.95] at 98.3 %, p = 0.21`. The level is named where it is not 95 %.
    pub(super) fn in_words(&self, quantity: Quantity, paired: Option<PairedDifference>) -> String {
        let (Some(p), Some(confidence)) = (self.p_adjusted, self.confidence) else {
            return quantity.paired(paired);
        };
        let level = format!("{:.1}", 100.0 * confidence);
        let level = if level == "95.0" { String::new() } else { format!(" at {level} %") };
        format!("{}{level}, {}", quantity.with_interval(paired, self.interval), p_value(p))
    }
}
