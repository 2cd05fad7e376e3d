//! The scores of a summary: which there are, in which order, and under which keys.

use serde::{Deserialize, Serialize, Serializer};

use super::comparison::{spread, values};
use super::{Measure, Quantity, Run, Scores, Subject};
use lookahead_runs::statistics::Spread;

/// These every group has, `null` where they were not measured. They come first.
pub(super) const FIRST: [Measure; 4] =
    [Measure::ValidAccuracy, Measure::ValidTop5, Measure::ValidLoss, Measure::TrainLoss];

/// Measures in the order of a summary.
pub(super) fn sorted(measures: impl Iterator<Item = Measure>) -> Vec<Measure> {
    let place = |measure: Measure| FIRST.iter().position(|first| *first == measure).unwrap_or(FIRST.len());
    let mut measures: Vec<Measure> = measures.collect();
    measures.sort_by_key(|measure| (place(*measure), measure.quantity()));
    measures
}

/// All measures that an evaluation may have: perplexities are of languages only.
pub(super) fn of_evaluations(subject: Subject) -> impl Iterator<Item = Measure> {
    let is_shown = move |measure: &Measure| {
        measure.is_of_evaluation() && (subject == Subject::Language || measure.quantity() != Quantity::Perplexity)
    };
    Measure::ALL.iter().copied().filter(is_shown)
}

/// The numbers of `always`, with empty entries where there are none, and what there is of others.
pub(super) fn found<V>(
    always: &[Measure],
    others: impl IntoIterator<Item = Measure>,
    of: impl Fn(Measure) -> Option<V>,
) -> Scores<V> {
    let all = always.iter().copied().chain(others).map(|measure| (measure, of(measure)));
    all.filter(|(measure, value)| value.is_some() || always.contains(measure)).collect()
}

/// A measure at the end of the finished among some runs.
pub(super) fn at_end(runs: &[Run], measure: Measure) -> Option<Spread> {
    spread(&values(runs, measure, None))
}

fn in_order<V: Copy>(scores: &Scores<V>) -> impl Iterator<Item = (Measure, Option<V>)> {
    sorted(scores.measures()).into_iter().map(|measure| (measure, scores.get(measure)))
}

/// Writes them in the order of a summary.
pub(super) fn serialize<V: Copy + Serialize, S: Serializer>(scores: &Scores<V>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(in_order(scores))
}

/// Those of the fast weights: `fast_loss` for `valid_loss`.
pub(super) mod of_fast_weights {
    use serde::{Deserializer, de};
    use serde_json::{Map, Value};

    use super::*;

    fn key(measure: Measure) -> String {
        format!("fast_{}", measure.key().trim_start_matches("valid_"))
    }

    pub(in super::super) fn serialize<S: Serializer>(scores: &Scores<Spread>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(in_order(scores).map(|(measure, spread)| (key(measure), spread)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Scores<Spread>, D::Error> {
        let mut all = Map::<String, Value>::deserialize(from)?;
        let own = |measure: &Measure| Some((measure.key().to_owned(), all.remove(&key(*measure))?));
        let own: Map<String, Value> = Measure::ALL.iter().filter_map(own).collect();
        Scores::deserialize(Value::Object(own)).map_err(de::Error::custom)
    }
}
