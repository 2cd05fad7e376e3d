//! The workers part of the page: what they sent, how long they waited, how far their ways agree.

use maud::{Markup, html};

use super::{heading, panel_name, print};
use crate::GroupSummary;
use crate::workers::WorkersSummary;
use lookahead_runs::format;

/// The table of workers; nothing where no group has several.
pub(super) fn workers(groups: &[&GroupSummary]) -> Markup {
    let together: Vec<_> = groups.iter().filter_map(|group| Some((group, group.workers.as_ref()?))).collect();
    let number = |value: f64| print(&format::significant(value, 3));
    let maybe = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    html! {
        @if !together.is_empty() {
            section {
                (heading(panel_name(groups), "Workers"))
                div.wide tabindex="0" role="region" aria-label="Workers" {
                    table {
                        thead { tr {
                            th scope="col" { "Optimizer" }
                            th.number scope="col" { "Workers" }
                            th scope="col" { "Share" }
                            th.number scope="col" { "Sent, MiB" }
                            th.number scope="col" { "Communicating, s" }
                            th.number scope="col" { "Waiting, s" }
                            th.number scope="col" { "Both, %" }
                            th.number scope="col" { "|delta|" }
                            th.number scope="col" { "Cosine" }
                        } }
                        tbody {
                            @for (group, workers) in together { (row(group, workers, &number, &maybe)) }
                        }
                    }
                }
                p.hint { "Of the first worker, means over the finished runs: bytes that it sent; seconds of its exchanges, and those "
                    "that it waited for slower workers, with their share of the wall time; over syncs, the length of the workers\u{2019} "
                    "mean way since the last one, and the cosine between their ways: 1 where all went the same way." }
            }
        }
    }
}

fn row(
    group: &GroupSummary,
    workers: &WorkersSummary,
    number: &dyn Fn(f64) -> String,
    maybe: &dyn Fn(Option<f64>) -> String,
) -> Markup {
    html! {
        tr {
            th scope="row" { (group.label) }
            td.number { (workers.count) }
            td { (workers.algorithm.replace('_', " ")) }
            td.number { (number(workers.bytes_sent / f64::from(1 << 20))) }
            td.number { (number(workers.communicating)) }
            td.number { (number(workers.waiting)) }
            td.number { (number(100.0 * workers.share)) }
            td.number { (maybe(workers.delta)) }
            td.number { (maybe(workers.cosine)) }
        }
    }
}
