//! What a record has to be before it is judged: numbers that runs can have given, about groups that it has.

use serde_json::Value;

use super::super::{Choice, GroupSummary, Measure, Scores, Summary};
use lookahead_runs::statistics::{PairedDifference, Spread};

/// Sees that a summary, which was read from `read`, can be one of runs; else where it cannot, and what is accepted there.
pub(super) fn check(summary: &Summary, read: &Value) -> Result<(), String> {
    let own = serde_json::to_value(summary).map_err(|error| error.to_string())?;
    if let Some(key) = unknown_key(read, &own) {
        return Err(format!("no summary has a key `{}`", key.trim_start_matches('.')));
    }
    for (index, group) in summary.groups.iter().enumerate() {
        let is_same = |other: &GroupSummary| other.panel == group.panel && other.label == group.label;
        if summary.groups[..index].iter().any(is_same) {
            return Err(format!("`groups` has {:?} twice", group.label));
        }
        Part { summary, panel: &group.panel, place: format!("groups[{index}]") }.group(group)?;
    }
    for (index, choice) in summary.choices.iter().enumerate() {
        Part { summary, panel: &choice.panel, place: format!("choices[{index}]") }.choice(choice)?;
    }
    for (index, claim) in summary.claims.iter().enumerate() {
        let part = Part { summary, panel: &claim.claim.panel, place: format!("claims[{index}]") };
        claim.comparisons.iter().try_for_each(|one| part.difference("difference", one.difference))?;
    }
    Ok(())
}

/// A part of a summary.
struct Part<'a> {
    summary: &'a Summary,
    panel: &'a str,
    /// Where it is, as in `groups[0]`.
    place: String,
}

impl Part<'_> {
    fn group(&self, group: &GroupSummary) -> Result<(), String> {
        let (finished, planned) = (group.n as usize, group.runs.len());
        if finished + group.unfinished.len() != planned {
            let unfinished = group.unfinished.len();
            return Err(self.refuse("n", group.n, &format!("{planned} `runs` less {unfinished} `unfinished`")));
        }
        self.scores(&group.scores, group.n)?;
        self.scores(&group.fast, group.n)?;
        for (index, point) in group.points.iter().enumerate() {
            let part = Part { place: format!("{}.points[{index}]", self.place), ..*self };
            let planned = point.runs.len();
            part.see("n", point.n, point.n as usize <= planned, &format!("at most {planned}, its `runs`"))?;
            part.scores(&point.scores, point.n)?;
        }
        let Some(comparison) = &group.comparison else { return Ok(()) };
        let part = Part { place: format!("{}.comparison", self.place), ..*self };
        part.label("baseline", &comparison.baseline)?;
        let differences = &comparison.differences;
        differences.measures().try_for_each(|measure| part.difference(measure.key(), differences.get(measure)))
    }

    fn choice(&self, choice: &Choice) -> Result<(), String> {
        self.label("baseline", &choice.baseline)?;
        choice.order.iter().try_for_each(|label| self.label("order", label))?;
        choice.pairs.iter().try_for_each(|pair| {
            self.label("first", &pair.first)?;
            self.label("second", &pair.second)?;
            self.difference("difference", pair.difference)
        })
    }

    /// Sees that the panel has a group.
    fn label(&self, key: &str, label: &str) -> Result<(), String> {
        let of_panel = self.summary.groups.iter().filter(|group| group.panel == self.panel).map(|group| &group.label);
        let labels: Vec<&String> = of_panel.collect();
        let accepted = format!("one of the groups of its panel: {labels:?}");
        self.see(key, format!("{label:?}"), labels.iter().any(|own| *own == label), &accepted)
    }

    /// Sees that mean and deviation can be of values in the range of their measure.
    fn scores(&self, scores: &Scores<Spread>, finished: u32) -> Result<(), String> {
        scores.measures().try_for_each(|measure: Measure| {
            let Some(Spread { n, mean, std }) = scores.get(measure) else { return Ok(()) };
            let facts = measure.quantity().facts();
            self.see(&format!("{}.n", measure.key()), n, (1..=finished).contains(&n), &one_to(finished))?;
            self.see(&format!("{}.mean", measure.key()), mean, facts.range.contains(&mean), facts.accepted)?;
            self.deviation(measure.key(), n, std)
        })
    }

    fn difference(&self, key: &str, difference: Option<PairedDifference>) -> Result<(), String> {
        let Some(difference) = difference else { return Ok(()) };
        let PairedDifference { n, std, ci95, .. } = difference;
        let most = self.summary.groups.iter().filter(|group| group.panel == self.panel).map(|group| group.n).max();
        let most = most.unwrap_or(0);
        self.see(&format!("{key}.n"), n, (1..=most).contains(&n), &one_to(most))?;
        self.deviation(key, n, std)?;
        let own = difference.interval(0.05);
        let accepted = format!("{own:?}, as its mean, std and n give it");
        self.see(&format!("{key}.ci95"), format!("{ci95:?}"), is_alike(ci95, own), &accepted)
    }

    fn deviation(&self, key: &str, n: u32, std: Option<f64>) -> Result<(), String> {
        let Some(std) = std else { return Ok(()) };
        self.see(&format!("{key}.std"), std, std >= 0.0 && n > 1, "0 or above, and null of a single value")
    }

    fn see(&self, key: &str, value: impl ToString, is_possible: bool, accepted: &str) -> Result<(), String> {
        if is_possible { Ok(()) } else { Err(self.refuse(key, value, accepted)) }
    }

    fn refuse(&self, key: &str, value: impl ToString, accepted: &str) -> String {
        format!("`{}.{key}` is {}, but must be {accepted}", self.place, value.to_string())
    }
}

/// Whether two intervals are the same but for rounding.
fn is_alike(one: Option<[f64; 2]>, other: Option<[f64; 2]>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one == other };
    let rounding = 1e-6 * (other[1] - other[0]) + 1e-12 * other[0].abs().max(1.0);
    one.iter().zip(other).all(|(one, other)| (one - other).abs() <= rounding)
}

fn one_to(most: u32) -> String {
    format!("1 to {most}, the finished runs")
}

/// The first key of a document that its own form does not have.
fn unknown_key(read: &Value, own: &Value) -> Option<String> {
    match (read, own) {
        (Value::Object(read), Value::Object(own)) => read.iter().find_map(|(key, value)| match own.get(key) {
            Some(own) => unknown_key(value, own).map(|inside| format!(".{key}{inside}")),
            None => Some(format!(".{key}")),
        }),
        (Value::Array(read), Value::Array(own)) => {
            let mut items = read.iter().zip(own).enumerate();
            items.find_map(|(index, (read, own))| Some(format!("[{index}]{}", unknown_key(read, own)?)))
        }
        _ => None,
    }
}
