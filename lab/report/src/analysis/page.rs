//! `report.html` of an analysis: claims and verdicts, the figure, the parameters, and how it was computed.

use maud::{Markup, html};
use serde_json::Value;

use super::super::curves::line_sample;
use super::super::page::{Head, Link, document, to_file, to_index};
use super::super::xy::{self, XyPlot, palette_css, panel};
use super::super::{as_given, significant, significant_in_full};
use super::{Analysis, Finding, MapPicture, Picture};

/// What of the environment says something about a computation.
const ENVIRONMENT: [&str; 6] = ["revision", "version", "profile", "processor", "threads", "system"];

/// Builds the page.
pub(super) fn page(analysis: &Analysis) -> String {
    let plots: Vec<XyPlot> = analysis.pictures.iter().flat_map(|picture| picture.plots.clone()).collect();
    let legend = xy::legend(&plots);
    let paper = &analysis.paper;
    let head = Head {
        kicker: format!("lookahead · {} · scale {}", analysis.artifact, analysis.scale),
        title: format!("{}: {}", paper.figure, paper.title),
        lead: paper.shows.clone(),
        css: palette_css(&legend),
        links: links(analysis),
    };
    let body = html! {
        section {
            h2 { "The figure" }
            p.hint { "Choose a name to hide its curve; point at a plot to read its values." }
            div.legend {
                @for (index, entry) in legend.iter().enumerate() {
                    button type="button" aria-pressed="true" data-curve=(index) {
                        (line_sample(&format!("tone-{index}"), entry.stroke.dash())) span { (entry.label) }
                    }
                }
            }
            @for (index, picture) in analysis.pictures.iter().enumerate() { (drawn(picture, index, &legend)) }
            @for MapPicture { caption, map, .. } in &analysis.maps {
                h3 { (map.title) }
                (map.table())
                p.hint { (caption) }
            }
        }
        (verdicts(analysis))
        (parameters(analysis))
        (details(&analysis.findings))
        (how_it_was_computed(analysis))
    };
    document(&head, &body)
}

/// To the index over all, and to the files beside the page.
fn links(analysis: &Analysis) -> Vec<Link> {
    let data = analysis.data.iter().map(|data| data.file);
    let pictures = analysis.pictures.iter().map(|picture| picture.file);
    let maps = analysis.maps.iter().map(|map| map.file.as_str());
    let files = ["result.json"].into_iter().chain(data).chain(pictures).chain(maps);
    [to_index()].into_iter().chain(files.map(to_file)).collect()
}

fn verdicts(analysis: &Analysis) -> Markup {
    let ours = analysis.paper.ours;
    html! {
        section {
            h2 { (if ours { "What we asked, and whether it is so" } else { "What the paper says, and whether it holds" }) }
            div.cards {
                @for finding in &analysis.findings {
                    article.card {
                        p.claim { (finding.says) }
                        p.evidence {
                            (finding.place) @if let Some(setting) = &finding.setting { " · " (setting) }
                        }
                        p class={ "badge " (finding.verdict.class()) } { (finding.verdict.in_words()) }
                        p.evidence { (finding.evidence) }
                    }
                }
            }
            p.hint {
                @if ours { "The paper says nothing of it: the statements are ours, " } @else { "The claims are in our words, " }
                "the verdicts are computed. A comparison holds if it is so at every point; "
                "almost everywhere: at 95 % of the points or more; in part: at more than half; it is not judged where there is no point."
            }
        }
    }
}

fn drawn(picture: &Picture, number: usize, legend: &[xy::Entry<'_>]) -> Markup {
    let notes: Vec<String> = picture.plots.iter().flat_map(XyPlot::notes).collect();
    html! {
        @if number > 0 { h3 { (picture.title) } }
        div class={ "plots wide-plots" } {
            @for (index, plot) in picture.plots.iter().enumerate() {
                figure.plot {
                    (panel(plot, legend, &format!("{number}-{index}")))
                    div.tip hidden {}
                }
            }
        }
        p.hint { (picture.caption) }
        @for note in notes { p.hint { (note) } }
    }
}

fn parameters(analysis: &Analysis) -> Markup {
    let ours = analysis.paper.ours;
    html! {
        section {
            h2 { "Parameters" }
            div.wide tabindex="0" role="region" aria-label="Parameters" {
                table.wrapping {
                    thead { tr {
                        th scope="col" { "Parameter" }
                        th scope="col" { "Here" }
                        @if !ours { th scope="col" { "In the paper" } }
                        th scope="col" { (if ours { "Why" } else { "What it says" }) }
                    } }
                    tbody {
                        @for parameter in &analysis.paper.parameter {
                            tr {
                                th scope="row" { code { (parameter.key) } }
                                td { (value_of(&analysis.config, &parameter.key)) }
                                @if !ours {
                                    td { (if parameter.given == "yes" { "given" } else if parameter.given == "no" { "not given" } else { "given in part" }) }
                                }
                                td { (parameter.paper) }
                            }
                        }
                    }
                }
            }
            p.hint {
                @if !ours { "What the paper does not give is our default; " }
                code { "--set KEY=VALUE" } " changes any of them."
            }
        }
    }
}

/// The parameter of a dotted key, as people write it.
fn value_of(config: &Value, key: &str) -> String {
    let found = key.split('.').try_fold(config, |table, key| table.get(key));
    found.map_or_else(String::new, in_words)
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('_', " "),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(table) => {
            let pair = |(key, value): (&String, &Value)| format!("{} {}", key.replace('_', " "), in_words(value));
            // What kind it is comes first.
            let kind = table.get("kind").map(in_words).into_iter();
            let rest = table.iter().filter(|(key, _)| *key != "kind").map(pair);
            kind.chain(rest).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), as_given),
        Value::Bool(_) | Value::Null => value.to_string(),
    }
}

fn details(findings: &[Finding]) -> Markup {
    let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| significant_in_full(ratio, 4));
    html! {
        section {
            h2 { "The comparisons" }
            div.wide tabindex="0" role="region" aria-label="The comparisons" {
                table.wrapping {
                    thead { tr {
                        th scope="col" { "Statement" }
                        th.number scope="col" { "So at" }
                        th.number scope="col" { "Least ratio" }
                        th.number scope="col" { "Median" }
                        th.number scope="col" { "Greatest" }
                    } }
                    tbody {
                        @for finding in findings {
                            @for claim in &finding.details {
                                tr {
                                    td { (claim.statement) @if let Some(setting) = &finding.setting { " (" (setting) ")" } }
                                    td.number { (claim.count) " of " (claim.of) }
                                    td.number { (ratio(claim.least_ratio)) }
                                    td.number { (ratio(claim.median_ratio)) }
                                    td.number { (ratio(claim.greatest_ratio)) }
                                }
                            }
                        }
                    }
                }
            }
            p.hint { "Ratios are Lookahead's number over the other optimizer's." }
        }
    }
}

fn how_it_was_computed(analysis: &Analysis) -> Markup {
    html! {
        section {
            h2 { "How it was computed" }
            pre { code { (analysis.command) } }
            dl {
                dt { "time" } dd { (significant(analysis.seconds, 2)) " s" }
                @for key in ENVIRONMENT {
                    @if let Some(value) = analysis.environment.get(key) { dt { (key) } dd { (in_environment(value)) } }
                }
            }
            @if !analysis.notes.is_empty() {
                h3 { "Notes" }
                ul { @for note in &analysis.notes { li { (note) } } }
            }
            h3 { "Files beside this page" }
            dl {
                dt { code { "result.json" } } dd { "parameters, claims and verdicts" }
                @for data in &analysis.data { dt { code { (data.file) } } dd { (data.holds) } }
                @for picture in &analysis.pictures { dt { code { (picture.file) } } dd { (picture.title) } }
            }
            details {
                summary { "Every parameter, as JSON" }
                pre { code { (serde_json::to_string_pretty(&analysis.config).unwrap_or_default()) } }
            }
        }
    }
}

fn in_environment(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
