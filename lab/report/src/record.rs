//! Recorded summaries judged again: the runs are gone, but the differences that verdicts rest on are kept.

mod check;

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::claim::{ClaimSummary, Compared};
use super::comparison::{mean, missing};
use super::{
    FileError, GroupSummary, Measure, MetricsRow, NotJudged, Paper, PaperClaim, ReportError, Run, Summary, TraceRow,
    write_file,
};
use lookahead_runs::files;
use lookahead_runs::statistics::PairedDifference;

/// Judges a recorded summary by the rules of now, from the differences over seeds that it holds and from `curves.csv` and
/// `trace.csv` beside it, and replaces the file. Nothing but its judgements changes. With `artifact` it is the record of
/// one with that name, and its claims are those of the paper.
///
/// # Errors
/// A file cannot be read or written, or is malformed; the summary has numbers that no runs give, keys that no summary has, or
/// the name of another artifact; a claim of the paper is none that it has numbers for. The file is then as it was.
pub fn judge_record(path: &Path, artifact: Option<(&str, &Paper)>) -> Result<Summary, ReportError> {
    let malformed = |reason| FileError::Malformed { path: path.to_owned(), line: 1, column: 1, reason };
    let bytes = files::read_all(path).map_err(FileError::read(path))?;
    let mut summary: Summary = lookahead_runs::parse(path, &bytes)?;
    check::check(&summary, &lookahead_runs::parse(path, &bytes)?).map_err(malformed)?;
    if let Some((name, _)) = artifact.filter(|(name, _)| *name != summary.artifact) {
        let found = &summary.artifact;
        return Err(malformed(format!("`artifact` is {found:?}, but its folder is that of {name:?}")).into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let record = Record { runs: read_runs(folder)?, summary: &summary };
    let recorded: Vec<&PaperClaim> = summary.claims.iter().map(|claim| &claim.claim).collect();
    let claims = artifact.map_or(recorded, |(_, paper)| paper.claim.iter().collect());
    let claims = claims.into_iter().map(|claim| {
        let epoch = record.recorded(claim).and_then(|recorded| recorded.epoch);
        let compared = record.compared(claim);
        let compared =
            compared.ok_or_else(|| malformed(format!("it has no numbers for the claim \"{}\"", claim.says)))?;
        Ok(ClaimSummary::judge(claim, epoch, compared, &summary.command))
    });
    let claims = claims.collect::<Result<Vec<_>, FileError>>()?;
    let groups: Vec<GroupSummary> = summary.groups.iter().map(|group| record.judged(group)).collect();
    let mut choices = summary.choices.clone();
    for choice in &mut choices {
        let panel = choice.panel.clone();
        choice.judge(|label| record.refused(std::iter::once(&label.to_owned()), &panel));
    }
    (summary.claims, summary.choices, summary.groups, summary.judged_again) = (claims, choices, groups, true);
    let json = serde_json::to_string_pretty(&summary).map_err(|error| FileError::write(path)(error.into()))?;
    write_file(path, &(json + "\n"))?;
    Ok(summary)
}

/// A summary, and what lies beside it.
struct Record<'a> {
    summary: &'a Summary,
    /// By their ids: evaluations and traces.
    runs: BTreeMap<String, Run>,
}

impl Record<'_> {
    fn group(&self, panel: &str, label: &str) -> Option<&GroupSummary> {
        self.summary.groups.iter().find(|group| group.panel == panel && group.label == label)
    }

    /// The same claim, as it was judged then.
    fn recorded(&self, claim: &PaperClaim) -> Option<&ClaimSummary> {
        let is_same = |other: &&ClaimSummary| {
            let key = |claim: &PaperClaim| PaperClaim { place: String::new(), margin: None, ..claim.clone() };
            key(&other.claim) == key(claim)
        };
        self.summary.claims.iter().find(is_same)
    }

    /// The comparisons of a claim, or why there are none; `None` if the numbers for it are not kept.
    fn compared(&self, claim: &PaperClaim) -> Option<Result<Vec<Compared>, NotJudged>> {
        if self.summary.groups.iter().all(|group| group.panel != claim.panel) {
            return Some(Err(NotJudged::NotRun));
        }
        let Some(measure) = claim.measure else { return Some(Err(NotJudged::NotMeasured)) };
        if measure.is_change() {
            return claim.groups.iter().map(|label| self.change(claim, label, measure)).collect::<Option<_>>().map(Ok);
        }
        let recorded = self.recorded(claim)?;
        if recorded.comparisons.is_empty() {
            return Some(Err(recorded.outcome.reason.unwrap_or(NotJudged::NotMeasured)));
        }
        let compared = recorded.comparisons.iter().map(|one| Compared {
            group: one.group.clone(),
            baseline: one.baseline.clone(),
            missing_pairs: one.missing_pairs,
            difference: one.difference,
            baseline_mean: self.mean(&claim.panel, &one.baseline, measure.to_compare(), recorded.epoch),
            refused: self.refused(claim.groups.iter().chain(&claim.baselines), &claim.panel),
        });
        Some(Ok(compared.collect()))
    }

    /// A change that was traced, over the runs of a group.
    fn change(&self, claim: &PaperClaim, label: &str, measure: Measure) -> Option<Compared> {
        let group = self.group(&claim.panel, label)?;
        let values = group.runs.iter().map(|id| Some((measure.at_end(self.runs.get(id)?), Some(0.0))));
        let pairs: Vec<_> = values.collect::<Option<_>>()?;
        Some(Compared {
            group: label.to_owned(),
            baseline: String::new(),
            missing_pairs: missing(&pairs),
            difference: PairedDifference::of(&pairs),
            baseline_mean: None,
            refused: self.refused(std::iter::once(&label.to_owned()), &claim.panel),
        })
    }

    /// The mean of a measure over the runs of a group: at their end as the summary has it, else from the curves.
    fn mean(&self, panel: &str, label: &str, measure: Measure, epoch: Option<u32>) -> Option<f64> {
        let group = self.group(panel, label)?;
        if epoch.is_none() && measure.is_of_evaluation() {
            return Some(group.scores.get(measure)?.mean);
        }
        let value = |id: &String| {
            let run = self.runs.get(id)?;
            measure.after_epoch(run, epoch.or(run.planned_epochs())?)
        };
        mean(&group.runs.iter().map(value).collect::<Vec<_>>())
    }

    fn refused<'b>(&self, mut labels: impl Iterator<Item = &'b String>, panel: &str) -> Option<NotJudged> {
        if self.summary.scale == "smoke" {
            return Some(NotJudged::Smoke);
        }
        let never_began = |label: &String| self.group(panel, label).is_some_and(|group| group.not_averaged > 0);
        labels.any(never_began).then_some(NotJudged::AverageNeverBegan)
    }

    /// A group whose comparison is judged by the rules of now.
    fn judged(&self, group: &GroupSummary) -> GroupSummary {
        let mut group = group.clone();
        if let Some(comparison) = &mut group.comparison {
            let baseline = comparison.baseline.clone();
            let refused = self.refused([&group.label, &baseline].into_iter(), &group.panel);
            let mean = |measure: Measure| self.mean(&group.panel, &baseline, measure.to_compare(), None);
            comparison.judge(self.summary.subject, refused, mean, &self.summary.command);
        }
        group
    }
}

/// The runs of `curves.csv` and `trace.csv`, as far as they are there.
fn read_runs(folder: &Path) -> Result<BTreeMap<String, Run>, ReportError> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for (id, row) in read_csv::<MetricsRow>(&folder.join("curves.csv"))? {
        runs.entry(id.clone()).or_insert_with(|| Run::not_begun(id)).rows.push(row);
    }
    for (id, row) in read_csv::<TraceRow>(&folder.join("trace.csv"))? {
        runs.entry(id.clone()).or_insert_with(|| Run::not_begun(id)).trace.push(row);
    }
    Ok(runs)
}

/// The rows of a CSV file whose columns are named as the fields of `Row`, each with its `run`; none where there is no file.
fn read_csv<Row: DeserializeOwned>(path: &Path) -> Result<Vec<(String, Row)>, FileError> {
    let bytes = files::read_if_there(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = records(&text);
    let header = lines.next().map(|(_, header)| cells(header)).unwrap_or_default();
    let read = |(line, text): (usize, &str)| {
        let mut fields: serde_json::Map<String, Value> =
            header.iter().cloned().zip(cells(text).iter().map(|cell| value(cell))).collect();
        let id = header.iter().position(|name| name == "run").and_then(|column| cells(text).get(column).cloned());
        fields.remove("run");
        let row = serde_json::from_value(fields.into()).map_err(|error| FileError::malformed(path, line, &error))?;
        Ok((id.unwrap_or_default(), row))
    };
    lines.map(read).collect()
}

/// The records of a CSV text, each with the number of its first line: a line end in quotes ends none.
fn records(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut is_quoted, mut line) = (false, 1);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let records = text.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == '\n' && !is_quoted
    });
    records.map(move |record| {
        let first = line;
        line += 1 + record.matches('\n').count();
        (first, record.strip_suffix('\r').unwrap_or(record))
    })
}

/// The cells of a line: those in quotes may hold commas, and quotes twice.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut is_quoted) = (vec![String::new()], false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let is_doubled = is_quoted && character == '"' && characters.next_if_eq(&'"').is_some();
        match character {
            '"' if !is_doubled => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            _ => cells.iter_mut().next_back().into_iter().for_each(|cell| cell.push(character)),
        }
    }
    cells
}

/// A number, a whole one as such; nothing where the cell is empty; else the text.
fn value(cell: &str) -> Value {
    match cell.parse::<f64>() {
        _ if cell.is_empty() => Value::Null,
        Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::from(number as i64),
        Ok(number) => Value::from(number),
        Err(_) => Value::from(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        assert_eq!(
            cells(r#""Adam, rate 0.1",Adam,,"say ""no""",2.0"#),
            ["Adam, rate 0.1", "Adam", "", "say \"no\"", "2.0"]
        );
        assert_eq!([value("2.0"), value("")], [Value::from(2), Value::Null]);
    }
}
