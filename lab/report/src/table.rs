//! The summary as text for a terminal: at most 80 columns, no colours.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Row, Table, TableStyle, Width,
};

use super::{Choice, GroupSummary, Measure, MeasureJudgement, Outlook, Subject, Summary, format};
use lookahead_runs::statistics::{MOST_SEEDS, POWER};
use lookahead_runs::{COLUMNS, columns, printable, wrapped};

/// A space at which no line is broken; printed as an ordinary one.
pub(super) const NO_BREAK: char = '\u{a0}';

/// A line under the header, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Summary {
    /// A heading, the results and the paired differences of each panel, then the claims of the paper: at most 80 columns.
    pub fn table(&self) -> String {
        let scale = if self.scale.is_empty() { String::new() } else { format!(" (scale {})", self.scale) };
        let mut text = folded(&format!("{}{scale}", self.title)) + "\n";
        for (place, groups) in self.panels().into_iter().enumerate() {
            if !groups[0].panel.is_empty() {
                text += if place == 0 { "" } else { "\n" };
                text += &folded(&groups[0].panel);
            }
            let _ = writeln!(text, "{}", results(self.subject, &groups));
            for group in &groups {
                for (what, count) in group.left_out.in_words(group.skipped) {
                    text += &folded(&format!("{}: {count} {what}, over all its runs", group.label));
                }
            }
            let Some(differences) = differences(self.subject, &groups) else { continue };
            let _ = write!(
                text,
                "\nDifferences over seeds, mean [interval as judged]: is it at least as good?\n{differences}\n"
            );
            if let Some(comparison) = groups.iter().find_map(|group| group.comparison.as_ref()) {
                text += &folded(&format!("(Each row is a family of {})", comparison.family));
            }
            for group in &groups {
                let Some(comparison) = &group.comparison else { continue };
                if let Some(reach) = &comparison.reach {
                    text += &folded(&format!("{}: {}", group.label, reach.in_words(&comparison.baseline)));
                }
            }
            text += &self.choices_of(&groups[0].panel);
            for group in &groups {
                let Some(comparison) = &group.comparison else { continue };
                let Some(outlook) = &comparison.outlook else { continue };
                text += &folded(&format!("{} - {}: {}", group.label, comparison.baseline, seeds(outlook)));
            }
        }
        if let Some(claims) = self.claim_table() {
            let _ = write!(text, "\nWhat the paper says\n{claims}\n");
        }
        let is_judged = !self.claims.is_empty() || self.groups.iter().any(|group| group.comparison.is_some());
        if let Some(about) = self.about_choosing().filter(|_| is_judged) {
            text += &format!("\n{}", folded(about));
        }
        if self.judged_again {
            text += "\nRecorded runs, judged by the rules of now.\n";
        }
        let commands = self.commands();
        if !commands.is_empty() {
            text += "\nDifferences of the observed size would be decided ";
            let _ = writeln!(text, "(power {POWER}) by these;\nfinished runs are kept:");
            commands.iter().for_each(|command| text += &format!("  {command}\n"));
        }
        text
    }

    fn choices_of(&self, panel: &str) -> String {
        let of_panel = || self.choices.iter().filter(|choice| choice.panel == panel);
        let sentences = of_panel().flat_map(Choice::in_words).map(|sentence| folded(&sentence));
        match of_panel().next() {
            Some(choice) => format!("\n{}:\n{}", choice.heading(), sentences.collect::<String>()),
            None => String::new(),
        }
    }

    fn claim_table(&self) -> Option<String> {
        let mut table = plain_table(["claim", "verdict"]);
        for summary in &self.claims {
            let panel = &summary.claim.panel;
            let says = &summary.claim.says;
            let mut claim = if panel.is_empty() { says.clone() } else { format!("{panel}: {says}") };
            if summary.comparisons.len() > 1 {
                let _ = write!(claim, "\n({})", summary.family);
            }
            let outlook = summary.outlook.as_ref().map(|outlook| format!(" ({})", seeds(outlook)));
            table.add_row([
                printable(&claim).into_owned(),
                summary.outcome.in_words(summary.pairs()) + &outlook.unwrap_or_default(),
            ]);
        }
        (!table.is_empty()).then(|| in_whole_words(table))
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

/// The results of a panel: as many of the measures as there is room for, the first at least. All are on the page.
fn results(subject: Subject, groups: &[&GroupSummary]) -> String {
    let all = measures(subject);
    let tables = (1..=all.len()).rev().map(|count| results_of(&all[..count], groups));
    tables.reduce(|wide, narrow| if fits(&wide) { wide } else { narrow }).unwrap_or_default()
}

fn results_of(measures: &[Measure], groups: &[&GroupSummary]) -> String {
    let headings = measures.iter().map(|&measure| short(measure) + measure.unit());
    let mut table =
        plain_table(["optimizer", "runs"].map(str::to_owned).into_iter().chain(headings).collect::<Vec<_>>());
    for group in groups {
        let label =
            group.chosen().map_or_else(|| group.label.clone(), |point| format!("{}: {}", group.label, point.label));
        let mut row = vec![Cell::new(printable(&label)), right(format::finished(group.n, group.runs.len()))];
        let numbers = measures.iter().map(|&measure| measure.quantity().spread(group.scores.get(measure)));
        row.extend(numbers.map(|number| right(number.replace(' ', &NO_BREAK.to_string()))));
        table.add_row(row);
    }
    in_whole_words(table)
}

fn fits(text: &str) -> bool {
    text.lines().all(|line| columns(line) <= COLUMNS.into())
}

/// A table whose columns have room for their longest words, if there is room for all.
pub(super) fn in_whole_words(mut table: Table) -> String {
    let words = |cell: &Cell| cell.content().split([' ', '\n']).map(columns).max().unwrap_or(0);
    let longest = |column| table.column_cells_with_header_iter(column).flatten().map(words).max().unwrap_or(0);
    let count = table.row(0).map_or(0, Row::cell_count);
    let widths: Vec<usize> = (0..count).map(longest).collect();
    // Each has a space on both sides, and there is one between two of them.
    if widths.iter().map(|width| width + 3).sum::<usize>() <= usize::from(COLUMNS) + 1 {
        let room = |width| ColumnConstraint::LowerBoundary(Width::Fixed(width as u16 + 2));
        table.set_constraints(widths.into_iter().map(room));
    }
    table.to_string().replace(NO_BREAK, " ")
}

/// A sentence in lines that are broken between words.
fn folded(sentence: &str) -> String {
    wrapped(sentence, "", "  ") + "\n"
}

fn differences(subject: Subject, groups: &[&GroupSummary]) -> Option<String> {
    let mut header = vec!["difference".to_owned()];
    let heading = |measure: &Measure| short(*measure) + measure.quantity().facts().unit_of_difference;
    header.extend(subject.compared().iter().map(heading));
    header.push("verdict".to_owned());
    let mut table = plain_table(header);
    for group in groups {
        let Some(comparison) = &group.comparison else { continue };
        let mut row = vec![Cell::new(printable(&format!("{} - {}", group.label, comparison.baseline)))];
        let number = |judged: &MeasureJudgement| {
            let interval = judged.judgement.interval;
            judged.measure.quantity().with_interval(comparison.difference(judged.measure), interval)
        };
        row.extend(comparison.judgements.iter().map(number).map(right));
        row.push(Cell::new(comparison.outcome.in_words(comparison.pairs())));
        table.add_row(row);
    }
    (!table.is_empty()).then(|| in_whole_words(table))
}

/// The name of a measure in a narrow column: classes have no other accuracy than that of the validation set.
fn short(measure: Measure) -> String {
    if measure == Measure::ValidAccuracy { "accuracy".to_owned() } else { measure.in_sentence() }
}

/// A table without frames, as wide as its text needs and at most 80 columns.
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

pub(super) fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
