//! The results part of the page: the verdicts in words, the table over seeds, the paired differences with their intervals.

use maud::{Markup, html};

use super::{
    super::{Comparison, GroupSummary, Measure, MeasureJudgement, Outcome, Subject, Summary, Verdict, format},
    claims::{RULES, badge, outlook},
    columns::Column,
    heading, panel_name, print,
};
use lookahead_runs::statistics::{PairedDifference, Spread};

/// One card for each comparison with a baseline.
pub(super) fn verdicts(panels: &[Vec<&GroupSummary>], summary: &Summary) -> Markup {
    html! {
        @if panels.iter().flatten().any(|group| group.comparison.is_some()) {
            section {
                h2 { "Verdict" }
                div.cards {
                    @for (group, comparison) in panels.iter().flat_map(|groups| compared(groups)) {
                        article.card {
                            @if !group.panel.is_empty() { p.evidence { (group.panel) } }
                            p.claim { (group.label) " is at least as good as " (comparison.baseline) }
                            (badge(comparison.outcome, comparison.pairs()))
                            p.evidence { (evidence(comparison)) }
                            (outlook(comparison.outlook.as_ref()))
                        }
                    }
                }
                p.hint {
                    "A group is at least as good as its baseline if it is not worse by any of these: "
                    (margins(summary.subject)) ". " (RULES) " " (summary.about_choosing().unwrap_or_default())
                }
            }
        }
    }
}

/// The measures that groups are compared by, each with its margin.
fn margins(subject: Subject) -> String {
    let margin =
        |measure: &Measure| format!("{} by {}", measure.in_sentence(), measure.quantity().facts().margin_in_words);
    subject.compared().iter().map(margin).collect::<Vec<_>>().join(", ")
}

/// The table of means and deviations.
pub(super) fn table(groups: &[&GroupSummary], subject: Subject) -> Markup {
    let columns = Column::shown(subject, groups);
    let has_fast = columns.iter().any(|column| matches!(column, Column::Fast(_)));
    html! {
        section {
            (heading(panel_name(groups), "Results"))
            div.wide tabindex="0" role="region" aria-label="Results" {
                table {
                    thead { tr {
                        th scope="col" { "Optimizer" }
                        th.number scope="col" { "Runs" }
                        @for column in &columns { th.number scope="col" { (column.heading()) } }
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
                                @for column in &columns { td.number { (column.text(group)) } }
                                td.number { (print(&format::seconds(group.seconds))) }
                            }
                        }
                    }
                }
            }
            p.hint { "At the end of training: mean ± sample standard deviation over the finished runs, one per seed; "
                "wall time is the mean of a run. Where an optimizer keeps slow or averaged weights, they are what is evaluated"
                @if has_fast { "; the fast weights stand beside them as of the last evaluation" } "." }
            @if let Some(text) = kept(groups) { p.hint { (text) } }
            @for group in groups {
                @for remark in remarks(group, subject) { p.warning { (remark) } }
            }
        }
    }
}

/// In words, of which epochs the weights are; `None` where they are those of the end.
fn kept(groups: &[&GroupSummary]) -> Option<String> {
    let all = || groups.iter().flat_map(|group| group.kept_epochs.values());
    let of_what = match (all().any(|epochs| epochs.len() == 1), all().any(|epochs| epochs.len() > 1)) {
        (false, false) => return None,
        (true, false) => "those of the epoch with the lowest validation loss",
        (false, true) => "the mean of the weights after several epochs",
        (true, true) => {
            "those of the epoch with the lowest validation loss, or the mean of the weights after several epochs"
        }
    };
    let runs =
        if groups.iter().all(|group| group.kept_epochs.len() == group.n as usize) { "" } else { ", in some runs," };
    Some(format!(
        "The weights that are evaluated at the end are{runs} {of_what}; the table of runs says which. All losses and scores \
         above are of these weights."
    ))
}

/// The paired differences as numbers and as intervals on a common scale.
pub(super) fn differences(groups: &[&GroupSummary], subject: Subject) -> Markup {
    html! {
        @if groups.iter().any(|group| group.comparison.is_some()) {
            section {
                (heading(panel_name(groups), "Paired differences"))
                p.hint { "A seed gives every optimizer the same initial weights and the same order of data, so optimizers are "
                    "compared seed by seed. Mean difference and its confidence interval (Student's t), 95 % or the level at which "
                    "it was judged, with the corrected p-value against the margin, the dotted line in the drawings: right of it "
                    "is not worse."
                    @if subject == Subject::Language {
                        " Perplexities are compared by their logarithms, the losses, so that the difference is a ratio: "
                        "\u{2212}5 % is a perplexity that is 5 % lower."
                    }
                }
                div.wide tabindex="0" role="region" aria-label="Paired differences" {
                    table {
                        thead { tr {
                            th scope="col" { "Difference" }
                            th.number scope="col" { "Pairs" }
                            @for measure in subject.compared() {
                                th.number scope="col" { (short(*measure)) (measure.quantity().facts().unit_of_difference) }
                                th scope="col" { "worse | better" }
                            }
                        } }
                        tbody {
                            @for (group, comparison) in compared(groups) {
                                tr {
                                    th scope="row" { (group.label) " − " (comparison.baseline) }
                                    td.number { (comparison.pairs()) }
                                    @for judged in &comparison.judgements {
                                        @let paired = comparison.difference(judged.measure);
                                        td.number { (print(&judged.judgement.in_words(judged.measure.quantity(), paired))) }
                                        td { (interval(paired, scale(groups, judged.measure), judged)) }
                                    }
                                }
                            }
                        }
                    }
                }
                @for (group, comparison) in compared(groups) {
                    @if let Some(reach) = &comparison.reach {
                        p.hint { (group.label) " is " (reach.in_words(&comparison.baseline)) ", as far as evaluations tell." }
                    }
                }
            }
        }
    }
}

fn compared<'a>(groups: &'a [&GroupSummary]) -> impl Iterator<Item = (&'a GroupSummary, &'a Comparison)> {
    groups.iter().filter_map(|group| Some((*group, group.comparison.as_ref()?)))
}

pub(super) fn verdict_class(outcome: Outcome) -> &'static str {
    match outcome.verdict {
        Some(Verdict::Holds) => "holds",
        Some(Verdict::DoesNotHold) => "fails",
        Some(Verdict::Undecided) | None => "undecided",
    }
}

/// The name of a compared measure: classes have no other accuracy than that of the validation set.
fn short(measure: Measure) -> &'static str {
    if measure == Measure::ValidAccuracy { "Accuracy" } else { measure.name() }
}

fn evidence(comparison: &Comparison) -> String {
    if comparison.pairs() == 0 {
        return "No seed has finished, finite runs of both yet.".to_owned();
    }
    let numbers = comparison.judgements.iter().enumerate().map(|(index, judged)| {
        let measure = judged.measure;
        let name = if index == 0 { short(measure).to_owned() } else { measure.in_sentence() };
        let unit = measure.quantity().facts().unit_of_difference;
        let number = print(&judged.judgement.in_words(measure.quantity(), comparison.difference(measure)));
        format!("{name}{unit}: {number}")
    });
    let mut text = numbers.collect::<Vec<_>>().join("; ") + ".";
    if let several @ 2.. = comparison.judgements.len() {
        text += &format!(" A family of {several} comparisons, corrected by Holm.");
    }
    if comparison.missing_pairs > 0 {
        text += &format!(" Seeds without finished, finite runs of both: {}.", comparison.missing_pairs);
    } else if comparison.pairs() == 1 {
        text += " One seed gives no confidence interval.";
    }
    text
}

/// What the numbers of a group leave out.
fn remarks(group: &GroupSummary, subject: Subject) -> Vec<String> {
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
    let too_large = if subject == Subject::Language { too_large(group) } else { 0 };
    if too_large > 0 {
        remarks.push(format!(
            "{}: runs whose loss is finite but whose perplexity no number can hold, and is not in the mean: {too_large}.",
            group.label
        ));
    }
    if group.not_averaged > 0 {
        remarks.push(format!(
            "{}: runs whose average never began, so that their numbers are of the optimizer inside: {}.",
            group.label, group.not_averaged
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

/// How many runs have a loss of which the exponential overflows.
fn too_large(group: &GroupSummary) -> u32 {
    let n = |spread: Option<Spread>| spread.map_or(0, |spread| spread.n);
    let measures = [Measure::TrainPerplexity, Measure::ValidPerplexity, Measure::TestPerplexity];
    let missing =
        |measure: Measure| n(group.scores.get(measure.to_compare())).saturating_sub(n(group.scores.get(measure)));
    measures.into_iter().map(missing).max().unwrap_or(0)
}

/// The largest distance from zero that an interval, or the margin, of this measure reaches; negative where less is better.
fn scale(groups: &[&GroupSummary], measure: Measure) -> f64 {
    let ends = compared(groups).flat_map(|(_, comparison)| {
        let judged = comparison.judgements.iter().find(|judged| judged.measure == measure);
        let interval = judged.and_then(|judged| shown(comparison.difference(measure), judged));
        let margin = judged.map(|judged| judged.margin);
        interval.into_iter().flatten().chain(margin).chain(comparison.difference(measure).map(|paired| paired.mean))
    });
    let largest = ends.fold(0.0, |largest: f64, end| end.abs().max(largest));
    if measure.quantity().facts().is_score { largest } else { -largest }
}

/// The interval that is shown: the one that was judged by, else that of 95 %.
fn shown(paired: Option<PairedDifference>, judged: &MeasureJudgement) -> Option<[f64; 2]> {
    judged.judgement.interval.or(paired?.ci95)
}

/// Draws mean and interval against the zero line and the margin; a negative `scale` turns the direction.
fn interval(paired: Option<PairedDifference>, scale: f64, judged: &MeasureJudgement) -> Markup {
    let x = |value: f64| if scale == 0.0 { 80.0 } else { (80.0 + 74.0 * value / scale).round() };
    html! {
        @if let Some(difference) = paired {
            svg class={ "interval " (verdict_class(judged.judgement.outcome)) } viewBox="0 0 160 22" width="160" height="22"
                aria-hidden="true" {
                path.zero d="M80 1V21" {}
                path.margin d={ "M" (x(-judged.margin * scale.signum())) " 1V21" } {}
                @if let Some([low, high]) = shown(paired, judged) {
                    path.range d={ "M" (x(low)) " 11H" (x(high)) "M" (x(low)) " 7v8M" (x(high)) " 7v8" } {}
                }
                circle cx=(x(difference.mean)) cy="11" r="4" {}
            }
        }
    }
}
