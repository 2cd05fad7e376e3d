//! The accuracy after every update (Fig. 10) in the report.

use std::fs;

use lookahead_report as report;
use lookahead_report::{NotJudged, Verdict};
use lookahead_runs::{Measure, Scores, TraceKind, TraceRow};

use super::made::{Output, assert_balanced};

/// The lines of a trace: the accuracy at the start, then for each cycle those of its inner steps and of the sync.
fn trace(start: f64, cycles: &[(&[f64], f64)]) -> String {
    let mut text = String::new();
    let mut add = |update: u32, kind: TraceKind, accuracy: f64| {
        let scores = Scores::from([(Measure::ValidLoss, 1.0 - accuracy), (Measure::ValidAccuracy, accuracy)]);
        let row = TraceRow { update, step: 100 + u64::from(update), kind, scores };
        text += &(serde_json::to_string(&row).unwrap() + "\n");
    };
    add(0, TraceKind::Start, start);
    let mut update = 0;
    for (inner, outer) in cycles {
        for &accuracy in *inner {
            update += 1;
            add(update, TraceKind::Inner, accuracy);
        }
        add(update, TraceKind::Outer, *outer);
    }
    text
}

/// Two cycles: over the inner loops -0.04 and -0.02, at the interpolations +0.06 and +0.03.
fn two_cycles() -> String {
    trace(0.50, &[(&[0.48, 0.46], 0.52), (&[0.51, 0.50], 0.53)])
}

/// What the paper says of Fig. 10.
const PAPER: &str = r#"{"claim": [
    {"says": "It falls.", "groups": ["Lookahead"], "measure": "inner_loop_change", "expect": "lower"},
    {"says": "It rises.", "groups": ["Lookahead"], "measure": "sync_change", "expect": "higher"}]}"#;

#[test]
fn changes_are_those_computed_by_hand() {
    let output = Output::with_paper("trace", 3, PAPER);
    output.write(0, "trace.jsonl", &two_cycles());
    output.write(1, "trace.jsonl", &trace(0.50, &[(&[0.48, 0.48], 0.53)]));
    output.write(2, "trace.jsonl", &trace(0.50, &[(&[0.48, 0.49], 0.53)]));
    let summary = report::write(output.dir.path(), "figure").unwrap();
    // By run -0.03, -0.02, -0.01: mean -0.02, s = 0.01, half width t_{0.975,2} s / sqrt(3) = 0.024841; however many cycles.
    let [falls, rises] = &summary.claims[..] else { panic!("{:?}", summary.claims) };
    let difference = falls.comparisons[0].difference.unwrap();
    assert!(difference.n == 3 && (difference.mean + 0.02).abs() < 1e-12, "{difference:?}");
    assert!((difference.ci95.unwrap()[1] - 0.004_841_377).abs() < 1e-9, "{difference:?}");
    assert_eq!(falls.outcome.verdict, Some(Verdict::Undecided));
    // +0.045, +0.05, +0.04
    assert_eq!(rises.outcome.verdict, Some(Verdict::Holds));
    let page = output.read("report.html");
    for text in
        ["−2.00 [−4.48, +0.48]", "+4.50 [+3.26, +5.74]", "undecided at n = 3", "−3.00", "−2.00 ± 1.00", "seed 1"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!((page.matches("It falls.").count(), page.matches("badge holds").count()), (1, 1), "judged once");
    assert_balanced(&page);
    let picture = output.read("figure.svg");
    assert_balanced(&picture);
    assert!(!picture.contains("var(--"), "a picture that stands alone has fixed colours");
    // Four inner steps and two of each other run; three samples in the legend.
    assert_eq!(picture.matches("<circle").count(), 8 + 3);
    assert!(picture.contains("It begins at 50.00 % after update 0, ends at 53.00 % after update 4"));
}

#[test]
fn many_cycles_of_one_run_are_one_value() {
    let cycle: (&[f64], f64) = (&[0.70, 0.60], 0.75);
    let other: (&[f64], f64) = (&[0.69, 0.62], 0.76);
    let output = Output::with_paper("trace", 2, PAPER);
    output.write(0, "trace.jsonl", &trace(0.75, &[cycle, other, cycle, other]));
    output.write(1, "trace.jsonl", &trace(0.75, &[cycle, cycle, other]));
    let summary = report::write(output.dir.path(), "figure").unwrap();
    for claim in &summary.claims {
        assert_eq!((claim.outcome.reason, claim.pairs()), (Some(NotJudged::TooFewSeeds), 2));
    }
    assert!(!output.read("report.html").contains("badge holds"));
}

#[test]
fn a_cycle_that_the_trace_begins_or_ends_within_does_not_count() {
    let output = Output::new("trace", 1);
    let begun = trace(0.90, &[(&[0.10], 0.50), (&[0.48, 0.46], 0.52), (&[0.51, 0.50], 0.53)]);
    let cut_off = r#"{"update": 6, "step": 106, "kind": "inner", "valid_loss": null, "valid_accuracy": 0.2}"#;
    output.write(0, "trace.jsonl", &format!("{begun}{cut_off}\n"));
    report::write(output.dir.path(), "figure").unwrap();
    assert!(output.read("report.html").contains("<td class=\"number\">2</td><td class=\"number\">−3.00</td>"));
    assert!(output.read("report.html").contains("loss not finite"));
    assert_eq!(output.read("trace.csv").lines().last(), Some("run-0,6.0,106.0,inner,,0.2"));
}

#[test]
fn a_resumed_run_repeats_lines_and_the_later_ones_count() {
    let output = Output::new("trace", 1);
    let lines = two_cycles();
    let again: String = lines.lines().skip(2).map(|line| line.to_owned() + "\n").collect();
    output.write(0, "trace.jsonl", &(lines.replace("0.46", "0.11") + &again));
    report::write(output.dir.path(), "figure").unwrap();
    let csv = output.read("trace.csv");
    assert_eq!(csv.lines().count(), 1 + 7);
    assert!(
        csv.starts_with("run,update,step,kind,valid_loss,valid_accuracy\nrun-0,0.0,100.0,start,0.5,0.5\n"),
        "{csv}"
    );
    assert!(csv.contains("run-0,2.0,102.0,inner,0.54,0.46\n"), "{csv}");
}

#[test]
fn odd_lines_are_named() {
    let good = two_cycles();
    let lines: Vec<&str> = good.lines().collect();
    let cases = [
        (1, lines[1].to_owned(), "1:1: update 1 of kind \"inner\" comes first"),
        (2, lines[1].replace("inner", "middle"), ":2:"),
        (3, lines[2].replace("0.46", "1.46"), ":3: valid_accuracy = 1.46 is out of range"),
        (4, lines[3].replace("\"update\":2", "\"update\":3"), ":4:1: update 3 of kind \"outer\" comes after update 2"),
        (5, lines[4].replace("\"valid_loss\":0.49,", ""), ":5:"),
    ];
    for (number, line, reason) in cases {
        let output = Output::new("trace", 1);
        let mut changed = lines.clone();
        changed[number - 1] = &line;
        let file = output.write(0, "trace.jsonl", &(changed.join("\n") + "\n"));
        let error = report::write(output.dir.path(), "figure").unwrap_err().to_string();
        assert!(error.starts_with(&file.display().to_string()) && error.contains(reason), "{error}");
    }
}

#[test]
fn a_single_run_shows_its_trace_and_other_artifacts_do_not() {
    let output = Output::new("curves", 1);
    let trace = output.write(0, "trace.jsonl", &two_cycles());
    report::write(output.dir.path(), "figure").unwrap();
    assert!(!output.read("report.html").contains("data-spots"));
    let page = report::write_for_run(trace.parent().unwrap()).unwrap();
    assert!(fs::read_to_string(page).unwrap().contains("data-spots"));
}

#[test]
fn before_the_first_update_there_is_nothing_to_draw() {
    let output = Output::new("trace", 2);
    output.write(0, "trace.jsonl", &trace(0.5, &[]));
    report::write(output.dir.path(), "figure").unwrap();
    assert!(!output.read("report.html").contains("data-spots"));
    assert!(!output.folder().join("figure.svg").exists());
}
