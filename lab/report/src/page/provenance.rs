//! The second part of the page: command, tuning effort, deviations, cost, environment, and every run with its config.

use maud::{Markup, html};

use super::{
    super::{LeftOut, Measure, Run, Study, Subject, Summary, as_given, format},
    links, notes, print,
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
                (notes(&study.artifact.notes))
            }
            @if !study.artifact.paper.notes.is_empty() {
                h3 { "What the paper leaves open" }
                (notes(&study.artifact.paper.notes))
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
        let left_out: LeftOut = study.all_runs().filter_map(Run::finished).map(|end| end.left_out).sum();
        facts.extend(left_out.in_words(0).map(|(what, count)| (what, count.to_string())));
    }
    let waits = study.all_runs().filter_map(Run::finished).filter_map(|end| end.data_wait);
    let most = waits.reduce(f64::max).map(|share| format!("{:.1} % of the time of steps, at most", 100.0 * share));
    facts.extend(most.map(|most| ("the host waiting for data", most)));
    facts.extend(summary.peak_memory.map(|bytes| ("peak memory", format::mebibytes(bytes))));
    facts
}

/// A group's label, before it the panel where there are several.
pub(super) fn in_panel(panel: &str, label: &str) -> String {
    if panel.is_empty() { label.to_owned() } else { format!("{panel}: {label}") }
}

/// All runs, and one complete config per optimizer.
pub(super) fn runs(study: &Study) -> Markup {
    let subject = study.subject();
    let has_kept = study.groups().flat_map(|(_, runs)| runs).any(|run| !kept_epochs(run).is_empty());
    html! {
        section {
            h2 { "Runs" }
            div.wide tabindex="0" role="region" aria-label="Runs" {
                table {
                    thead { tr {
                        th scope="col" { "Optimizer" }
                        th scope="col" { "Run" }
                        th.number scope="col" { "Seed" }
                        th.number scope="col" { "Learning rate" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Steps" }
                        @if has_kept { th.number scope="col" { "Weights of epoch" } }
                        th.number scope="col" { (score_name(subject)) (subject.score().unit()) }
                        th.number scope="col" { "Loss" }
                        th.number scope="col" { "Time, s" }
                    } }
                    tbody {
                        @for (group, runs) in study.groups() {
                            @for run in runs { (row(&in_panel(&group.panel, &group.label), run, study, has_kept)) }
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
fn row(label: &str, run: &Run, study: &Study, has_kept: bool) -> Markup {
    let subject = study.subject();
    let last = run.rows.last();
    let now = |measure: Measure| match (run.finished(), last) {
        (Some(_), _) => measure.at_end(run),
        (None, row) => measure.of(&row?.scores),
    };
    let (steps, seconds) = match (run.finished(), last) {
        (Some(end), _) => (Some(end.steps), Some(end.seconds)),
        (None, row) => (row.map(|row| row.step), row.map(|row| row.seconds)),
    };
    let value = |measure: Measure| match now(measure) {
        Some(value) => measure.quantity().value(value),
        // BLEU is not measured before the end.
        None if last.is_some() && measure != Measure::ValidBleu => "not finite".to_owned(),
        None => format::MISSING.to_owned(),
    };
    html! {
        tr {
            th scope="row" { (label) }
            td { (links::to_run(run, study)) }
            td.number { (run.seed().map_or(format::MISSING.to_owned(), |seed| seed.to_string())) }
            td.number { (run.learning_rate().map_or(format::MISSING.to_owned(), as_given)) }
            td { (state(run)) }
            td.number { (steps.map_or(format::MISSING.to_owned(), |steps| steps.to_string())) }
            @if has_kept { td.number { (kept(run)) } }
            td.number { (print(&value(subject.score()))) }
            td.number { (print(&value(Measure::ValidLoss))) }
            td.number { (print(&format::seconds(seconds))) }
        }
    }
}

/// The score of a run in a narrow column.
fn score_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Classification => "Accuracy",
        Subject::Language => "Perplexity",
        Subject::Translation => "BLEU",
    }
}

fn kept_epochs(run: &Run) -> &[u32] {
    run.finished().map_or(&[], |end| &end.kept_epochs)
}

/// The epoch of the weights that were evaluated at the end, or the several that were averaged.
fn kept(run: &Run) -> String {
    match (kept_epochs(run), run.finished()) {
        ([], Some(end)) => end.epochs.to_string(),
        ([], None) => format::MISSING.to_owned(),
        ([epoch], _) => epoch.to_string(),
        (epochs, _) => format!("mean of {}", epochs.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn state(run: &Run) -> String {
    match (&run.result, run.rows.last()) {
        (Some(result), _) if result.status == "done" => "finished".to_owned(),
        (Some(result), _) => format!("unfinished ({})", result.status),
        (None, Some(row)) => format!("unfinished, epoch {}", row.epoch),
        (None, None) if run.config.is_some() => "unfinished, not evaluated yet".to_owned(),
        (None, None) => "not started".to_owned(),
    }
}
