//! Which optimizer to pick: all pairs of a panel, judged together.

use lookahead_report as report;
use lookahead_report::{Choice, NotJudged, Summary, Verdict};
use lookahead_runs::{Measure, Paper};
use serde_json::{Value, json};

use super::assert_close;
use super::made::{Made, group};

const SGD: [f64; 5] = [0.50, 0.51, 0.52, 0.49, 0.50];
/// Accuracies less SGD's.
const OTHERS: [(&str, [f64; 5]); 4] = [
    ("A", [0.030, 0.032, 0.028, 0.031, 0.029]),
    ("B", [0.029, 0.034, 0.025, 0.036, 0.028]),
    ("C", [-0.020, -0.022, -0.018, -0.021, -0.019]),
    ("D", [0.01, -0.01, 0.005, -0.006, 0.002]),
];

fn made(paper: &str) -> Made {
    let others = OTHERS.map(|(label, _)| group("", label, Some("SGD"), 5));
    let made = Made::new(paper, [group("", "SGD", None, 5)].into_iter().chain(others).collect());
    for (seed, sgd) in SGD.into_iter().enumerate() {
        made.run(&format!("SGD-{seed}"), &[1.0], sgd);
        for (label, differences) in OTHERS {
            made.run(&format!("{label}-{seed}"), &[1.0], sgd + differences[seed]);
        }
    }
    made
}

fn by(summary: &Summary, measure: Measure) -> &Choice {
    summary.choices.iter().find(|choice| choice.measure == measure).unwrap()
}

#[test]
fn all_pairs_are_a_family_and_the_answers_say_no_more_than_it_decides() {
    let made = made("source = \"x\"\n");
    let summary = made.report();
    assert_eq!(summary.choices.len(), 2, "accuracy and loss");
    let choice = by(&summary, Measure::ValidAccuracy);
    assert_eq!(choice.order, ["B", "A", "D", "SGD", "C"]);
    assert_eq!((choice.best(), choice.baseline.as_str(), choice.panel.as_str()), ("B", "SGD", ""));
    // scipy.stats.ttest_rel, and Holm over the ten.
    let expected = [
        ("B", "A", 0.789_282_179_206, 1.0),
        ("B", "D", 0.004_916_879_074, 0.014_750_637_222),
        ("B", "SGD", 0.000_112_485_181_854, 0.000_674_911_091_126),
        ("B", "C", 4.678_836_687e-5, 0.000_327_518_568_097),
        ("A", "D", 0.002_061_666_887, 0.010_308_334_434),
        ("A", "SGD", 1.845_013_093e-6, 1.845_013_093e-5),
        ("A", "C", 3.819_605_687e-6, 3.437_645_118e-5),
        ("D", "SGD", 0.958_802_197_65, 1.0),
        ("D", "C", 0.003_048_494_353, 0.012_193_977_411),
        ("SGD", "C", 9.297_384_637e-6, 7.437_907_709e-5),
    ];
    assert_eq!(choice.pairs.len(), expected.len());
    for (pair, (first, second, p, adjusted)) in choice.pairs.iter().zip(expected) {
        assert_eq!([&pair.first, &pair.second], [first, second]);
        assert_close(pair.judgement.p.unwrap(), p);
        assert_close(pair.judgement.p_adjusted.unwrap(), adjusted);
        let verdict = if adjusted < 0.05 { Verdict::Holds } else { Verdict::Undecided };
        assert_eq!(pair.judgement.outcome.verdict, Some(verdict));
    }
    let [which, worth] = choice.in_words();
    assert_eq!(which, "Best mean validation accuracy: B. Not told apart from B: A. Worse than B: D, SGD, C.");
    assert_eq!(worth, "Worth it? Yes. Better than SGD: B, A. Not told apart from SGD: D. Worse than SGD: C.");

    // The loss is 1 - accuracy here: less is better, and nothing else changes.
    let of_loss = by(&summary, Measure::ValidLoss);
    assert_eq!(of_loss.order, choice.order);
    assert_eq!(of_loss.in_words()[1], worth);
    assert!(of_loss.pairs.iter().all(|pair| pair.difference.unwrap().mean < 0.0));

    let unfolded = summary.table().replace("\n  ", " ");
    for (place, text) in [("table", unfolded), ("page", made.file("report.html"))] {
        assert!(text.contains(&which) && text.contains(&worth), "{place}: {text}");
        assert!(text.contains("Which one, and is it worth it?") && text.contains("corrected by Holm"), "{place}");
    }
    assert!(summary.table().lines().all(|line| line.chars().count() <= 80), "{}", summary.table());
}

#[test]
fn where_none_is_better_it_is_not_worth_it_or_undecided() {
    let made =
        Made::new("source = \"x\"\n", ["SGD", "C", "D"].map(|l| group("", l, (l != "SGD").then_some("SGD"), 5)).into());
    let run = |label: &str, differences: [f64; 5]| {
        let accuracies = SGD.into_iter().zip(differences).enumerate();
        accuracies.for_each(|(seed, (sgd, more))| made.run(&format!("{label}-{seed}"), &[1.0], sgd + more));
    };
    run("SGD", [0.0; 5]);
    run("C", OTHERS[2].1);
    run("D", OTHERS[3].1);
    let worth = |summary: &Summary| by(summary, Measure::ValidAccuracy).in_words()[1].clone();
    assert_eq!(worth(&made.report()), "Worth it? Undecided. Not told apart from SGD: D. Worse than SGD: C.");
    run("D", OTHERS[2].1.map(|less| 2.0 * less));
    let summary = made.report();
    assert_eq!(worth(&summary), "Worth it? No. Worse than SGD: C, D.");
    assert_eq!(
        by(&summary, Measure::ValidAccuracy).in_words()[0],
        "Best mean validation accuracy: SGD. Worse than SGD: C, D."
    );
}

#[test]
fn what_lacks_a_seed_comes_last_and_is_not_judged() {
    let made = made("source = \"x\"\n");
    made.edit_result("B-2", |result| result.scores.set(Measure::ValidLoss, f64::NAN));
    let summary = made.report();
    let choice = by(&summary, Measure::ValidLoss);
    assert_eq!(choice.order, ["A", "D", "SGD", "C", "B"]);
    assert_eq!(
        choice.in_words()[1],
        "Worth it? Yes. Better than SGD: A. Not told apart from SGD: D. Worse than SGD: C. Beside SGD not judged: a seed lacks \
         a finished, finite run: B."
    );
    made.unfinish("A-0");
    made.edit_artifact(|artifact| artifact.scale = "smoke".to_owned());
    let summary = made.report();
    let [which, worth] = by(&summary, Measure::ValidAccuracy).in_words();
    assert!(which.ends_with(&format!("Beside B {}: D, SGD, C, A.", NotJudged::Smoke.in_words())), "{which}");
    assert!(worth.starts_with("Worth it? Undecided. Beside SGD not judged"), "{worth}");
}

#[test]
fn there_is_a_choice_only_beside_one_baseline_and_without_a_claim() {
    let claim = "source = \"x\"\n[[claim]]\nsays = \"So.\"\ngroup = \"A\"\nbaseline = \"SGD\"\nmeasure = \"valid_accuracy\"\n\
                 expect = \"higher\"\n";
    assert_eq!(made(claim).report().choices, []);
    let made = made("source = \"x\"\n");
    made.edit_artifact(|artifact| artifact.groups[2].baseline = Some("A".to_owned()));
    assert_eq!(made.report().choices, []);
    made.edit_artifact(|artifact| artifact.groups.truncate(2));
    assert_eq!(made.report().choices, [], "two are compared already");
}

#[test]
fn panels_have_choices_of_their_own() {
    let made = made("source = \"x\"\n");
    made.edit_artifact(|artifact| {
        for (panel, place) in [("First", 0..3), ("Second", 0..2)] {
            let of_panel = artifact.groups[place].iter().map(|group| report_group(group, panel));
            let of_panel: Vec<_> = of_panel.collect();
            artifact.groups.extend(of_panel);
        }
        artifact.groups.drain(..5);
    });
    let panels: Vec<String> = made.report().choices.into_iter().map(|choice| choice.panel).collect();
    assert_eq!(panels, ["First", "First"]);
}

fn report_group(group: &lookahead_runs::Group, panel: &str) -> lookahead_runs::Group {
    lookahead_runs::Group { panel: panel.to_owned(), ..group.clone() }
}

#[test]
fn a_record_is_judged_again_to_the_same() {
    let made = made("source = \"x\"\n");
    let summary = made.report();
    let again = report::judge_record(&made.dir.join("made/summary.json"), None).unwrap();
    assert_eq!(again.choices, summary.choices);
    assert!(!again.choices.is_empty());
}

#[test]
fn a_record_with_what_no_runs_give_is_refused_and_left_alone() {
    let made = made("source = \"x\"\n");
    made.report();
    let path = made.dir.join("made/summary.json");
    let sound: Value = serde_json::from_str(&made.file("summary.json")).unwrap();
    let second = sound["groups"][1].clone();
    let changes: [(&str, Value, &str); 14] = [
        ("/groups/1/n", json!(4), "`groups[1].n` is 4, but must be 5 `runs` less 0 `unfinished`"),
        ("/groups/0/label", json!("A"), "`groups` has \"A\" twice"),
        ("/groups/1/best", json!(1), "no summary has a key `groups[1].best`"),
        ("/groups/1/valid_loss/std", json!(-3.0), "`groups[1].valid_loss.std` is -3, but must be 0 or above"),
        ("/groups/1/valid_loss/n", json!(0), "`groups[1].valid_loss.n` is 0, but must be 1 to 5"),
        ("/groups/1/valid_accuracy/mean", json!(53.0), "`groups[1].valid_accuracy.mean` is 53, but must be 0 to 1"),
        (
            "/groups/1/comparison/baseline",
            json!("Z"),
            "baseline` is \"Z\", but must be one of the groups of its panel: [\"SGD\"",
        ),
        ("/groups/1/comparison/valid_accuracy/std", json!(-1.0), "`groups[1].comparison.valid_accuracy.std` is -1"),
        ("/groups/1/comparison/valid_accuracy/n", json!(6), "comparison.valid_accuracy.n` is 6, but must be 1 to 5"),
        ("/groups/1/comparison/valid_accuracy/mean", json!(0.5), "as its mean, std and n give it"),
        ("/groups/1/comparison/valid_accuracy/ci95", Value::Null, "`groups[1].comparison.valid_accuracy.ci95` is None"),
        ("/choices/0/order/0", json!("Z"), "`choices[0].order` is \"Z\", but must be one of the groups of its panel"),
        ("/choices/0/pairs/0/difference/n", json!(9), "`choices[0].difference.n` is 9, but must be 1 to 5"),
        ("/groups/5", second, "`groups` has \"A\" twice"),
    ];
    for (place, value, expected) in changes {
        let mut record = sound.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match record.pointer_mut(parent).unwrap() {
            Value::Array(list) if key == "5" => list.push(value),
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
        let text = serde_json::to_string_pretty(&record).unwrap();
        std::fs::write(&path, &text).unwrap();
        let error = report::judge_record(&path, None).unwrap_err().to_string();
        assert!(error.contains("summary.json") && error.contains(expected), "{place}: {error}");
        assert_eq!(made.file("summary.json"), text, "{place}");
    }
    std::fs::write(&path, serde_json::to_string(&sound).unwrap()).unwrap();
    let error = report::judge_record(&path, Some(("other", &Paper::default()))).unwrap_err().to_string();
    assert!(error.contains("`artifact` is \"made\", but its folder is that of \"other\""), "{error}");
    report::judge_record(&path, Some(("made", &Paper::default()))).unwrap();
}

#[test]
fn each_reason_is_given_with_those_it_is_of() {
    let made = made("source = \"x\"\n");
    made.edit_result("A-0", |result| result.average_began = Some(false));
    made.unfinish("C-0");
    made.unfinish("C-1");
    made.unfinish("C-2");
    let [_, worth] = by(&made.report(), Measure::ValidAccuracy).in_words();
    let of_a = "Beside SGD not judged: an average never began: A.";
    assert!(worth.contains(of_a) && worth.contains(": C."), "{worth}");
}
