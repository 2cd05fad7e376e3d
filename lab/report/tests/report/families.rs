//! Families of comparisons: corrected together, with intervals that agree, margins, and seeds to decide what is open.

use lookahead_report as report;
use lookahead_report::{NotJudged, Summary, Verdict};
use lookahead_runs::Paper;

use super::assert_close;
use super::made::{Made, group, row};

/// Groups `A`, `B`, ... against `SGD` by their accuracies; SGD is at 0.5 for each seed.
fn study(expect: &str, differences: &[&[f64]]) -> Made {
    let labels: Vec<String> = ('A'..).take(differences.len()).map(String::from).collect();
    let paper = format!(
        "source = \"x\"\n[[claim]]\nsays = \"So.\"\ngroups = {labels:?}\nbaseline = \"SGD\"\nmeasure = \"valid_accuracy\"\n\
         expect = \"{expect}\"\n"
    );
    let seeds = differences[0].len() as u32;
    let groups = std::iter::once("SGD").chain(labels.iter().map(String::as_str));
    let made = Made::new(&paper, groups.map(|label| group("", label, None, seeds)).collect());
    for seed in 0..differences[0].len() {
        made.run(&format!("SGD-{seed}"), &[1.0], 0.5);
        for (label, differences) in labels.iter().zip(differences) {
            made.run(&format!("{label}-{seed}"), &[1.0], 0.5 + differences[seed]);
        }
    }
    made
}

#[test]
fn several_comparisons_are_corrected_and_the_intervals_agree_with_the_verdicts() {
    // p of each alone, by SciPy: 0.0081, 0.029, 0.48. Holm: 0.029 >= 0.05 / 2 decides no more.
    let differences: [&[f64]; 3] = [&[0.020, 0.022, 0.027], &[0.016, 0.024, 0.030], &[0.01, -0.01, 0.03]];
    let made = study("higher", &differences);
    let summary = made.report();
    let claim = &summary.claims[0];
    let judged: Vec<_> = claim.comparisons.iter().map(|comparison| comparison.judgement).collect();
    let verdicts: Vec<_> = judged.iter().map(|judged| judged.outcome.verdict.unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Holds, Verdict::Undecided, Verdict::Undecided]);
    assert_eq!(claim.outcome.verdict, Some(Verdict::Undecided));
    for (judged, comparison) in judged.iter().zip(&claim.comparisons) {
        let [low, high] = judged.interval.unwrap();
        assert_eq!(judged.outcome.verdict == Some(Verdict::Undecided), low < 0.0 && 0.0 < high);
        assert!(judged.p_adjusted.unwrap() >= judged.p.unwrap());
        // Alone the second would hold.
        assert!(comparison.group != "B" || comparison.difference.unwrap().ci95.unwrap()[0] > 0.0);
    }
    assert_close(judged[0].confidence.unwrap(), 1.0 - 0.05 / 3.0);
    assert_close(judged[1].confidence.unwrap(), 0.975);
    assert_close(judged[1].p_adjusted.unwrap(), 2.0 * judged[1].p.unwrap());

    let family = "3 comparisons, corrected by Holm: A - SGD; B - SGD; C - SGD";
    assert_eq!(claim.family, family);
    assert!(made.file("summary.json").contains(family));
    for (place, text) in [("page", made.file("report.html")), ("table", summary.table())] {
        assert!(text.contains("3 comparisons"), "{place}: {text}");
    }
    assert!(made.file("report.html").contains("at 98.3 %, p = "));
}

#[test]
fn two_equal_optimizers_pass_within_the_margin() {
    let equal = [0.001, -0.001, 0.000_5, -0.000_5, 0.0];
    for expect in ["not_worse", "similar"] {
        let summary = study(expect, &[&equal]).report();
        assert_eq!(summary.claims[0].outcome.verdict, Some(Verdict::Holds), "{expect}");
        assert_close(summary.claims[0].comparisons[0].margin.unwrap(), 0.005);
    }
    let summary = study("higher", &[&equal]).report();
    assert_eq!(summary.claims[0].outcome.verdict, Some(Verdict::Undecided));
    // Better by far is not worse, and not alike; worse by far is neither.
    let (better, worse) = ([0.02, 0.021, 0.022], [-0.02, -0.021, -0.022]);
    for (expect, differences, verdict) in [
        ("not_worse", better, Verdict::Holds),
        ("similar", better, Verdict::DoesNotHold),
        ("not_worse", worse, Verdict::DoesNotHold),
        ("similar", worse, Verdict::DoesNotHold),
    ] {
        assert_eq!(study(expect, &[&differences]).report().claims[0].outcome.verdict, Some(verdict), "{expect}");
    }
}

#[test]
fn what_is_undecided_says_how_many_seeds_would_decide_it_and_the_command() {
    // Mean 0.005, s = 0.005: one deviation, which takes ten seeds for a power of 0.8.
    let made = study("higher", &[&[0.0, 0.005, 0.01]]);
    let summary = made.report();
    let outlook = summary.claims[0].outlook.as_ref().unwrap();
    assert_eq!((outlook.seeds, outlook.command.as_deref()), (Some(10), Some("lookahead run made --seeds 10")));
    for text in [made.file("report.html"), summary.table(), made.file("summary.json")] {
        assert!(text.contains("lookahead run made --seeds 10"), "{text}");
    }
    // A difference of next to nothing.
    let summary = study("higher", &[&[-0.01, 0.01, 0.000_1]]).report();
    let outlook = summary.claims[0].outlook.as_ref().unwrap();
    assert_eq!((outlook.seeds, outlook.command.as_deref()), (None, None));
    assert!(summary.table().contains("more than 1000 seeds"));
    // What is decided needs none.
    assert_eq!(study("higher", &[&[0.02, 0.021, 0.022]]).report().claims[0].outlook, None);
}

#[test]
fn smoke_and_an_average_that_never_began_are_not_judged() {
    let made = study("higher", &[&[0.02, 0.021, 0.022]]);
    assert_eq!(made.report().claims[0].outcome.verdict, Some(Verdict::Holds));
    made.edit_result("SGD-1", |result| result.average_began = Some(true));
    assert_eq!(made.report().claims[0].outcome.verdict, Some(Verdict::Holds));
    made.edit_result("SGD-1", |result| result.average_began = Some(false));
    let summary = made.report();
    assert_eq!(summary.claims[0].outcome.reason, Some(NotJudged::AverageNeverBegan));
    assert_eq!(summary.groups[0].not_averaged, 1);
    let page = made.file("report.html");
    assert!(page.contains("not judged: an average never began") && page.contains("runs whose average never began"));

    let made = study("higher", &[&[0.02, 0.021, 0.022]]);
    made.edit_artifact(|artifact| artifact.scale = "smoke".to_owned());
    assert_eq!(made.report().claims[0].outcome.reason, Some(NotJudged::Smoke));
    assert!(made.file("report.html").contains("not judged: scale smoke"));
}

#[test]
fn a_record_is_judged_by_its_differences_as_its_runs_were() {
    let paper = "source = \"x\"\n[[claim]]\nsays = \"As fast.\"\ngroup = \"A\"\nbaseline = \"SGD\"\nmeasure = \"mean_train_loss\"\n\
                 expect = \"not_worse\"\n";
    let made = Made::new(paper, vec![group("", "SGD", None, 3), group("", "A", Some("SGD"), 3)]);
    for seed in 0..3 {
        let luck = 0.001 * f64::from(seed);
        made.run_of_rows(&format!("SGD-{seed}"), &[row(1, 1.0, 0.6), row(2, 0.5, 0.7)]);
        made.run_of_rows(&format!("A-{seed}"), &[row(1, 1.01 + luck, 0.6), row(2, 0.5, 0.7 + luck)]);
    }
    let summary = made.report();
    assert_eq!(summary.claims[0].outcome.verdict, Some(Verdict::Holds), "2 % of 0.75 are 0.015");
    std::fs::remove_dir_all(made.dir.join("runs")).unwrap();
    let path = made.dir.join("made/summary.json");
    // A judgement of other rules.
    std::fs::write(&path, made.file("summary.json").replace("\"holds\"", "\"undecided\"")).unwrap();
    let paper = Paper::parse(paper, "paper.toml".as_ref()).unwrap();
    let again = report::judge_record(&path, Some(("made", &paper))).unwrap();
    assert_eq!(again, Summary { judged_again: true, ..summary });
    assert_eq!(serde_json::from_str::<Summary>(&made.file("summary.json")).unwrap(), again);

    let other = "source = \"x\"\n[[claim]]\nsays = \"Else.\"\ngroup = \"A\"\nbaseline = \"SGD\"\nmeasure = \"valid_loss\"\n\
                 expect = \"lower\"\n";
    let other = Paper::parse(other, "paper.toml".as_ref()).unwrap();
    let error = report::judge_record(&path, Some(("made", &other))).unwrap_err().to_string();
    assert!(error.contains("summary.json") && error.contains("\"Else.\""), "{error}");
}
