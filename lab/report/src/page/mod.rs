//! `report.html`: one file with everything in it, read without a network: verdict, tables, plots, and how it was run.

mod beside_paper;
mod choices;
mod claims;
mod columns;
mod learning_curves;
mod links;
mod provenance;
mod results;
mod samples;
mod workers;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use self::links::{Link, encode, to_file, to_index};
pub(super) use self::samples::check as check_samples;

use self::samples::Samples;
use super::{
    GroupSummary, ReportError, Study, Subject, Summary,
    curves::{PanelPlots, palette_css},
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
    /// Where else one may go: other pages, and the data.
    pub(super) links: Vec<Link>,
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
                        (links::row(&head.links))
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
///
/// # Errors
/// The sample translations of a run cannot be read, or are malformed.
pub(super) fn page(
    study: &Study,
    summary: &Summary,
    plots: &[PanelPlots],
    drawing: Option<&Drawing>,
) -> Result<String, ReportError> {
    let samples = Samples::read(study)?;
    let scale = if summary.scale.is_empty() { String::new() } else { format!(" · scale {}", summary.scale) };
    let head = Head {
        kicker: format!("lookahead · {}{scale}", summary.artifact),
        title: summary.title.clone(),
        lead: summary.data.clone(),
        css: palette_css(),
        links: links::of_study(study, drawing.iter().flat_map(|drawing| drawing.files())),
    };
    let panels = summary.panels();
    let body = html! {
        (claims::banner(study))
        @if !summary.unreadable.is_empty() {
            div.warning { @for run in &summary.unreadable { p { (run.to_string()) } } }
        }
        @if let Some(drawing) = drawing { (drawing.section) }
        @for plots in plots { (figures(plots)) }
        (choices::choices(summary))
        @if summary.claims.is_empty() { (results::verdicts(&panels, summary)) } @else { (claims::claims(summary)) }
        @for groups in &panels { (numbers(groups, summary.subject)) }
        @if let Some(samples) = samples { (samples.section()) }
        (provenance::how_it_was_run(study, summary))
        (provenance::runs(study))
    };
    Ok(document(&head, &body))
}

/// The figures of one panel; its name stands over it where there are several.
fn figures(plots: &PanelPlots) -> Markup {
    html! {
        div.panel {
            @if !plots.name.is_empty() { h2.panel-name { (plots.name) } }
            (learning_curves::learning_curves(plots))
        }
    }
}

/// The tables of one panel.
fn numbers(groups: &[&GroupSummary], subject: Subject) -> Markup {
    html! {
        div {
            @if !panel_name(groups).is_empty() { h2.panel-name { (panel_name(groups)) } }
            (results::table(groups, subject))
            (beside_paper::beside_paper(groups))
            (beside_paper::grids(groups, subject))
            (results::differences(groups, subject))
            (workers::workers(groups))
        }
    }
}

/// A heading within a panel: below the panel's name where there is one.
fn heading(panel: &str, text: &str) -> Markup {
    html! { @if panel.is_empty() { h2 { (text) } } @else { h3 { (text) } } }
}

/// The panel that these groups belong to.
fn panel_name<'a>(groups: &[&'a GroupSummary]) -> &'a str {
    groups.first().map_or("", |group| &group.panel)
}

/// Numbers as they are set in print: with a minus sign in place of the hyphen.
pub(super) fn print(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// A list of sentences; what stands between two backticks is code.
pub(super) fn notes(sentences: &[String]) -> Markup {
    let parts = |sentence: &str| match sentence.matches('`').count() % 2 {
        0 => sentence.split('`').map(str::to_owned).collect(),
        _ => vec![sentence.to_owned()],
    };
    html! {
        ul {
            @for sentence in sentences {
                li {
                    @for (index, part) in parts(sentence).iter().enumerate() {
                        @if index % 2 == 1 { code { (part) } } @else { (part) }
                    }
                }
            }
        }
    }
}
