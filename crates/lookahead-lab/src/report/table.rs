//! The summary as text for a terminal: at most 100 columns, no colours.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::{
    Summary,
    format::{self, Quantity},
};

const COLUMNS: u16 = 100;

/// A line under the header, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Summary {
    /// The results, then the paired differences, as tables of at most 100 columns.
    pub fn table(&self) -> String {
        let mut text = self.results().to_string();
        text.push('\n');
        let Some(differences) = self.differences() else { return text };
        let _ = write!(
            text,
            "\nPaired differences over seeds, mean [95 % confidence interval]; is the first at least as good?\n\
             {differences}\n"
        );
        text
    }

    fn results(&self) -> Table {
        let mut table = plain_table(["optimizer", "runs", "accuracy, %", "validation loss", "time, s"]);
        for group in &self.groups {
            table.add_row([
                Cell::new(&group.label),
                right(format::finished(group.n, group.runs.len())),
                right(Quantity::Accuracy.spread(group.valid_accuracy)),
                right(Quantity::Loss.spread(group.valid_loss)),
                right(format::seconds(group.seconds)),
            ]);
        }
        table
    }

    fn differences(&self) -> Option<Table> {
        let mut table = plain_table(["difference", "accuracy, points", "validation loss", "verdict"]);
        for group in &self.groups {
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
