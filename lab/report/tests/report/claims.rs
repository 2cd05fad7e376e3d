//! Claims of the paper against runs with known differences.

use lookahead_report::{ClaimSummary, NotJudged, Verdict};

use super::assert_close;
use super::made::{Made, group, row};

/// A claim about Lookahead beside SGD.
fn claim(measure: &str, expect: &str) -> String {
    format!(
        "source = \"Table 0\"\n[[claim]]\nsays = \"It is so.\"\ngroup = \"Lookahead\"\nbaseline = \"SGD\"\n\
         measure = \"{measure}\"\nexpect = \"{expect}\"\n"
    )
}

/// SGD and Lookahead, one run for each pair of mean training losses, both with the given accuracies.
fn judged(paper: &str, losses: &[(f64, f64)], accuracies: &[(f64, f64)]) -> (ClaimSummary, Made) {
    let seeds = losses.len() as u32;
    let made = Made::new(paper, vec![group("", "SGD", None, seeds), group("", "Lookahead", Some("SGD"), seeds)]);
    for (seed, ((sgd, lookahead), (sgd_accuracy, accuracy))) in losses.iter().zip(accuracies).enumerate() {
        // Two epochs with the given mean.
        made.run(&format!("SGD-{seed}"), &[sgd + 0.1, sgd - 0.1], *sgd_accuracy);
        made.run(&format!("Lookahead-{seed}"), &[lookahead + 0.2, lookahead - 0.2], *accuracy);
    }
    (made.report().claims.remove(0), made)
}

const SAME: [(f64, f64); 3] = [(0.8, 0.8), (0.81, 0.81), (0.82, 0.82)];

#[test]
fn mean_training_loss_decides_the_speed_of_convergence() {
    let faster = [(0.9, 0.7), (0.8, 0.61), (0.7, 0.49)];
    let (summary, made) = judged(&claim("mean_train_loss", "lower"), &faster, &SAME);
    let difference = summary.comparisons[0].difference.unwrap();
    // -0.20, -0.19, -0.21: mean -0.2, s = 0.01, half width t_{0.975, 2} s / sqrt(3) = 0.024841377
    assert_close(difference.mean, -0.2);
    assert_close(difference.ci95.unwrap()[1], -0.2 + 0.024_841_377_118);
    assert_eq!((summary.outcome.verdict, summary.pairs()), (Some(Verdict::Holds), 3));
    let page = made.file("report.html");
    for text in ["It is so.", "Training loss, mean over epochs", "−0.2000 [−0.2248, −0.1752]", "n = 3", "holds"] {
        assert!(page.contains(text), "{text}");
    }

    let (summary, _made) = judged(&claim("mean_train_loss", "higher"), &faster, &SAME);
    assert_eq!(summary.outcome.verdict, Some(Verdict::DoesNotHold));
    let (summary, _made) = judged(&claim("mean_train_loss", "not_worse"), &faster, &SAME);
    assert_eq!(summary.outcome.verdict, Some(Verdict::Holds));
}

#[test]
fn what_stands_between_two_backticks_of_a_note_is_code() {
    let (_, made) = judged(&claim("mean_train_loss", "lower"), &SAME, &SAME);
    let page = made.file("report.html");
    for text in ["<code>model.width</code> = 4.", "One ` alone."] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn an_interval_on_both_sides_decides_nothing() {
    let mixed = [(0.9, 0.7), (0.8, 1.0), (0.7, 0.7)];
    for expect in ["lower", "higher", "not_worse"] {
        let (summary, _made) = judged(&claim("mean_train_loss", expect), &mixed, &SAME);
        assert_eq!(summary.outcome.verdict, Some(Verdict::Undecided), "{expect}");
    }
}

#[test]
fn a_difference_that_is_the_same_for_all_seeds_is_not_judged() {
    let same_gain = [(0.8, 0.9), (0.7, 0.8), (0.6, 0.7)];
    for expect in ["not_worse", "similar", "higher", "lower"] {
        for accuracies in [SAME, same_gain] {
            let (summary, _made) = judged(&claim("valid_accuracy", expect), &SAME, &accuracies);
            assert_eq!(
                (summary.outcome.verdict, summary.outcome.reason),
                (None, Some(NotJudged::NoDeviation)),
                "{expect}"
            );
            assert_eq!(summary.comparisons[0].judgement.interval, None);
        }
    }
}

#[test]
fn one_seed_is_not_judged() {
    let (summary, made) = judged(&claim("mean_train_loss", "lower"), &[(0.9, 0.1)], &[(0.8, 0.8)]);
    assert_eq!((summary.outcome.reason, summary.pairs()), (Some(NotJudged::TooFewSeeds), 1));
    assert_eq!(summary.comparisons[0].difference.unwrap().ci95, None);
    let page = made.file("report.html");
    assert!(page.contains("not judged: fewer than 3 seeds") && page.contains("one seed gives no interval"));
}

#[test]
fn an_unfinished_run_leaves_the_claim_without_a_verdict() {
    let (_, made) = judged(&claim("mean_train_loss", "lower"), &[(0.9, 0.7), (0.8, 0.61), (0.7, 0.49)], &SAME);
    made.unfinish("SGD-1");
    let summary = made.report().claims.remove(0);
    assert_eq!((summary.outcome.reason, summary.pairs()), (Some(NotJudged::MissingSeeds), 2));
    assert_eq!(summary.comparisons[0].missing_pairs, 1);
    assert!(made.file("report.html").contains("seeds without a finite value of both: 1"));
}

#[test]
fn a_claim_about_several_holds_only_if_each_holds() {
    let paper = "source = \"x\"\n[[claim]]\nsays = \"The highest.\"\ngroup = \"Lookahead\"\nbaselines = [\"SGD\", \"AdamW\"]\n\
                 measure = \"valid_accuracy\"\nexpect = \"higher\"\n";
    for (adamw, verdict) in [(0.6, Verdict::Holds), (0.95, Verdict::DoesNotHold), (0.9, Verdict::Undecided)] {
        let groups = ["SGD", "AdamW", "Lookahead"].map(|label| group("", label, None, 3));
        let made = Made::new(paper, groups.to_vec());
        for seed in 0..3 {
            for (label, accuracy, luck) in [("SGD", 0.7, 0.003), ("AdamW", adamw, 0.001), ("Lookahead", 0.9, 0.0)] {
                made.run(&format!("{label}-{seed}"), &[1.0], accuracy + luck * f64::from(seed));
            }
        }
        let summary = made.report().claims.remove(0);
        assert_eq!(summary.outcome.verdict, Some(verdict), "AdamW at {adamw}");
        assert_eq!(summary.comparisons[0].judgement.outcome.verdict, Some(Verdict::Holds));
        assert_eq!(summary.comparisons[1].baseline, "AdamW");
    }
}

#[test]
fn robustness_is_a_smaller_range_over_the_settings() {
    let paper = "source = \"x\"\n[[claim]]\nsays = \"Robust.\"\ngroups = [\"L1\", \"L2\"]\nbaselines = [\"S1\", \"S2\"]\n\
                 measure = \"train_loss\"\nexpect = \"less_spread\"\n";
    let made = Made::new(paper, ["L1", "L2", "S1", "S2"].map(|label| group("", label, None, 3)).to_vec());
    // Ranges: Lookahead 0.1, 0.2, 0.1; SGD 0.5, 0.7, 0.2; differences -0.4, -0.5, -0.1.
    let losses = [("L1", [1.0, 1.0, 1.0]), ("L2", [1.1, 0.8, 0.9]), ("S1", [0.2, 1.0, 0.7]), ("S2", [0.7, 0.3, 0.5])];
    for (label, losses) in losses {
        for (seed, loss) in losses.into_iter().enumerate() {
            made.run(&format!("{label}-{seed}"), &[loss], 0.5);
        }
    }
    let summary = made.report().claims.remove(0);
    assert_close(summary.comparisons[0].difference.unwrap().mean, -1.0 / 3.0);
    // s = 0.2081666, half width t_{0.975, 2} s / sqrt(3) = 0.5171: three seeds do not decide it.
    assert_eq!(summary.outcome.verdict, Some(Verdict::Undecided));
    made.run("S2-2", &[0.28], 0.5);
    // Differences -0.4, -0.5, -0.32: s = 0.0901850, half width 0.2240.
    assert_eq!(made.report().claims[0].outcome.verdict, Some(Verdict::Holds));
}

#[test]
fn an_epoch_of_the_paper_is_the_same_share_of_our_training() {
    let value = "[[value]]\ngroup = \"SGD\"\nmeasure = \"train_loss\"\nepoch = 50\nmean = 1.5\n";
    let paper = format!("epochs = 90\n{}epoch = 50\n{value}", claim("train_loss", "lower"));
    let made = Made::new(&paper, vec![group("", "SGD", None, 2), group("", "Lookahead", None, 2)]);
    for (label, offset) in [("SGD", 10.0), ("Lookahead", 0.0)] {
        for seed in 0..2 {
            let rows: Vec<_> = (1..=9).map(|epoch| row(epoch, offset + f64::from(epoch), 0.5)).collect();
            made.run_of_rows(&format!("{label}-{seed}"), &rows);
        }
    }
    let summary = made.report();
    assert_eq!(summary.claims[0].epoch, Some(5));
    assert_close(summary.claims[0].comparisons[0].difference.unwrap().mean, -10.0);
    let beside = &summary.groups[0].paper[0];
    assert_eq!((beside.epoch, beside.ours.unwrap().n), (Some(5), 2));
    assert_close(beside.ours.unwrap().mean, 15.0);
    assert!(made.file("report.html").contains("after epoch 5 (for the paper’s 50)"));
}

#[test]
fn claims_that_are_not_tried_say_why() {
    let paper = "source = \"x\"\npanels = [\"A\", \"B\"]\n[[claim]]\nsays = \"Seen in the plot.\"\npanel = \"A\"\n[[claim]]\n\
                 says = \"So in B.\"\npanel = \"B\"\ngroup = \"Lookahead\"\nbaseline = \"SGD\"\nmeasure = \"train_loss\"\n\
                 expect = \"lower\"\n";
    let made = Made::new(paper, vec![group("A", "SGD", None, 1)]);
    let claims = made.report().claims;
    assert_eq!(claims[0].outcome.reason, Some(NotJudged::NotMeasured));
    assert_eq!(claims[1].outcome.reason, Some(NotJudged::NotRun));
    assert!(claims.iter().all(|claim| claim.outcome.verdict.is_none()));
    let page = made.file("report.html");
    assert!(page.contains("not run at this scale") && page.contains("Not run at this scale: B."));
}
