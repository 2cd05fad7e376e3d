//! The summary as text for a terminal: at most 100 columns, no colours.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Row, Table, TableStyle};

use super::{GroupSummary, Measure, MeasureJudgement, Outlook, Subject, Summary, format};
use crate::metrics::{MOST_SEEDS, POWER};

const COLUMNS: u16 = 100;

/// A line under the header, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Summary {
    /// The results and the paired differences of each panel, then the claims of the paper: at most 100 columns.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for groups in self.panels() {
            if !groups[0].panel.is_empty() {
                let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, groups[0].panel);
            }
            let _ = writeln!(text, "{}", results(self.subject, &groups));
            for group in &groups {
                for (what, count) in group.left_out.in_words(group.skipped) {
                    let _ = writeln!(text, "{}: {count} {what}, over all its runs", group.label);
                }
            }
            let Some(differences) = differences(self.subject, &groups) else { continue };
            let _ = write!(
                text,
                "\nPaired differences over seeds, mean [interval as judged]; is the first at least as good?\n\
                 {differences}\n"
            );
            if let Some(comparison) = groups.iter().find_map(|group| group.comparison.as_ref()) {
                let _ = writeln!(text, "(Each row is a family of {})", comparison.family);
            }
            for group in &groups {
                let Some(comparison) = &group.comparison else { continue };
                let Some(outlook) = &comparison.outlook else { continue };
                let _ = writeln!(text, "{} - {}: {}", group.label, comparison.baseline, seeds(outlook));
            }
        }
        if let Some(claims) = self.claim_table() {
            let _ = write!(text, "\nWhat the paper says\n{claims}\n");
        }
        if self.judged_again {
            text += "\nRecorded runs, judged by the rules of now.\n";
        }
        let commands = self.commands();
        if !commands.is_empty() {
            let _ = writeln!(
                text,
                "\nDifferences of the observed size would be decided (power {POWER}) by these; finished runs are kept:"
            );
            commands.iter().for_each(|command| text += &format!("  {command}\n"));
        }
        text
    }

    fn claim_table(&self) -> Option<Table> {
        let mut table = plain_table(["claim", "verdict"]);
        for summary in &self.claims {
            let panel = &summary.claim.panel;
            let says = &summary.claim.says;
            let mut claim = if panel.is_empty() { says.clone() } else { format!("{panel}: {says}") };
            if summary.comparisons.len() > 1 {
                let _ = write!(claim, "\n({})", summary.family);
            }
            let outlook = summary.outlook.as_ref().map(|outlook| format!(" ({})", seeds(outlook)));
            table.add_row([claim, summary.outcome.in_words(summary.pairs()) + &outlook.unwrap_or_default()]);
        }
        (!table.is_empty()).then_some(table)
    }

    /// The commands that add the seeds which would decide what is undecided, each once.
    fn commands(&self) -> BTreeSet<&str> {
        let of_claims = self.claims.iter().filter_map(|claim| claim.outlook.as_ref());
        let of_groups = self.groups.iter().filter_map(|group| group.comparison.as_ref()?.outlook.as_ref());
        let of_groups = of_groups.filter(|_| self.claims.is_empty());
        of_claims.chain(of_groups).filter_map(|outlook| outlook.command.as_deref()).collect()
    }
}

/// How many seeds would decide what is undecided.
fn seeds(outlook: &Outlook) -> String {
    match outlook.seeds {
        Some(seeds) => format!("{seeds} seeds would decide"),
        None => format!("more than {MOST_SEEDS} seeds would be needed to decide"),
    }
}

/// The measures of the terminal: there is less room than on the page.
fn measures(subject: Subject) -> &'static [Measure] {
    match subject {
        Subject::Classification => &[Measure::ValidAccuracy, Measure::ValidLoss, Measure::TrainLoss],
        Subject::Language => &[Measure::TrainPerplexity, Measure::ValidPerplexity, Measure::TestPerplexity],
        Subject::Translation => &[Measure::TrainLoss, Measure::ValidLoss, Measure::ValidBleu, Measure::TestBleu],
    }
}

fn results(subject: Subject, groups: &[&GroupSummary]) -> Table {
    let headings = measures(subject).iter().map(|&measure| short(measure) + measure.unit());
    let [before, after] =
        [vec!["optimizer", "runs"], vec!["time, s"]].map(|names| names.into_iter().map(str::to_owned));
    let mut table = plain_table(before.chain(headings).chain(after).collect::<Vec<_>>());
    for group in groups {
        let label =
            group.chosen().map_or_else(|| group.label.clone(), |point| format!("{}: {}", group.label, point.label));
        let mut row = vec![Cell::new(label), right(format::finished(group.n, group.runs.len()))];
        let numbers = measures(subject).iter().map(|&measure| measure.quantity().spread(group.measured(measure)));
        row.extend(numbers.map(right));
        row.push(right(format::seconds(group.seconds)));
        table.add_row(row);
    }
    table
}

fn differences(subject: Subject, groups: &[&GroupSummary]) -> Option<Table> {
    let mut header = vec!["difference".to_owned()];
    let heading = |measure: &Measure| short(*measure) + measure.quantity().unit_of_difference();
    header.extend(subject.compared().iter().map(heading));
    header.push("verdict".to_owned());
    let mut table = plain_table(header);
    for group in groups {
        let Some(comparison) = &group.comparison else { continue };
        let mut row = vec![Cell::new(format!("{} - {}", group.label, comparison.baseline))];
        let number = |judged: &MeasureJudgement| {
            let interval = judged.judgement.interval;
            judged.measure.quantity().with_interval(comparison.difference(judged.measure), interval)
        };
        row.extend(comparison.judgements.iter().map(number).map(right));
        row.push(Cell::new(comparison.outcome.in_words(comparison.pairs())));
        table.add_row(row);
    }
    (!table.is_empty()).then_some(table)
}

/// The name of a measure in a narrow column: classes have no other accuracy than that of the validation set.
fn short(measure: Measure) -> String {
    if measure == Measure::ValidAccuracy { "accuracy".to_owned() } else { measure.in_sentence() }
}

/// A table without frames, as wide as its text needs and at most 100 columns.
pub(super) fn plain_table(header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(header);
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
