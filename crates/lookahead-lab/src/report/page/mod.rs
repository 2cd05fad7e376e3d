//! `report.html`: one file with everything in it, read without a network: verdict, tables, plots, and how it was run.

mod provenance;
mod results;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Study, Summary,
    curves::{Plot, palette_css, panel, swatch},
    drawing::Drawing,
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("plot.js");

/// What stands over a page, and its colours.
pub(super) struct Head {
    /// A line of small print over the heading.
    pub(super) kicker: String,
    /// The heading.
    pub(super) title: String,
    /// What the page is about.
    pub(super) lead: String,
    /// The style rules of the curves' colours.
    pub(super) css: String,
}

/// A complete page, with the style and the script that all share.
pub(super) fn document(head: &Head, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (head.title) }
                style { (PreEscaped(&head.css)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p.kicker { (head.kicker) }
                        h1 { (head.title) }
                        @if !head.lead.is_empty() { p.lead { (head.lead) } }
                    }
                    (body)
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Builds the page of a study.
pub(super) fn page(study: &Study, summary: &Summary, plots: &[Plot], drawing: Option<&Drawing>) -> String {
    let notes: Vec<String> = plots.iter().flat_map(Plot::notes).collect();
    let scale = if summary.scale.is_empty() { String::new() } else { format!(" · scale {}", summary.scale) };
    let head = Head {
        kicker: format!("lookahead · {}{scale}", summary.artifact),
        title: summary.title.clone(),
        lead: summary.data.clone(),
        css: palette_css(),
    };
    let body = html! {
        @if let Some(drawing) = drawing { (drawing.section) }
        (results::verdicts(summary))
        (results::table(summary))
        (curves(plots, &notes))
        (results::differences(summary))
        (provenance::how_it_was_run(study, summary))
        (provenance::runs(study))
    };
    document(&head, &body)
}

fn curves(plots: &[Plot], notes: &[String]) -> Markup {
    let curves = plots.first().map_or(&[][..], |plot| plot.curves.as_slice());
    let has_bands =
        curves.iter().flat_map(|curve| &curve.points).any(|point| point.spread.is_some_and(|s| s.std.is_some()));
    html! {
        section {
            h2 { "Learning curves" }
            @if has_bands {
                p.hint { "Lines are means over seeds, bands one standard deviation. Choose a name to hide its curve." }
            }
            div.legend {
                @for (index, curve) in curves.iter().enumerate() {
                    button type="button" aria-pressed="true" data-curve=(index) {
                        (swatch(curve.style)) span { (curve.label) }
                    }
                }
            }
            div.plots {
                @for plot in plots {
                    figure.plot {
                        (panel(plot))
                        div.tip hidden {}
                    }
                }
            }
            @for note in notes { p.hint { (note) } }
            details {
                summary { "The curves in words" }
                @for plot in plots { p { (plot.in_words()) } }
            }
        }
    }
}

/// Numbers as they are set in print: with a minus sign in place of the hyphen.
fn print(text: &str) -> String {
    text.replace('-', "\u{2212}")
}
