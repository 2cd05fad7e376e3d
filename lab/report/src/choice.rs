//! Which optimizer of a panel to pick, and whether it is worth it: each compared with each other one, judged together.

use serde::{Deserialize, Serialize};

use super::comparison::{mean, missing, pair, refused, values};
use super::judge::{Evidence, Judgement, judge};
use super::{Expectation, Measure, NotJudged, Panel, Study, Verdict};
use lookahead_runs::statistics::PairedDifference;

/// The optimizers of a panel by one measure at their end, and the differences of all pairs of them, which are a family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The panel; empty where there is a single one.
    #[serde(default)]
    pub panel: String,
    /// The optimizer that all others are beside.
    pub baseline: String,
    /// What is measured.
    pub measure: Measure,
    /// The optimizers, the best mean first; last those that lack a finite value for a seed.
    pub order: Vec<String>,
    /// All pairs.
    pub pairs: Vec<Pair>,
}

/// Two optimizers, and whether the one that comes first in the order is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The one that comes first.
    pub first: String,
    /// The other.
    pub second: String,
    /// Seeds for which either side has no finite value.
    pub missing_pairs: u32,
    /// First less second, over seeds; of perplexities, the difference of their logarithms.
    pub difference: Option<PairedDifference>,
    /// "The first is better": holds, or is undecided.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// How the others stand to one of the optimizers.
#[derive(Default)]
struct Beside<'a> {
    better: Vec<&'a str>,
    open: Vec<&'a str>,
    worse: Vec<&'a str>,
    not_judged: Vec<(&'a str, NotJudged)>,
}

impl Choice {
    /// One for each measure that runs are compared by. None where the paper's claims are judged, where not all optimizers of
    /// the panel are beside the same one, and where there are fewer than three.
    pub(super) fn of(panel: &Panel<'_>, study: &Study) -> Vec<Self> {
        let labels = panel.groups.iter().map(|(group, _)| &group.label);
        let is_beside_all = |label: &&String| {
            panel.groups.iter().all(|(group, _)| group.label == **label || group.baseline.as_ref() == Some(label))
        };
        let baseline = labels.clone().find(is_beside_all);
        let Some(baseline) = baseline.filter(|_| labels.count() > 2 && study.artifact.paper.claim.is_empty()) else {
            return Vec::new();
        };
        study.subject().compared().iter().map(|&measure| Self::by(measure, panel, baseline, study)).collect()
    }

    fn by(measure: Measure, panel: &Panel<'_>, baseline: &str, study: &Study) -> Self {
        let sign = if measure.quantity().facts().is_score { -1.0 } else { 1.0 };
        let of_runs = panel.groups.iter().map(|(group, runs)| {
            let values = values(runs, measure.to_compare(), None);
            let lacking = values.iter().filter(|value| value.is_none()).count();
            (lacking, mean(&values).map_or(f64::INFINITY, |mean| sign * mean), &group.label, values)
        });
        let mut ordered: Vec<_> = of_runs.collect();
        ordered.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));

        let pairs = ordered.iter().enumerate().flat_map(|(place, (.., first, of_first))| {
            ordered[place + 1..].iter().map(move |(.., second, of_second)| {
                let values = pair(of_first, of_second);
                Pair {
                    first: (*first).clone(),
                    second: (*second).clone(),
                    missing_pairs: missing(&values),
                    difference: PairedDifference::of(&values),
                    judgement: Judgement::without(NotJudged::NotMeasured),
                }
            })
        });
        let mut choice = Self {
            panel: panel.name.to_owned(),
            baseline: baseline.to_owned(),
            measure,
            pairs: pairs.collect(),
            order: ordered.iter().map(|(.., label, _)| (*label).clone()).collect(),
        };
        let runs = |label: &str| panel.groups.iter().find(|(group, _)| group.label == label).map(|(_, runs)| *runs);
        choice.judge(|label| refused(runs(label)?, study));
        choice
    }

    /// Judges its differences; `refused` says why the runs of an optimizer are not to be judged.
    pub(super) fn judge(&mut self, refused: impl Fn(&str) -> Option<NotJudged>) {
        let better = if self.measure.quantity().facts().is_score { Expectation::Higher } else { Expectation::Lower };
        let evidence = self.pairs.iter().map(|pair| Evidence {
            difference: pair.difference,
            missing_pairs: pair.missing_pairs,
            claimed: better.claimed(self.measure, 0.0),
            refused: refused(&pair.first).or_else(|| refused(&pair.second)),
        });
        let judgements = judge(&evidence.collect::<Vec<_>>());
        self.pairs.iter_mut().zip(judgements).for_each(|(pair, judgement)| pair.judgement = judgement);
    }

    /// What is answered, and how.
    pub(super) fn heading(&self) -> String {
        format!("Which one, and is it worth it? Each of {} pairs judged, corrected by Holm", self.pairs.len())
    }

    /// The optimizer with the best mean.
    #[must_use]
    pub fn best(&self) -> &str {
        self.order.first().map_or("", String::as_str)
    }

    /// Which to pick, then whether it is worth it: a sentence each.
    #[must_use]
    pub fn in_words(&self) -> [String; 2] {
        let (best, beside_baseline) = (self.best(), self.beside(&self.baseline));
        let is_worth_it = match (beside_baseline.better.is_empty(), beside_baseline.open.is_empty()) {
            (false, _) => "Yes",
            (true, true) if beside_baseline.not_judged.is_empty() => "No",
            (true, _) => "Undecided",
        };
        [
            format!("Best mean {}: {best}. {}", self.measure.in_sentence(), self.beside(best).in_words(best)),
            format!("Worth it? {is_worth_it}. {}", beside_baseline.in_words(&self.baseline)),
        ]
    }

    fn beside(&self, label: &str) -> Beside<'_> {
        let mut beside = Beside::default();
        for Pair { first, second, judgement, .. } in &self.pairs {
            let (other, is_better) = match () {
                () if first == label => (second, false),
                () if second == label => (first, true),
                () => continue,
            };
            match (judgement.outcome.verdict, judgement.outcome.reason) {
                (Some(Verdict::Holds), _) if is_better => beside.better.push(other),
                (Some(Verdict::Holds), _) => beside.worse.push(other),
                (Some(_), _) => beside.open.push(other),
                (None, reason) => beside.not_judged.push((other, reason.unwrap_or(NotJudged::NotMeasured))),
            }
        }
        beside
    }
}

impl Beside<'_> {
    fn in_words(&self, label: &str) -> String {
        let of_all = [("Better than", &self.better), ("Not told apart from", &self.open), ("Worse than", &self.worse)];
        let named = of_all.into_iter().filter(|(_, names)| !names.is_empty());
        let mut sentences: Vec<String> =
            named.map(|(how, names)| format!("{how} {label}: {}.", names.join(", "))).collect();
        for (place, (_, reason)) in self.not_judged.iter().enumerate() {
            if self.not_judged[..place].iter().any(|(_, before)| before == reason) {
                continue;
            }
            let of_reason = self.not_judged.iter().filter(|(_, other)| other == reason);
            let names: Vec<&str> = of_reason.map(|(name, _)| *name).collect();
            sentences.push(format!("Beside {label} {}: {}.", reason.in_words(), names.join(", ")));
        }
        sentences.join(" ")
    }
}
