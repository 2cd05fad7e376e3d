//! The part of the page about a trace: the drawing, and the numbers by run.

use maud::{Markup, PreEscaped, html};

use super::super::Quantity;
use super::super::drawing::{drawing, key, machinery};
use super::super::format::MISSING;
use super::super::page::print;
use super::panel::{CSS, LARGE, Panel, SMALL, Size, samples};
use lookahead_runs::Changes;

use super::{Trace, Traces};
use lookahead_runs::statistics::Spread;

impl Traces {
    /// The part of the page.
    pub(crate) fn section(&self) -> Markup {
        html! {
            svg width="0" height="0" class="style-only" aria-hidden="true" { style { (PreEscaped(CSS)) } }
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

fn table(traces: &Traces) -> Markup {
    let changes: Vec<Option<Changes>> = traces.0.iter().map(|trace| Changes::of(&trace.rows)).collect();
    let over_runs = |change: fn(&Changes) -> f64| {
        print(&Quantity::Accuracy.spread(Spread::of(&changes.iter().flatten().map(change).collect::<Vec<_>>())))
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
                    @for (trace, changes) in traces.0.iter().zip(&changes) {
                        tr {
                            th scope="row" { (trace.name) }
                            td.number { (changes.map_or(0, |changes| changes.cycles)) }
                            td.number { (value(changes.map(|changes| changes.inner))) }
                            td.number { (value(changes.map(|changes| changes.outer))) }
                        }
                    }
                    @if traces.0.len() > 1 {
                        tr {
                            th scope="row" { "mean ± deviation over runs" }
                            td {}
                            td.number { (over_runs(|changes| changes.inner)) }
                            td.number { (over_runs(|changes| changes.outer)) }
                        }
                    }
                }
            }
        }
        p.hint {
            "Mean changes of the test accuracy over the whole cycles of a run: from the slow weights to the last fast weights, "
            "and back to the slow weights after the sync. Cycles of one run follow from each other, so the run is the unit: "
            "what is claimed is judged by one number a run."
        }
    }
}

fn value(change: Option<f64>) -> String {
    change.map_or(MISSING.to_owned(), |change| print(&Quantity::Accuracy.value(change)))
}
