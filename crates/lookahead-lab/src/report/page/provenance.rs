//! The second part of the page: command, tuning effort, deviations, cost, environment, and every run with its config.

use maud::{Markup, html};

use super::{
    super::{
        Run, Study, Summary,
        format::{self, Quantity},
    },
    print,
};

/// Command, tuning, notes and environment.
pub(super) fn how_it_was_run(study: &Study, summary: &Summary) -> Markup {
    let is_tuned = summary.groups.iter().any(|group| !group.tuning.is_empty());
    html! {
        section {
            h2 { "How it was run" }
            @if !summary.command.is_empty() { pre { code { (summary.command) } } }
            @if is_tuned {
                h3 { "Tuning effort" }
                dl {
                    @for group in &summary.groups { dt { (in_panel(&group.panel, &group.label)) } dd { (group.tuning) } }
                }
            }
            @if !study.artifact.notes.is_empty() {
                h3 { "Deviations and notes" }
                ul { @for note in &study.artifact.notes { li { (note) } } }
            }
            @if !study.artifact.paper.notes.is_empty() {
                h3 { "What the paper leaves open" }
                ul { @for note in &study.artifact.paper.notes { li { (note) } } }
            }
            @let facts = facts(study, summary);
            @if !facts.is_empty() {
                h3 { "What it took" }
                dl { @for (name, fact) in facts { dt { (name) } dd { (fact) } } }
            }
            @if !summary.environment.is_empty() {
                h3 { "Environment" }
                dl {
                    @for (key, values) in summary.environment.iter().filter(|(key, _)| *key != "command") {
                        dt { (key) }
                        dd { @for (index, value) in values.iter().enumerate() { @if index > 0 { br; } (value) } }
                    }
                }
            }
        }
    }
}

/// The data as the runs describe it, time, memory, and what was left out.
fn facts(study: &Study, summary: &Summary) -> Vec<(&'static str, String)> {
    let (planned, finished) =
        study.all_runs().fold((0, 0), |(all, done), run| (all + 1, done + u32::from(run.finished().is_some())));
    let skipped: u64 = study.all_runs().filter_map(Run::finished).map(|end| end.skipped).sum();
    let mut facts = Vec::new();
    facts.extend(summary.data_read.iter().map(|text| ("data read", text.clone())));
    facts.push(("runs finished", format::finished(finished, planned)));
    if finished > 0 {
        facts.push(("time of all runs", format::duration(summary.seconds)));
        facts.push(("examples skipped", skipped.to_string()));
    }
    facts.extend(summary.peak_memory.map(|bytes| ("peak memory", format::mebibytes(bytes))));
    facts
}

/// A group's label, before it the panel where there are several.
fn in_panel(panel: &str, label: &str) -> String {
    if panel.is_empty() { label.to_owned() } else { format!("{panel}: {label}") }
}

/// All runs, and one complete config per optimizer.
pub(super) fn runs(study: &Study) -> Markup {
    html! {
        section {
            h2 { "Runs" }
            div.wide tabindex="0" role="region" aria-label="Runs" {
                table {
                    thead { tr {
                        th scope="col" { "Optimizer" }
                        th scope="col" { "Run" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Steps" }
                        th.number scope="col" { "Accuracy, %" }
                        th.number scope="col" { "Loss" }
                        th.number scope="col" { "Time, s" }
                    } }
                    tbody {
                        @for (group, runs) in study.groups() {
                            @for run in runs { (row(&in_panel(&group.panel, &group.label), run)) }
                        }
                    }
                }
            }
            @for (group, runs) in study.groups() {
                @if let Some((run, config)) = runs.iter().find_map(|run| Some((run, run.config.as_ref()?))) {
                    details {
                        summary { "Config of " (in_panel(&group.panel, &group.label)) ", run " code { (run.id) } }
                        pre { code { (config) } }
                    }
                }
            }
        }
    }
}

/// A run with its last values: those of its end, or those of its last evaluation so far.
fn row(label: &str, run: &Run) -> Markup {
    let last = run.rows.last();
    let (steps, accuracy, loss, seconds) = match (run.finished(), last) {
        (Some(end), _) => (Some(end.steps), end.valid_accuracy, end.valid_loss, Some(end.seconds)),
        (None, Some(row)) => (Some(row.step), row.valid_accuracy, row.valid_loss, Some(row.seconds)),
        (None, None) => (None, None, None, None),
    };
    let value = |quantity: Quantity, value: Option<f64>| match value {
        Some(value) => quantity.value(value),
        None if last.is_some() => "not finite".to_owned(),
        None => format::MISSING.to_owned(),
    };
    html! {
        tr {
            th scope="row" { (label) }
            td { code { (run.id) } }
            td { (state(run)) }
            td.number { (steps.map_or(format::MISSING.to_owned(), |steps| steps.to_string())) }
            td.number { (print(&value(Quantity::Accuracy, accuracy))) }
            td.number { (print(&value(Quantity::Loss, loss))) }
            td.number { (print(&format::seconds(seconds))) }
        }
    }
}

fn state(run: &Run) -> String {
    match (&run.result, run.rows.last()) {
        (Some(result), _) if result.status == "done" => "finished".to_owned(),
        (Some(result), _) => format!("unfinished ({})", result.status),
        (None, Some(row)) => format!("unfinished, epoch {}", row.epoch),
        (None, None) => "not started".to_owned(),
    }
}
