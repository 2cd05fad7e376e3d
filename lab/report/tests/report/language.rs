//! Studies of language models: perplexities in place of accuracies.

use lookahead_report as report;
use lookahead_report::{NotJudged, Subject, Verdict};
use lookahead_runs::{Measure, MetricsRow};

use super::made::{Made, grid, group, losses_of, row};
use super::{assert_balanced, assert_close};

const PAPER: &str = r#"
source = "Table 3"
epochs = 6
[[value]]
group = "SGD"
measure = "valid_perplexity"
mean = 66.0
data = "Penn Treebank"
[[value]]
group = "SGD"
measure = "test_perplexity"
mean = 63.9
[[claim]]
says = "A lower perplexity."
group = "Lookahead"
baseline = "SGD"
measure = "valid_perplexity"
expect = "lower"
[[claim]]
says = "A lower one in the end."
group = "Lookahead"
baseline = "SGD"
measure = "test_perplexity"
expect = "lower"
[[claim]]
says = "Alike halfway."
group = "Lookahead"
baseline = "SGD"
measure = "train_perplexity"
epoch = 3
expect = "similar"
margin = 1.0
"#;

/// Validation perplexities of 100, 110 and 120 with SGD; those of Lookahead are lower by 10, 11 and 9 % on a log scale.
fn made(paper: &str) -> Made {
    let made = Made::new(paper, vec![group("", "SGD", None, 3), group("", "Lookahead", Some("SGD"), 3)]);
    for (seed, (perplexity, gain)) in [(100.0_f64, 0.10), (110.0, 0.11), (120.0, 0.09)].into_iter().enumerate() {
        for (label, gain) in [("SGD", 0.0), ("Lookahead", gain)] {
            let end = perplexity.ln() - gain;
            // At first Lookahead's training loss is 0.001 times the seed higher.
            let first = 5.0 + if gain > 0.0 { 0.001 * seed as f64 } else { 0.0 };
            made.run_of_words(&format!("{label}-{seed}"), &[(first, 6.0), (4.0, end)], Some(end - 0.05));
        }
    }
    made
}

#[test]
fn perplexities_take_the_place_of_accuracies() {
    let made = made("");
    let summary = made.report();
    assert_eq!(summary.subject, Subject::Language);
    let sgd = &summary.groups[0];
    let perplexity = sgd.scores.get(Measure::ValidPerplexity).unwrap();
    assert_close(perplexity.mean, 110.0);
    assert_close(perplexity.std.unwrap(), 10.0);
    assert_close(sgd.scores.get(Measure::TrainPerplexity).unwrap().mean, 4.0_f64.exp());
    // exp(ln(p) - 0.05)
    assert_close(sgd.scores.get(Measure::TestPerplexity).unwrap().mean, 110.0 * (-0.05_f64).exp());
    assert_eq!(sgd.scores.get(Measure::ValidAccuracy), None);
    let json = made.file("summary.json");
    assert!(json.contains("\"subject\": \"language\"") && json.contains("\"measure\": \"valid_perplexity\""));

    let page = made.file("report.html");
    assert_balanced(&page);
    for text in
        ["Training perplexity", "110.00 ± 10.00", "Test perplexity", "epoch 2", "Validation perplexity against epochs."]
    {
        assert!(page.contains(text), "{text}");
    }
    for text in ["ccuracy", "BLEU", "NaN", "not finite"] {
        assert!(!page.contains(text), "{text}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 2);
    assert!(made.file("curves.svg").contains("Training perplexity"));

    let table = summary.table();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    for text in ["validation perplexity", "110.00 ± 10.00", "104.64", "-9.52 [-11.74,", "holds"] {
        assert!(table.contains(text), "{text} is missing in\n{table}");
    }
    assert!(!table.contains("accuracy"), "{table}");
}

#[test]
fn perplexities_are_compared_by_their_logarithms() {
    let made = made("");
    let comparison = made.report().groups[1].comparison.clone().unwrap();
    // -0.10, -0.11, -0.09: mean -0.1, s = 0.01, half width t_{0.975, 2} s / sqrt(3) = 0.024841377
    let loss = comparison.differences.get(Measure::ValidLoss).unwrap();
    assert_close(loss.mean, -0.1);
    assert_close(loss.ci95.unwrap()[1], -0.1 + 0.024_841_377_118);
    assert_eq!((comparison.outcome.verdict, comparison.judgements.len()), (Some(Verdict::Holds), 1));
    // exp of the mean and of its ends, less 1: -9.516 %, -11.736 %, -7.240 %
    let page = made.file("report.html");
    for text in
        ["Validation perplexity, %: −9.52 [−11.74, −7.24], p = ", "validation perplexity by 1 %", "by their logarithms"]
    {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_paper_stands_beside_perplexities_and_is_judged_by_them() {
    let made = made(PAPER);
    let summary = made.report();
    let ours: Vec<f64> = summary.groups[0].paper.iter().map(|beside| beside.ours.unwrap().mean).collect();
    assert_close(ours[0], 110.0);
    assert_close(ours[1], 110.0 * (-0.05_f64).exp());
    let verdicts: Vec<_> = summary.claims.iter().map(|claim| claim.outcome.verdict.unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Holds; 3]);
    assert_eq!(summary.claims[2].epoch, Some(1));
    let page = made.file("report.html");
    for text in ["Penn Treebank", "−9.52 [−11.74, −7.24]", "Test perplexity, %", "less than 1 % apart"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_perplexity_that_no_number_holds_is_a_gap_and_no_mean() {
    let made = made(PAPER);
    made.run_of_words("SGD-1", &[(5.0, 800.0), (4.0, 900.0)], Some(900.0));
    let summary = made.report();
    let sgd = &summary.groups[0];
    assert_eq!(
        (
            sgd.scores.get(Measure::ValidPerplexity).unwrap().n,
            sgd.scores.get(Measure::ValidLoss).unwrap().n,
            sgd.diverged
        ),
        (2, 3, 0)
    );
    // Its loss is finite: compared by logarithms it is simply much worse.
    let comparison = summary.groups[1].comparison.as_ref().unwrap();
    assert_eq!((comparison.missing_pairs, comparison.outcome.verdict), (0, Some(Verdict::Undecided)));
    let page = made.file("report.html");
    for text in
        ["SGD: runs whose loss is finite but whose perplexity no number can hold, and is not in the mean: 1.", "∞"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("the curve of SGD has a gap"));
    for text in [page, made.file("curves.svg"), summary.table()] {
        assert!(!text.contains("NaN") && !text.contains(">inf") && !text.contains(" inf"), "{text}");
    }
}

#[test]
fn a_loss_that_is_not_finite_leaves_a_remark_and_no_verdict() {
    let made = made("");
    made.edit_result("Lookahead-2", |result| {
        result.scores.set(Measure::ValidLoss, f64::NAN);
        result.scores.set(Measure::TestLoss, f64::NAN);
    });
    let summary = made.report();
    let group = &summary.groups[1];
    assert_eq!(
        (
            group.n,
            group.diverged,
            group.scores.get(Measure::ValidPerplexity).unwrap().n,
            group.scores.get(Measure::TestPerplexity).unwrap().n
        ),
        (3, 1, 2, 2)
    );
    let comparison = group.comparison.as_ref().unwrap();
    assert_eq!((comparison.missing_pairs, comparison.outcome.reason), (1, Some(NotJudged::MissingSeeds)));
    let page = made.file("report.html");
    assert!(page.contains("runs that ended with a loss that is not finite") && page.contains(">not finite<"));
    assert!(!page.contains("no number can hold"));
}

#[test]
fn without_a_test_set_there_is_no_column_for_it() {
    let made = Made::new(PAPER, vec![group("", "SGD", None, 2), group("", "Lookahead", Some("SGD"), 2)]);
    for id in ["SGD-0", "SGD-1", "Lookahead-0", "Lookahead-1"] {
        made.run_of_words(id, &[(5.0, 6.0), (4.0, 5.0)], None);
    }
    let summary = made.report();
    assert_eq!(summary.groups[0].scores.get(Measure::TestPerplexity), None);
    assert_eq!((summary.claims[1].outcome.reason, summary.claims[1].pairs()), (Some(NotJudged::MissingSeeds), 0));
    assert!(!made.file("report.html").contains("<th class=\"number\" scope=\"col\">Test perplexity"));
}

#[test]
fn unfinished_runs_show_the_perplexity_so_far() {
    let made = made("");
    for seed in 0..3 {
        made.unfinish(&format!("SGD-{seed}"));
        made.unfinish(&format!("Lookahead-{seed}"));
    }
    assert_eq!(made.report().subject, Subject::Language);
    let page = made.file("report.html");
    assert!(page.contains("unfinished, epoch 2") && page.contains(">110.00<"));
}

#[test]
fn accuracies_win_where_some_runs_have_them() {
    let made = Made::new("", vec![group("", "SGD", None, 1), group("", "Lookahead", Some("SGD"), 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.run_of_words("Lookahead-0", &[(4.0, 5.0)], Some(5.0));
    let summary = made.report();
    assert_eq!(
        (summary.subject, summary.groups[1].scores.get(Measure::ValidPerplexity)),
        (Subject::Classification, None)
    );
    let page = made.file("report.html");
    assert!(page.contains("Validation accuracy, %") && !page.contains("erplexity"));
    assert!(!made.file("summary.json").contains("subject"), "the usual subject is not named");
}

#[test]
fn the_lowest_validation_loss_chooses_the_point_of_a_grid() {
    let made = Made::new("", vec![grid("SGD", &["slow", "good", "equal", "wild"])]);
    for (id, loss) in [("slow-0", 6.0), ("slow-1", 6.1), ("good-0", 5.0), ("good-1", 5.2), ("wild-0", 1.0)] {
        made.run_of_words(id, &[(loss, loss)], Some(loss));
    }
    for (id, loss) in [("equal-0", 5.2), ("equal-1", 5.0), ("wild-1", 1.0)] {
        made.run_of_words(id, &[(loss, loss)], Some(loss));
    }
    // A seed that diverged: the point is not chosen for the other one.
    made.edit_result("wild-1", |result| result.scores.set(Measure::ValidLoss, f64::NAN));
    let summary = made.report();
    assert_eq!(summary.groups[0].chosen().unwrap().label, "good", "of equals the first");
    assert_close(
        summary.groups[0].points[0].scores.get(Measure::ValidPerplexity).unwrap().mean,
        (6.0_f64.exp() + 6.1_f64.exp()) / 2.0,
    );
    let page = made.file("report.html");
    for text in ["The lowest by the mean final validation loss", "Validation perplexity", "good (chosen)"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_page_says_of_which_epochs_the_weights_are() {
    let made = made("");
    assert!({
        made.report();
        !made.file("report.html").contains("Weights of epoch")
    });
    made.edit_result("SGD-0", |result| result.kept_epochs = vec![1]);
    let summary = made.report();
    assert_eq!(summary.groups[0].kept_epochs["SGD-0"], [1]);
    let page = made.file("report.html");
    for text in ["Weights of epoch", "in some runs, those of the epoch with the lowest validation loss;"] {
        assert!(page.contains(text), "{text}");
    }

    for seed in 0..3 {
        for label in ["SGD", "Lookahead"] {
            made.edit_result(&format!("{label}-{seed}"), |result| result.kept_epochs = vec![1, 2]);
        }
    }
    made.report();
    let page = made.file("report.html");
    assert!(
        page.contains("at the end are the mean of the weights after several epochs;") && page.contains("mean of 1, 2")
    );
}

#[test]
fn tensorboard_has_perplexities() {
    let made = made("");
    let folder = report::write_tensorboard(&made.dir, "made").unwrap();
    let bytes = std::fs::read(folder.join("SGD-SGD-0").join("events.out.tfevents.0000000000.lookahead")).unwrap();
    let has = |tag: &str| bytes.windows(tag.len()).any(|window| window == tag.as_bytes());
    assert!(has("train/perplexity") && has("valid/perplexity") && has("test/perplexity") && has("test/loss"));
    assert!(!has("accuracy") && !has("bleu"));
}

#[test]
fn a_single_run_of_a_language_model_has_a_page() {
    let made = made("");
    let path = report::write_for_run(&made.dir.join("runs/SGD-0")).unwrap();
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains("Validation perplexity") && page.contains("100.00") && !page.contains("ccuracy"));
}

#[test]
fn perplexities_over_many_decades_have_a_log_axis() {
    let made = Made::new("", vec![group("", "SGD", None, 1)]);
    let rows: Vec<MetricsRow> = [700.0, 300.0, 9.0, 5.0]
        .into_iter()
        .zip(1..)
        .map(|(loss, epoch)| MetricsRow { scores: losses_of(loss, loss), ..row(epoch, loss, 0.0) })
        .collect();
    made.run_of_rows("SGD-0", &rows);
    made.report();
    let picture = made.file("curves.svg");
    assert!(picture.contains("Training perplexity (log scale)"));
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
}
