//! The summary as text for a terminal: at most 100 columns, no colours.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Row, Table, TableStyle};

use super::{GroupSummary, Measure, NotJudged, Subject, Summary, format};

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
            let Some(differences) = differences(self.subject, &groups) else { continue };
            let _ = write!(
                text,
                "\nPaired differences over seeds, mean [95 % confidence interval]; is the first at least as good?\n\
                 {differences}\n"
            );
        }
        if let Some(claims) = self.claim_table() {
            let _ = write!(text, "\nWhat the paper says\n{claims}\n");
        }
        text
    }

    fn claim_table(&self) -> Option<Table> {
        let mut table = plain_table(["claim", "verdict"]);
        for summary in &self.claims {
            let verdict = match (summary.verdict, summary.reason) {
                (Some(verdict), _) => verdict.in_words(summary.pairs()),
                (None, Some(NotJudged::NotRun)) => "not run".to_owned(),
                (None, _) => "not judged".to_owned(),
            };
            let panel = &summary.claim.panel;
            let says = &summary.claim.says;
            table.add_row([if panel.is_empty() { says.clone() } else { format!("{panel}: {says}") }, verdict]);
        }
        (!table.is_empty()).then_some(table)
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
        let number = |measure: &Measure| measure.quantity().paired(comparison.by(*measure).0);
        row.extend(subject.compared().iter().map(number).map(right));
        row.push(Cell::new(comparison.verdict.in_words(comparison.pairs())));
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
