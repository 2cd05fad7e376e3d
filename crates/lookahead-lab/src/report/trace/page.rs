//! The part of the page about a trace: whether the paper's claim holds, the drawing, the numbers by run.

use maud::{Markup, PreEscaped, html};

use super::super::Verdict;
use super::super::drawing::{drawing, key, machinery};
use super::super::format::Quantity;
use super::cycles::Changes;
use super::panel::{CSS, LARGE, Panel, SMALL, Size, samples};
use super::{Trace, Traces};
use crate::metrics::PairedDifference;

/// Where the paper says so.
const PLACE: &str = "Fig. 10 and Sect. 5.5";

impl Traces {
    /// The part of the page.
    pub(in crate::report) fn section(&self) -> Markup {
        html! {
            svg width="0" height="0" class="style-only" aria-hidden="true" { style { (PreEscaped(CSS)) } }
            @if let Some(changes) = self.changes() { (claims(&changes)) }
            section {
                h2 { "The accuracy after every update" }
                p.hint {
                    "The test accuracy of the fast weights after each inner step, and of the slow weights after each sync. "
                    "Point at the plot to read its values."
                }
                (key(&samples()))
                div.scroll tabindex="0" role="region" aria-label="The first run" {
                    @for trace in self.0.iter().take(1) { (self.panel(trace, LARGE)) }
                }
                @if self.0.len() > 1 {
                    div.plots { @for trace in &self.0[1..] { (self.panel(trace, SMALL)) } }
                }
                details {
                    summary { "The plots in words" }
                    @for trace in &self.0 { p { (Panel::new(trace, LARGE, self.range()).in_words()) } }
                }
                (table(self))
            }
            (machinery())
        }
    }

    fn panel(&self, trace: &Trace, size: Size) -> Markup {
        let panel = Panel::new(trace, size, self.range());
        drawing(&panel.draw(), [size.width, size.height], &panel.spots(), &panel.in_words())
    }
}

fn claims(changes: &Changes) -> Markup {
    let card = |says: &str, verdict: Verdict, change: PairedDifference| {
        html! {
            article.card {
                p.claim { (says) }
                p.evidence { (PLACE) }
                p class={ "badge " (class(verdict)) } { (verdict.in_words(change.n)) }
                p.evidence { "Mean change " (print(change)) " points over " (change.n) " cycles." }
            }
        }
    };
    html! {
        section {
            h2 { "What the paper says, and whether it holds" }
            div.cards {
                (card("The inner loop tends to degrade the accuracy", changes.degrades(), changes.inner))
                (card("The interpolation recovers it", changes.recovers(), changes.outer))
            }
            p.hint {
                "The claims are in our words, the verdicts are computed: a change is real if its 95 % confidence interval "
                "lies on one side of zero. Cycles count as independent, those of all runs together."
            }
        }
    }
}

fn table(traces: &Traces) -> Markup {
    let row = |name: &str, changes: Option<Changes>| {
        html! {
            tr {
                th scope="row" { (name) }
                @match changes {
                    Some(changes) => {
                        td.number { (changes.inner.n) }
                        td.number { (print(changes.inner)) }
                        td.number { (print(changes.outer)) }
                    }
                    None => { td.number { "0" } td.number { "-" } td.number { "-" } }
                }
            }
        }
    };
    html! {
        div.wide tabindex="0" role="region" aria-label="Changes of the accuracy" {
            table {
                thead { tr {
                    th scope="col" { "Run" }
                    th.number scope="col" { "Cycles" }
                    th.number scope="col" { "Over an inner loop, points" }
                    th.number scope="col" { "At the interpolation, points" }
                } }
                tbody {
                    @if traces.0.len() > 1 { (row("all runs", traces.changes())) }
                    @for trace in &traces.0 { (row(&trace.name, trace.changes())) }
                }
            }
        }
        p.hint {
            "Mean changes of the test accuracy and their 95 % confidence intervals (Student's t), over whole cycles: "
            "from the slow weights to the last fast weights, and back to the slow weights after the sync."
        }
    }
}

fn print(change: PairedDifference) -> String {
    Quantity::Accuracy.paired(Some(change)).replace('-', "\u{2212}")
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::DoesNotHold => "fails",
        Verdict::Undecided => "undecided",
    }
}
