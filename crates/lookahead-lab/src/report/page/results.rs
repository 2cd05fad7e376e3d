//! The results part of the page: the verdicts in words, the table over seeds, the paired differences with their intervals.

use maud::{Markup, html};

use super::{
    super::{
        Comparison, GroupSummary, Verdict,
        format::{self, Quantity},
    },
    heading, panel_name, print,
};
use crate::metrics::PairedDifference;

/// One card for each comparison with a baseline.
pub(super) fn verdicts(panels: &[Vec<&GroupSummary>]) -> Markup {
    html! {
        @if panels.iter().flatten().any(|group| group.comparison.is_some()) {
            section {
                h2 { "Verdict" }
                div.cards {
                    @for (group, comparison) in panels.iter().flat_map(|groups| compared(groups)) {
                        article.card {
                            @if !group.panel.is_empty() { p.evidence { (group.panel) } }
                            p.claim { (group.label) " is at least as good as " (comparison.baseline) }
                            p class={ "badge " (verdict_class(comparison.verdict)) } {
                                (comparison.verdict.in_words(comparison.pairs()))
                            }
                            p.evidence { (evidence(comparison)) }
                        }
                    }
                }
                p.hint {
                    "The claim holds if the 95 % confidence intervals of both paired differences, accuracy and loss, lie "
                    "at zero or on the better side; it does not hold if either lies on the worse side; else this many "
                    "seeds do not decide it. Each comparison is judged by itself."
                }
            }
        }
    }
}

/// The table of means and deviations.
pub(super) fn table(groups: &[&GroupSummary]) -> Markup {
    let has_top5 = groups.iter().any(|group| group.valid_top5.is_some());
    let has_fast = groups.iter().any(|group| group.fast_accuracy.is_some());
    html! {
        section {
            (heading(panel_name(groups), "Results"))
            div.wide tabindex="0" role="region" aria-label="Results" {
                table {
                    thead { tr {
                        th scope="col" { "Optimizer" }
                        th.number scope="col" { "Runs" }
                        th.number scope="col" { "Validation accuracy, %" }
                        @if has_top5 { th.number scope="col" { "Top-5 accuracy, %" } }
                        @if has_fast { th.number scope="col" { "Accuracy of fast weights, %" } }
                        th.number scope="col" { "Validation loss" }
                        @if has_fast { th.number scope="col" { "Loss of fast weights" } }
                        th.number scope="col" { "Training loss" }
                        th.number scope="col" { "Wall time, s" }
                    } }
                    tbody {
                        @for group in groups {
                            tr {
                                th scope="row" {
                                    (group.label)
                                    @if let Some(point) = group.chosen() {
                                        div.point { (point.label) ", best of " (group.points.len()) }
                                    }
                                }
                                td.number { (format::finished(group.n, group.runs.len())) }
                                td.number { (print(&Quantity::Accuracy.spread(group.valid_accuracy))) }
                                @if has_top5 { td.number { (print(&Quantity::Accuracy.spread(group.valid_top5))) } }
                                @if has_fast { td.number { (print(&Quantity::Accuracy.spread(group.fast_accuracy))) } }
                                td.number { (print(&Quantity::Loss.spread(group.valid_loss))) }
                                @if has_fast { td.number { (print(&Quantity::Loss.spread(group.fast_loss))) } }
                                td.number { (print(&Quantity::Loss.spread(group.train_loss))) }
                                td.number { (print(&format::seconds(group.seconds))) }
                            }
                        }
                    }
                }
            }
            p.hint { "At the end of training: mean ± sample standard deviation over the finished runs, one per seed; "
                "wall time is the mean of a run. Where an optimizer keeps slow or averaged weights, they are what is evaluated"
                @if has_fast { "; the fast weights stand beside them as of the last evaluation" } "." }
            @for group in groups {
                @for remark in remarks(group) { p.warning { (remark) } }
            }
        }
    }
}

/// The paired differences as numbers and as intervals on a common scale.
pub(super) fn differences(groups: &[&GroupSummary]) -> Markup {
    let accuracy_scale = scale(groups, |comparison| comparison.valid_accuracy);
    let loss_scale = scale(groups, |comparison| comparison.valid_loss);
    html! {
        @if groups.iter().any(|group| group.comparison.is_some()) {
            section {
                (heading(panel_name(groups), "Paired differences"))
                p.hint { "A seed gives every optimizer the same initial weights and the same order of data, so optimizers are "
                    "compared seed by seed. Mean difference and its 95 % confidence interval (Student's t); in the drawings "
                    "right of the line is better." }
                div.wide tabindex="0" role="region" aria-label="Paired differences" {
                    table {
                        thead { tr {
                            th scope="col" { "Difference" }
                            th.number scope="col" { "Pairs" }
                            th.number scope="col" { "Accuracy, points" }
                            th scope="col" { "worse | better" }
                            th.number scope="col" { "Validation loss" }
                            th scope="col" { "worse | better" }
                        } }
                        tbody {
                            @for (group, comparison) in compared(groups) {
                                tr {
                                    th scope="row" { (group.label) " − " (comparison.baseline) }
                                    td.number { (comparison.pairs()) }
                                    td.number { (print(&Quantity::Accuracy.paired(comparison.valid_accuracy))) }
                                    td { (interval(comparison.valid_accuracy, accuracy_scale, comparison.accuracy_verdict)) }
                                    td.number { (print(&Quantity::Loss.paired(comparison.valid_loss))) }
                                    td { (interval(comparison.valid_loss, -loss_scale, comparison.loss_verdict)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn compared<'a>(groups: &'a [&GroupSummary]) -> impl Iterator<Item = (&'a GroupSummary, &'a Comparison)> {
    groups.iter().filter_map(|group| Some((*group, group.comparison.as_ref()?)))
}

pub(super) fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::DoesNotHold => "fails",
        Verdict::Undecided => "undecided",
    }
}

fn evidence(comparison: &Comparison) -> String {
    if comparison.pairs() == 0 {
        return "No seed has finished, finite runs of both yet.".to_owned();
    }
    let accuracy = print(&Quantity::Accuracy.paired(comparison.valid_accuracy));
    let loss = print(&Quantity::Loss.paired(comparison.valid_loss));
    let mut text = format!("Accuracy {accuracy} points, validation loss {loss}.");
    if comparison.missing_pairs > 0 {
        text += &format!(" Seeds without finished, finite runs of both: {}.", comparison.missing_pairs);
    } else if comparison.pairs() == 1 {
        text += " One seed gives no confidence interval.";
    }
    text
}

/// What the numbers of a group leave out.
fn remarks(group: &GroupSummary) -> Vec<String> {
    let mut remarks = Vec::new();
    if !group.unfinished.is_empty() {
        remarks.push(format!("{}: not finished, and in no number: {}.", group.label, group.unfinished.join(", ")));
    }
    if group.diverged > 0 {
        remarks.push(format!(
            "{}: runs that ended with a loss that is not finite, and is not in the mean: {}.",
            group.label, group.diverged
        ));
    }
    if group.non_finite > 0 {
        remarks.push(format!(
            "{}: elements whose slow weights kept their old value, because the new one was not finite: {}.",
            group.label, group.non_finite
        ));
    }
    remarks
}

/// The largest distance from zero that an interval of this measure reaches.
fn scale(groups: &[&GroupSummary], measure: fn(&Comparison) -> Option<PairedDifference>) -> f64 {
    let paired = compared(groups).filter_map(|(_, comparison)| measure(comparison));
    let ends = paired.flat_map(|paired| paired.ci95.unwrap_or([paired.mean; 2]));
    ends.fold(0.0, |largest, end| end.abs().max(largest))
}

/// Draws mean and interval against the zero line; a negative `scale` turns the direction.
fn interval(paired: Option<PairedDifference>, scale: f64, verdict: Verdict) -> Markup {
    let x = |value: f64| if scale == 0.0 { 80.0 } else { (80.0 + 74.0 * value / scale).round() };
    html! {
        @if let Some(paired) = paired {
            svg class={ "interval " (verdict_class(verdict)) } viewBox="0 0 160 22" width="160" height="22" aria-hidden="true" {
                path.zero d="M80 1V21" {}
                @if let Some([low, high]) = paired.ci95 {
                    path.range d={ "M" (x(low)) " 11H" (x(high)) "M" (x(low)) " 7v8M" (x(high)) " 7v8" } {}
                }
                circle cx=(x(paired.mean)) cy="11" r="4" {}
            }
        }
    }
}
