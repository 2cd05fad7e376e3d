//! Reports from made-up run folders: the numbers, the page, and what happens when files are odd or broken.

mod advice;
mod analysis;
mod choices;
mod claims;
mod families;
mod index;
mod language;
mod made;
mod markup;
mod pages;
mod panels;
mod paper_toml;
mod reach;
mod records;
#[path = "../support/seal.rs"]
mod seal;
mod synthetic;
mod translation;

use lookahead_report as report;
use lookahead_report::{NotJudged, ReportError, Summary, Verdict};
use lookahead_runs::files::{FileError, write_sealed};
use lookahead_runs::{Artifact, Measure, Run, RunResult};
use markup::assert_balanced;
use std::fs;
use synthetic::{EPOCHS, Output, id};

const SGD: usize = 0;
const LOOKAHEAD_SGD: usize = 1;

fn set_ends(output: &Output, optimizer: usize, ends: &[(f64, f64)]) {
    for (seed, &(accuracy, loss)) in ends.iter().enumerate() {
        output.edit_result(&id(optimizer, seed as u32), |result| {
            result.scores.set(Measure::ValidAccuracy, accuracy);
            result.scores.set(Measure::ValidLoss, loss);
        });
    }
}

fn assert_close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} instead of {expected}");
}

#[test]
fn summary_has_the_numbers_computed_by_hand() {
    let output = Output::with_seeds(3);
    set_ends(&output, SGD, &[(0.90, 0.40), (0.92, 0.30), (0.94, 0.35)]);
    set_ends(&output, LOOKAHEAD_SGD, &[(0.92, 0.39), (0.93, 0.28), (0.97, 0.32)]);
    let summary = report::write(&output.dir, "quickstart").unwrap();

    // 0.90, 0.92, 0.94: mean 0.92, deviations -0.02, 0, 0.02, variance 0.0008 / 2
    let accuracy = summary.groups[SGD].scores.get(Measure::ValidAccuracy).unwrap();
    assert_eq!(accuracy.n, 3);
    assert_close(accuracy.mean, 0.92);
    assert_close(accuracy.std.unwrap(), 0.02);
    assert_close(summary.groups[SGD].seconds.unwrap(), 0.31 * f64::from(EPOCHS) + 0.1);
    assert_eq!(summary.groups[SGD].comparison, None);

    // Accuracy: +0.02, +0.01, +0.03, mean 0.02, s = 0.01, t_{0.975, 2} = 4.302652730, half width 0.024841377
    let comparison = summary.groups[LOOKAHEAD_SGD].comparison.as_ref().unwrap();
    let accuracy = comparison.differences.get(Measure::ValidAccuracy).unwrap();
    assert_close(accuracy.mean, 0.02);
    assert_close(accuracy.std.unwrap(), 0.01);
    assert_close(accuracy.ci95.unwrap()[0], 0.02 - 0.024_841_377_118);
    assert_close(accuracy.ci95.unwrap()[1], 0.02 + 0.024_841_377_118);
    // Loss: -0.01, -0.02, -0.03
    assert_close(comparison.differences.get(Measure::ValidLoss).unwrap().mean, -0.02);
    // Not worse than -0.005: (0.02 + 0.005) / (0.01 / sqrt(3)) = 4.33, p = 0.049, twice that by Holm.
    assert_eq!(comparison.outcome.verdict, Some(Verdict::Undecided));

    let text = fs::read_to_string(output.dir.join("quickstart/summary.json")).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
}

#[test]
fn verdict_follows_both_intervals() {
    let baseline = [(0.90, 0.40), (0.92, 0.30), (0.94, 0.35)];
    let better = [(0.95, 0.30), (0.971, 0.201), (0.99, 0.251)];
    let equal = [(0.9001, 0.4001), (0.9199, 0.2999), (0.94, 0.35)];
    let worse_loss = [(0.95, 0.50), (0.971, 0.401), (0.99, 0.451)];
    for (lookahead, expected) in [(better, Verdict::Holds), (equal, Verdict::Holds), (worse_loss, Verdict::DoesNotHold)]
    {
        let output = Output::with_seeds(3);
        set_ends(&output, SGD, &baseline);
        set_ends(&output, LOOKAHEAD_SGD, &lookahead);
        let summary = report::write(&output.dir, "quickstart").unwrap();
        assert_eq!(summary.groups[LOOKAHEAD_SGD].comparison.as_ref().unwrap().outcome.verdict, Some(expected));
    }
}

#[test]
fn one_seed_gives_means_but_no_deviation_and_no_verdict() {
    let output = Output::with_seeds(1);
    let summary = report::write(&output.dir, "quickstart").unwrap();
    let group = &summary.groups[LOOKAHEAD_SGD];
    assert_eq!(group.scores.get(Measure::ValidAccuracy).unwrap().std, None);
    let comparison = group.comparison.as_ref().unwrap();
    assert_eq!(comparison.differences.get(Measure::ValidLoss).unwrap().ci95, None);
    assert_eq!(comparison.outcome.reason, Some(NotJudged::TooFewSeeds));
    assert!(output.page().contains("not judged: fewer than 3 seeds"));
    assert!(!output.page().contains("NaN"));
}

#[test]
fn table_fits_a_terminal_and_names_every_optimizer() {
    let output = Output::with_seeds(3);
    let table = report::write(&output.dir, "quickstart").unwrap().table();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(!table.contains('\u{1b}'));
    for text in ["SGD", "Lookahead(SGD)", "AdamW", "Lookahead(AdamW)", "Polyak(SGD)", "97.", "±", "undecided at"] {
        assert!(table.contains(text), "{text} is missing in\n{table}");
    }
}

#[test]
fn page_is_whole_and_loads_nothing() {
    let output = Output::with_seeds(3);
    report::write(&output.dir, "quickstart").unwrap();
    let page = output.page();
    assert_balanced(&page);
    for outside in ["http://", "https://", "src=", "@import", "url(//", "<link", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let command = "lookahead run quickstart --seeds 3";
    for text in [command, "stand in for CIFAR-10", "chosen among {0.03, 0.1, 0.3}", "0123abcd", "run-4-2", "±"] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 3);

    let picture = fs::read_to_string(output.dir.join("quickstart/curves.svg")).unwrap();
    assert_balanced(&picture);
    assert!(picture.starts_with("<svg xmlns="));
    assert!(!picture.contains("var(--"), "a picture that stands alone has fixed colours");
}

#[test]
fn pair_shares_its_hue_and_the_baseline_is_dashed() {
    let output = Output::with_seeds(3);
    report::write(&output.dir, "quickstart").unwrap();
    let picture = fs::read_to_string(output.dir.join("quickstart/curves.svg")).unwrap();
    let curves: Vec<&str> = picture.split("<g class=\"curve ").skip(1).take(5).collect();
    let hue = |curve: &str| curve.split('"').next().unwrap().to_owned();
    let hues: Vec<String> = curves.iter().map(|curve| hue(curve)).collect();
    assert_eq!(hues[0], hues[1]);
    assert_eq!(hues[2], hues[3]);
    assert!(hues[0] != hues[2] && hues[0] != hues[4] && hues[2] != hues[4]);
    let is_dashed: Vec<bool> = curves.iter().map(|curve| curve.contains("stroke-dasharray")).collect();
    assert_eq!(is_dashed, [true, false, true, false, true]);
}

#[test]
fn labels_cannot_inject_markup() {
    let output = Output::with_seeds(2);
    let evil = "<script>alert(\"1\")</script>' & co";
    output.edit_artifact(|artifact| {
        artifact.groups[2].label = evil.to_owned();
        artifact.groups[3].baseline = Some(evil.to_owned());
        artifact.title = evil.to_owned();
        artifact.groups[0].tuning = evil.to_owned();
    });
    output.write(&id(2, 0), "config.toml", "</code></pre><script>alert(1)</script>");
    report::write(&output.dir, "quickstart").unwrap();
    let page = output.page();
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert"));
    assert_balanced(&page);
    assert_balanced(&fs::read_to_string(output.dir.join("quickstart/curves.svg")).unwrap());
}

#[test]
fn broken_rows_are_errors_with_file_and_line() {
    let good = r#"{"epoch":3,"step":90,"learning_rate":0.1,"train_loss":0.5,"valid_loss":0.5,"valid_accuracy":0.9,"alpha":null,"seconds":1.0}"#;
    let cases = [
        ("not json".to_owned(), "expected ident"),
        (String::new(), "EOF"),
        (good.replace("\"epoch\":3,", ""), "missing field `epoch`"),
        (good.replace("\"valid_loss\":0.5,", ""), "missing field `valid_loss`"),
        (good.replace("\"step\":90", "\"step\":-1"), "invalid value"),
        (good.replace("\"valid_accuracy\":0.9", "\"valid_accuracy\":1.5"), "valid_accuracy = 1.5"),
        (good.replace("\"alpha\":null", "\"alpha\":0.0"), "alpha = 0"),
        (good[..40].to_owned(), "EOF"),
    ];
    for (row, reason) in cases {
        let output = Output::with_seeds(1);
        output.replace_row(&id(SGD, 0), 3, &row);
        let error = report::write(&output.dir, "quickstart").unwrap_err().to_string();
        assert!(error.contains("run-0-0/metrics.jsonl:3:"), "{error}");
        assert!(error.contains(reason), "{error}");
        // The others are reported all the same.
        let page = fs::read_to_string(output.dir.join("quickstart/report.html")).unwrap();
        assert!(page.contains("run-0-0/metrics.jsonl:3:") && page.contains("; remove "), "the page names the run");
        let summary: Summary =
            serde_json::from_slice(&fs::read(output.dir.join("quickstart/summary.json")).unwrap()).unwrap();
        assert_eq!((summary.unreadable.len(), summary.groups[SGD].n, summary.groups[LOOKAHEAD_SGD].n), (1, 0, 1));
    }
}

#[test]
fn what_an_unfinished_run_wrote_after_its_checkpoint_does_not_count() {
    let output = Output::with_seeds(1);
    output.unfinish(&id(SGD, 0));
    let path = output.run_file(&id(SGD, 0), "metrics.jsonl");
    let rows = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{rows}{}", &rows[..25])).unwrap();
    report::write(&output.dir, "quickstart").unwrap();
    let run = Run::read(path.parent().unwrap()).unwrap();
    assert_eq!(run.rows.last().unwrap().epoch, EPOCHS);
}

#[test]
fn evaluations_repeated_after_a_resume_replace_the_earlier_ones() {
    let output = Output::with_seeds(1);
    let path = output.run_file(&id(SGD, 0), "metrics.jsonl");
    let rows = fs::read_to_string(&path).unwrap();
    let resumed: Vec<&str> = rows.lines().take(15).chain(rows.lines().skip(10)).collect();
    output.write(&id(SGD, 0), "metrics.jsonl", &(resumed.join("\n") + "\n"));
    let epochs: Vec<u32> = Run::read(path.parent().unwrap()).unwrap().rows.iter().map(|row| row.epoch).collect();
    assert_eq!(epochs, (1..=EPOCHS).collect::<Vec<_>>());
}

#[test]
fn unfinished_runs_are_shown_and_count_in_no_number() {
    let output = Output::with_seeds(3);
    output.unfinish(&id(SGD, 1));
    fs::remove_dir_all(output.dir.join("runs").join(id(2, 2))).unwrap();
    output.edit_result(&id(2, 1), |result| result.status = "stopped".to_owned());
    let summary = report::write(&output.dir, "quickstart").unwrap();

    assert_eq!((summary.groups[SGD].n, summary.groups[SGD].scores.get(Measure::ValidAccuracy).unwrap().n), (2, 2));
    assert_eq!(summary.groups[SGD].unfinished, [id(SGD, 1)]);
    assert_eq!(summary.groups[2].unfinished, [id(2, 1), id(2, 2)]);
    let comparison = summary.groups[LOOKAHEAD_SGD].comparison.as_ref().unwrap();
    assert_eq!((comparison.pairs(), comparison.missing_pairs), (2, 1));
    let page = output.page();
    for state in ["unfinished, epoch 20", "unfinished (stopped)", "not started"] {
        assert!(page.contains(state), "{state}");
    }
    assert!(summary.table().contains("2 of 3"));
}

#[test]
fn values_that_are_not_finite_leave_a_gap_and_no_verdict() {
    let output = Output::with_seeds(3);
    let row = |epoch: u32, loss: &str| {
        format!(
            r#"{{"epoch":{epoch},"step":{},"learning_rate":0.1,"train_loss":{loss},"valid_loss":{loss},"valid_accuracy":0.1,"alpha":0.5,"seconds":1.0}}"#,
            epoch * 30
        )
    };
    for epoch in 8..=EPOCHS {
        output.replace_row(&id(LOOKAHEAD_SGD, 1), epoch as usize, &row(epoch, "null"));
    }
    output.edit_result(&id(LOOKAHEAD_SGD, 1), |result: &mut RunResult| {
        result.scores.set(Measure::ValidLoss, f64::NAN);
        result.non_finite = 7;
    });
    let summary = report::write(&output.dir, "quickstart").unwrap();
    let group = &summary.groups[LOOKAHEAD_SGD];
    assert_eq!(
        (group.n, group.diverged, group.non_finite, group.scores.get(Measure::ValidLoss).unwrap().n),
        (3, 1, 7, 2)
    );
    assert!(group.scores.get(Measure::ValidLoss).unwrap().mean.is_finite());
    let comparison = group.comparison.as_ref().unwrap();
    assert_eq!((comparison.missing_pairs, comparison.outcome.reason), (1, Some(NotJudged::MissingSeeds)));

    let page = output.page();
    assert!(page.contains("Validation loss: the curve of Lookahead(SGD) has a gap"));
    assert!(page.contains("(evaluations: 13)"));
    for text in [page, fs::read_to_string(output.dir.join("quickstart/curves.svg")).unwrap()] {
        assert!(!text.contains("NaN") && !text.contains(">inf"));
        assert_balanced(&text);
    }
}

#[test]
fn extreme_losses_still_give_a_picture() {
    for losses in [["1e300", "1e-300", "1"], ["0.0", "1e308", "5"], ["-1e308", "1e308", "0"], ["0.3", "0.3", "0.3"]] {
        let output = Output::with_seeds(1);
        for optimizer in 0..5 {
            let rows = (1..=3).zip(losses).map(|(epoch, loss)| {
                format!(
                    "{{\"epoch\":{epoch},\"step\":{epoch},\"learning_rate\":0.1,\"train_loss\":{loss},\"valid_loss\":{loss},\
                     \"valid_accuracy\":1.0,\"alpha\":null,\"seconds\":1}}\n"
                )
            });
            output.write(&id(optimizer, 0), "metrics.jsonl", &rows.collect::<String>());
        }
        report::write(&output.dir, "quickstart").unwrap();
        let picture = fs::read_to_string(output.dir.join("quickstart/curves.svg")).unwrap();
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{losses:?}");
    }
}

#[test]
fn evaluations_within_an_epoch_are_drawn_against_steps() {
    let output = Output::with_seeds(1);
    let path = output.run_file(&id(SGD, 0), "metrics.jsonl");
    let rows = fs::read_to_string(&path).unwrap().replace("\"epoch\":2,", "\"epoch\":1,");
    output.write(&id(SGD, 0), "metrics.jsonl", &rows);
    report::write(&output.dir, "quickstart").unwrap();
    assert!(output.page().contains("Validation loss against steps."));
}

#[test]
fn an_artifact_before_its_first_run_has_a_page() {
    let output = Output::with_seeds(2);
    fs::remove_dir_all(output.dir.join("runs")).unwrap();
    let summary = report::write(&output.dir, "quickstart").unwrap();
    assert!(summary.groups.iter().all(|group| group.n == 0 && group.scores.get(Measure::ValidAccuracy).is_none()));
    assert!(summary.table().contains("0 of 2"));
    assert_balanced(&output.page());
}

#[test]
fn a_single_run_has_a_page_of_its_own() {
    let output = Output::with_seeds(1);
    let run_dir = output.dir.join("runs").join(id(LOOKAHEAD_SGD, 0));
    let path = report::write_for_run(&run_dir).unwrap();
    let page = fs::read_to_string(path).unwrap();
    assert_balanced(&page);
    assert!(page.contains("run-1-0") && page.contains("lookahead run quickstart --seeds 3"));
    assert!(!page.contains("is at least as good as"));
    assert!(run_dir.join("curves.svg").exists() && run_dir.join("curves.csv").exists());

    let error = report::write_for_run(&output.dir.join("nowhere")).unwrap_err();
    assert!(matches!(error, ReportError::NotARunFolder { .. }), "{error}");
}

#[test]
fn a_broken_artifact_is_a_clear_error() {
    let output = Output::with_seeds(1);
    output.edit_artifact(|artifact| artifact.groups[1].baseline = Some("SDG".to_owned()));
    let error = report::write(&output.dir, "quickstart").unwrap_err().to_string();
    assert!(error.contains("artifact.json") && error.contains("\"SDG\"") && error.contains("AdamW"), "{error}");

    output.edit_artifact(|artifact| artifact.groups[1].label = "SGD".to_owned());
    let error = report::write(&output.dir, "quickstart").unwrap_err();
    assert!(matches!(error, ReportError::File(FileError::RepeatedLabel { .. })), "{error}");

    let file = output.dir.join("quickstart/artifact.json");
    write_sealed(&file, &serde_json::json!({ "artifact": 3 })).unwrap();
    let error = report::write(&output.dir, "quickstart").unwrap_err().to_string();
    assert!(error.contains("artifact.json:2:"), "{error}");

    let error = report::write(&output.dir, "no-such-artifact").unwrap_err();
    assert!(matches!(error, ReportError::File(FileError::Read { .. })), "{error}");
}

#[test]
fn any_flipped_bit_of_an_artifact_is_found() {
    let output = Output::with_seeds(1);
    let file = output.dir.join("quickstart/artifact.json");
    let whole = fs::read(&file).unwrap();
    for bit in (0..8 * whole.len()).step_by(37) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, flipped).unwrap();
        assert!(Artifact::read(&file).is_err(), "bit {bit}");
    }
    fs::write(&file, &whole).unwrap();
    Artifact::read(&file).unwrap();
}

#[test]
fn a_report_leaves_no_temporary_files_and_the_runs_untouched() {
    let output = Output::with_seeds(1);
    let before = fs::read(output.run_file(&id(SGD, 0), "metrics.jsonl")).unwrap();
    report::write(&output.dir, "quickstart").unwrap();
    report::write(&output.dir, "quickstart").unwrap();
    let mut names: Vec<String> = fs::read_dir(output.dir.join("quickstart"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["artifact.json", "curves.csv", "curves.svg", "report.html", "summary.json"]);
    assert_eq!(fs::read(output.run_file(&id(SGD, 0), "metrics.jsonl")).unwrap(), before);
}
