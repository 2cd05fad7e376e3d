//! The summary as text for a terminal: at most 100 columns, no colours.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::{
    GroupSummary, NotJudged, Summary,
    format::{self, Quantity},
};

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
            let _ = writeln!(text, "{}", results(&groups));
            let Some(differences) = differences(&groups) else { continue };
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

fn results(groups: &[&GroupSummary]) -> Table {
    let mut table = plain_table(["optimizer", "runs", "accuracy, %", "validation loss", "training loss", "time, s"]);
    for group in groups {
        let label =
            group.chosen().map_or_else(|| group.label.clone(), |point| format!("{}: {}", group.label, point.label));
        table.add_row([
            Cell::new(label),
            right(format::finished(group.n, group.runs.len())),
            right(Quantity::Accuracy.spread(group.valid_accuracy)),
            right(Quantity::Loss.spread(group.valid_loss)),
            right(Quantity::Loss.spread(group.train_loss)),
            right(format::seconds(group.seconds)),
        ]);
    }
    table
}

fn differences(groups: &[&GroupSummary]) -> Option<Table> {
    let mut table = plain_table(["difference", "accuracy, points", "validation loss", "verdict"]);
    for group in groups {
        let Some(comparison) = &group.comparison else { continue };
        table.add_row([
            Cell::new(format!("{} - {}", group.label, comparison.baseline)),
            right(Quantity::Accuracy.paired(comparison.valid_accuracy)),
            right(Quantity::Loss.paired(comparison.valid_loss)),
            Cell::new(comparison.verdict.in_words(comparison.pairs())),
        ]);
    }
    (!table.is_empty()).then_some(table)
}

/// A table without frames, as wide as its text needs and at most 100 columns.
pub(super) fn plain_table<const N: usize>(header: [&str; N]) -> Table {
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
