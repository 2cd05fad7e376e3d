//! Our numbers beside the paper's, and all points of the grids of which the best stands for its group.

use maud::{Markup, html};

use super::super::{
    BesidePaper, GroupSummary, PaperValue, Subject,
    format::{self, MISSING},
};
use super::{claims::when, heading, panel_name, print};

/// Each number of the paper, ours before it.
pub(super) fn beside_paper(groups: &[&GroupSummary]) -> Markup {
    html! {
        @if groups.iter().any(|group| !group.paper.is_empty()) {
            section {
                (heading(panel_name(groups), "Beside the paper"))
                div.wide tabindex="0" role="region" aria-label="Beside the paper" {
                    table {
                        thead { tr {
                            th scope="col" { "Optimizer" }
                            th scope="col" { "Measure" }
                            th.number scope="col" { "Ours" }
                            th.number scope="col" { "n" }
                            th.number scope="col" { "Paper" }
                            th.number scope="col" { "n" }
                            th scope="col" { "Paper\u{2019}s data" }
                            th scope="col" { "Where" }
                        } }
                        tbody {
                            @for group in groups { @for number in &group.paper { (row(group, number)) } }
                        }
                    }
                }
                p.hint { "Mean ± sample standard deviation over seeds. A dash: the paper does not say, or we have no finished run." }
            }
        }
    }
}

fn row(group: &GroupSummary, number: &BesidePaper) -> Markup {
    let BesidePaper { paper, epoch, ours } = number;
    html! {
        tr {
            th scope="row" { (group.label) }
            td { (paper.measure.with_unit()) (when(*epoch, paper.epoch)) }
            td.number { (print(&paper.measure.quantity().spread(*ours))) }
            td.number { (ours.map_or(0, |spread| spread.n)) }
            td.number { (as_printed(paper)) }
            td.number { (paper.n.map_or(MISSING.to_owned(), |n| n.to_string())) }
            td { (paper.data) }
            td { (paper.place) }
        }
    }
}

/// The paper's number with its own digits.
fn as_printed(value: &PaperValue) -> String {
    value.std.map_or_else(|| value.mean.to_string(), |std| format!("{} ± {std}", value.mean))
}

/// All points of each grid, folded.
pub(super) fn grids(groups: &[&GroupSummary], subject: Subject) -> Markup {
    html! {
        @for group in groups.iter().filter(|group| !group.points.is_empty()) {
            details {
                summary { "The grid of " (group.label) ": " (group.points.len()) " points" }
                div.wide tabindex="0" role="region" aria-label={ "The grid of " (group.label) } {
                    table {
                        thead { tr {
                            th scope="col" { "Point" }
                            th.number scope="col" { "Runs" }
                            @for measure in subject.of_points() { th.number scope="col" { (measure.with_unit()) } }
                        } }
                        tbody {
                            @for point in &group.points {
                                tr class=[point.is_chosen.then_some("chosen")] {
                                    th scope="row" { (point.label) @if point.is_chosen { " (chosen)" } }
                                    td.number { (format::finished(point.n, point.runs.len())) }
                                    @for measure in subject.of_points() {
                                        td.number { (print(&measure.quantity().spread(point.scores.get(measure)))) }
                                    }
                                }
                            }
                        }
                    }
                }
                p.hint {
                    @if subject == Subject::Classification { "The best by the mean final validation accuracy" }
                    @else { "The lowest by the mean final validation loss" }
                    " over its finished seeds stands for the group."
                }
            }
        }
    }
}
