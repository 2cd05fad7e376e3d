//! Studies of translations: losses against steps, BLEU at the end, and sample sentences.

use std::fs;

use lookahead_report as report;
use lookahead_report::{NotJudged, ReportError, Subject, Verdict};
use lookahead_runs::files::Manifest;
use lookahead_runs::{Measure, Run, write_result};

use super::made::{Made, grid, group};
use super::{assert_balanced, assert_close};

const PAPER: &str = r#"
source = "Table 4"
steps = 50000
[[value]]
group = "Adam"
measure = "test_bleu"
mean = 24.6
data = "newstest2014"
[[claim]]
says = "Faster at first."
group = "Lookahead"
baseline = "Adam"
measure = "train_loss"
step = 20000
expect = "lower"
[[claim]]
says = "Alike in the end."
group = "Lookahead"
baseline = "Adam"
measure = "test_bleu"
expect = "similar"
margin = 0.6
[[claim]]
says = "Very much alike."
group = "Lookahead"
baseline = "Adam"
measure = "valid_bleu"
expect = "similar"
margin = 0.1
"#;

/// Three seeds each; Lookahead's BLEU is higher by 0.4, 0.5 and 0.45 on the validation set, by 0.2 on the test set.
fn made(paper: &str) -> Made {
    let made = Made::new(paper, vec![group("", "Adam", None, 3), group("", "Lookahead", Some("Adam"), 3)]);
    for (seed, gain) in [0.4, 0.5, 0.45].into_iter().enumerate() {
        let luck = 0.1 * seed as f64;
        for (label, faster, gain, test_gain) in
            [("Adam", 0.0, 0.0, 0.0), ("Lookahead", 0.5 + 0.01 * luck, gain, 0.2 + 0.01 * luck)]
        {
            let id = format!("{label}-{seed}");
            // Its validation loss ends 0.001 times the seed higher.
            let end = 2.5 + luck + if gain > 0.0 { 0.01 * luck } else { 0.0 };
            let losses = [(5.0 - faster, 5.0), (4.0 - faster, 4.0), (3.0, 3.0 + luck), (2.0, end), (2.0, end)];
            made.run_of_words(&id, &losses, Some(2.6 + luck));
            made.edit_result(&id, |result| {
                result.scores.set(Measure::ValidBleu, 20.0 + luck + gain);
                result.scores.set(Measure::TestBleu, 21.0 + luck + test_gain);
            });
        }
    }
    made
}

/// A line of a run's translations.
fn line(source: &str, reference: &str, translation: &str) -> String {
    serde_json::json!({ "source": source, "reference": reference, "translation": translation }).to_string() + "\n"
}

fn translate(made: &Made, id: &str, file: &str, text: &str) {
    made.write(id, file, text.as_bytes());
}

#[test]
fn bleu_stands_beside_losses_over_steps() {
    let made = made("");
    let summary = made.report();
    assert_eq!(summary.subject, Subject::Translation);
    let adam = &summary.groups[0];
    // 20.0, 20.1, 20.2
    assert_close(adam.scores.get(Measure::ValidBleu).unwrap().mean, 20.1);
    assert_close(adam.scores.get(Measure::ValidBleu).unwrap().std.unwrap(), 0.1);
    assert_close(adam.scores.get(Measure::TestBleu).unwrap().mean, 21.1);
    assert_close(adam.scores.get(Measure::TestLoss).unwrap().mean, 2.7);
    assert_eq!(adam.scores.get(Measure::ValidPerplexity), None);

    let page = made.file("report.html");
    assert_balanced(&page);
    for text in
        ["Validation BLEU", "20.10 ± 0.10", "21.10 ± 0.10", "Test loss", "Training loss against steps.", "step 50"]
    {
        assert!(page.contains(text), "{text}");
    }
    for text in ["ccuracy", "erplexity", "NaN", "Sample translations"] {
        assert!(!page.contains(text), "{text}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 2);

    let table = summary.table();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    for text in ["validation BLEU", "test BLEU", "20.10 ± 0.10", "+0.45 [", "holds"] {
        assert!(table.contains(text), "{text} is missing in\n{table}");
    }
}

#[test]
fn a_group_is_as_good_if_both_bleu_and_loss_are() {
    let made = made("");
    let comparison = made.report().groups[1].comparison.clone().unwrap();
    // 0.4, 0.5, 0.45: mean 0.45, s = 0.05, half width t_{0.975, 2} s / sqrt(3) = 0.124206886
    let bleu = comparison.differences.get(Measure::ValidBleu).unwrap();
    assert_close(bleu.mean, 0.45);
    assert_close(bleu.ci95.unwrap()[0], 0.45 - 0.124_206_885_59);
    let verdicts: Vec<_> = comparison.judgements.iter().map(|judged| judged.judgement.outcome.verdict).collect();
    assert_eq!((verdicts, comparison.outcome.verdict), (vec![Some(Verdict::Holds); 2], Some(Verdict::Holds)));
    let page = made.file("report.html");
    for text in
        ["Validation BLEU: +0.45 [", "validation loss: +0.0010 [", "A family of 2 comparisons, corrected by Holm"]
    {
        assert!(page.contains(text), "{text}");
    }

    for seed in 0..3 {
        made.edit_result(&format!("Lookahead-{seed}"), |result| {
            let loss = result.scores.get(Measure::ValidLoss).unwrap();
            result.scores.set(Measure::ValidLoss, loss + 1.0);
        });
    }
    let comparison = made.report().groups[1].comparison.clone().unwrap();
    let verdicts: Vec<_> = comparison.judgements.iter().map(|judged| judged.judgement.outcome.verdict).collect();
    assert_eq!(verdicts, [Some(Verdict::Holds), Some(Verdict::DoesNotHold)]);
    assert_eq!(comparison.outcome.verdict, Some(Verdict::DoesNotHold));

    made.edit_result("Adam-1", |result| result.scores.set(Measure::ValidBleu, f64::NAN));
    let comparison = made.report().groups[1].comparison.clone().unwrap();
    assert_eq!((comparison.missing_pairs, comparison.outcome.reason), (1, Some(NotJudged::MissingSeeds)));
}

#[test]
fn claims_may_count_steps_and_say_that_two_are_alike() {
    let made = made(PAPER);
    let summary = made.report();
    // 20,000 of 50,000 steps are 2 of 5 epochs.
    assert_eq!(summary.claims[0].epoch, Some(2));
    let verdicts: Vec<_> = summary.claims.iter().map(|claim| claim.outcome.verdict.unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Holds, Verdict::Holds, Verdict::DoesNotHold]);
    assert_close(summary.groups[0].paper[0].ours.unwrap().mean, 21.1);
    let page = made.file("report.html");
    for text in ["after epoch 2 (for the paper’s step 20000)", "Test BLEU, less than 0.6 apart", "newstest2014"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn before_its_end_the_model_tells_that_it_translates() {
    let made = made("");
    for seed in 0..3 {
        for label in ["Adam", "Lookahead"] {
            let id = format!("{label}-{seed}");
            made.unfinish(&id);
            let config = "epochs = 5\n[model]\nname = \"transformer\"\n";
            made.write(&id, "config.toml", config.as_bytes());
        }
    }
    assert_eq!(made.report().subject, Subject::Translation);
    let page = made.file("report.html");
    assert!(page.contains("Training loss against steps.") && !page.contains("not finite"));
}

#[test]
fn the_lowest_validation_loss_chooses_among_translations_too() {
    let made = Made::new("", vec![grid("Adam", &["fluent", "sure"])]);
    for (point, loss, bleu) in [("fluent", 3.0, 30.0), ("sure", 2.0, 20.0)] {
        for seed in 0..2 {
            let id = format!("{point}-{seed}");
            made.run_of_words(&id, &[(loss, loss)], None);
            made.edit_result(&id, |result| result.scores.set(Measure::ValidBleu, bleu));
        }
    }
    let summary = made.report();
    assert_eq!(summary.groups[0].chosen().unwrap().label, "sure");
    assert_close(summary.groups[0].points[0].scores.get(Measure::ValidBleu).unwrap().mean, 30.0);
}

#[test]
fn sample_translations_stand_under_each_other() {
    let made = made("");
    let lines = |name: &str| -> String {
        (0..9).map(|n| line(&format!("source {n}"), &format!("reference {n}"), &format!("{name} {n}"))).collect()
    };
    translate(&made, "Adam-0", "translations-test.jsonl", &lines("adam"));
    translate(&made, "Adam-1", "translations-test.jsonl", &lines("another seed"));
    translate(&made, "Adam-0", "translations-valid.jsonl", &lines("valid"));
    // Of another group, in another order, and one sentence missing.
    let other = line("source 1", "reference 1", "look 1") + &line("source 0", "reference 0", "<b>look</b> & 0");
    translate(&made, "Lookahead-0", "translations-test.jsonl", &other);
    made.report();
    let page = made.file("report.html");
    assert_balanced(&page);
    let section = page.split("Sample translations</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(section.matches("class=\"sample\"").count(), 6);
    for text in
        ["first sentences of the test set", "source 5", "reference 5", "adam 5", "&lt;b&gt;look&lt;/b&gt; &amp; 0"]
    {
        assert!(section.contains(text), "{text}");
    }
    for text in ["source 6", "another seed", "valid 0", "<b>"] {
        assert!(!section.contains(text), "{text}");
    }
    let first = section.split("class=\"sample\"").nth(1).unwrap();
    let places = ["source 0", "reference 0", "adam 0", "look"].map(|text| first.find(text).unwrap());
    assert!(places.is_sorted(), "{places:?}");
    assert!(!made.file("summary.json").contains("adam 0"));
}

#[test]
fn without_a_test_set_the_validation_set_is_shown() {
    let made = made("");
    translate(&made, "Lookahead-0", "translations-valid.jsonl", &line("eins", "one", "won"));
    made.report();
    let page = made.file("report.html");
    assert!(page.contains("first sentences of the validation set") && page.contains(">won<"));
    // A single run shows its own.
    let page = fs::read_to_string(report::write_for_run(&made.dir.join("runs/Lookahead-0")).unwrap()).unwrap();
    assert!(page.contains(">won<"));
}

#[test]
fn broken_translations_are_errors_with_their_line() {
    let made = made("");
    let path = "translations-test.jsonl";
    for (text, expected) in [
        (line("a", "b", "c") + "{\"source\": 3}\n", "translations-test.jsonl:2:"),
        ("{\"source\": \"a\", \"reference\": \"b\"}\n".to_owned(), "missing field `translation`"),
    ] {
        translate(&made, "Adam-0", path, &text);
        let error = report::write(&made.dir, "made").unwrap_err();
        assert!(matches!(error, ReportError::UnreadableRuns { .. }) && error.to_string().contains(expected), "{error}");
    }
    // Not UTF-8.
    made.write("Adam-0", path, b"{\"source\": \"\xff\"}\n");
    assert!(report::write(&made.dir, "made").unwrap_err().to_string().contains("translations-test.jsonl:1:"));
    translate(&made, "Adam-0", path, &line("a", "b", "c"));
    made.report();
    assert_eq!(made.file("report.html").matches("class=\"sample\"").count(), 1);
    translate(&made, "Adam-0", path, "");
    made.report();
    assert!(!made.file("report.html").contains("Sample translations"));
}

#[test]
fn bleu_out_of_range_is_an_error() {
    let made = made("");
    let folder = made.dir.join("runs/Adam-0");
    let mut result = Run::read(&folder).unwrap().result.unwrap();
    result.scores.set(Measure::TestBleu, 100.5);
    let error = write_result(&folder, "Adam-0", &result, &Manifest::default()).unwrap_err().to_string();
    assert!(
        error.contains("result.json") && error.contains("test_bleu = 100.5") && error.contains("0 to 100"),
        "{error}"
    );
}

#[test]
fn tensorboard_has_bleu_at_the_end() {
    let made = made("");
    let folder = report::write_tensorboard(&made.dir, "made").unwrap();
    let bytes = fs::read(folder.join("Adam-Adam-0").join("events.out.tfevents.0000000000.lookahead")).unwrap();
    let count = |tag: &str| bytes.windows(tag.len()).filter(|window| *window == tag.as_bytes()).count();
    assert_eq!((count("train/loss"), count("valid/bleu"), count("test/bleu"), count("perplexity")), (5, 1, 1, 0));
}

#[test]
fn the_index_shows_a_study_of_translations() {
    let made = made(PAPER);
    made.report();
    let page = fs::read_to_string(report::write_index(&made.dir).unwrap()).unwrap();
    assert!(page.contains("2 hold") && page.contains("1 does not hold") && page.contains("data:image/svg+xml,"));
    assert!(page.contains("Training%20loss"));
}
