//! Panels, grids, the paper's numbers beside ours, and `curves.csv`.

use std::collections::BTreeSet;

use lookahead_report::Study;
use lookahead_runs::{Measure, MetricsRow, Scores};

use super::made::{Made, grid, group, row, with};
use super::{assert_balanced, assert_close};

const TWO_PANELS: &str = r#"
source = "Table 0"
notes = ["The paper says two things."]
panels = ["ten", "hundred"]
[[value]]
panel = "hundred"
group = "SGD"
measure = "valid_accuracy"
mean = 78.24
std = 0.18
n = 3
data = "CIFAR-100"
place = "Table 1"
"#;

fn two_panels() -> Made {
    let groups =
        ["ten", "hundred"].map(|panel| [group(panel, "SGD", None, 2), group(panel, "Lookahead", Some("SGD"), 2)]);
    let made = Made::new(TWO_PANELS, groups.concat());
    for (panel, accuracy) in [("ten", 0.9), ("hundred", 0.7)] {
        for (label, gain) in [("SGD", 0.0), ("Lookahead", 0.05)] {
            for seed in 0..2 {
                let accuracy = accuracy + gain + 0.01 * f64::from(seed);
                made.run(&format!("{panel}-{label}-{seed}"), &[1.0, 0.5], accuracy);
            }
        }
    }
    made
}

#[test]
fn each_panel_has_its_own_section_and_baseline() {
    let made = two_panels();
    let summary = made.report();
    assert_eq!(summary.panels().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    for (group, accuracy) in summary.groups.iter().zip([0.905, 0.955, 0.705, 0.755]) {
        assert_close(group.scores.get(Measure::ValidAccuracy).unwrap().mean, accuracy);
    }
    let comparison = summary.groups[3].comparison.as_ref().unwrap();
    assert_close(comparison.differences.get(Measure::ValidAccuracy).unwrap().mean, 0.05);

    let page = made.file("report.html");
    assert_balanced(&page);
    for panel in ["ten", "hundred"] {
        assert!(page.contains(&format!(">{panel}</h2>")), "{panel}");
    }
    for picture in [page, made.file("curves.svg")] {
        let clips: Vec<&str> =
            picture.split("<clipPath id=\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect();
        assert_eq!(clips.len(), 6);
        assert_eq!(clips.iter().collect::<BTreeSet<_>>().len(), 6, "{clips:?}");
        assert!(picture.contains("hundred"));
    }
    assert!(summary.table().contains("hundred\n"));
}

#[test]
fn the_paper_stands_beside_our_number_with_its_data() {
    let made = two_panels();
    let summary = made.report();
    assert!(summary.groups[0].paper.is_empty());
    assert_close(summary.groups[2].paper[0].ours.unwrap().mean, 0.705);
    let page = made.file("report.html");
    for text in ["78.24 ± 0.18", "70.50 ± 0.71", "CIFAR-100", "Table 1", "The paper says two things."] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_smaller_scale_says_that_it_is_no_reproduction() {
    let made = two_panels();
    made.report();
    let banner = "this is no reproduction of the paper’s setting";
    assert!(made.file("report.html").contains(banner));
    made.edit_artifact(|artifact| artifact.scale = "paper".to_owned());
    made.report();
    assert!(!made.file("report.html").contains(banner));
}

#[test]
fn a_single_panel_has_no_name() {
    let made = Made::new("", vec![group("", "SGD", None, 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.report();
    let page = made.file("report.html");
    assert!(!page.contains("panel-name\"") && page.contains("<h2>Learning curves</h2>"));
    assert!(!page.contains("reproduction"), "an artifact that is not the paper's has no banner");
}

#[test]
fn the_page_says_what_was_read_and_what_it_took() {
    let made = Made::new("", vec![group("", "SGD", None, 2)]);
    made.run("SGD-0", &[1.0, 0.9], 0.5);
    made.run("SGD-1", &[1.0; 90], 0.5);
    let summary = made.report();
    assert_eq!((summary.groups[0].skipped, summary.peak_memory), (4, Some(100 << 20)));
    let page = made.file("report.html");
    for text in [
        "pictures that were made",
        "1 min 32 s",
        "<dt>examples skipped</dt><dd>4</dd>",
        "2.0 % of the time of steps",
        "100 MiB",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_best_point_of_a_grid_stands_for_its_group() {
    let made = Made::new("", vec![grid("SGD", &["slow", "good", "lucky"])]);
    for (id, accuracy) in [("slow-0", 0.5), ("slow-1", 0.6), ("good-0", 0.8), ("good-1", 0.7), ("lucky-0", 0.9)] {
        made.run(id, &[1.0], accuracy);
    }
    made.run("lucky-1", &[1.0], 0.3);
    let summary = made.report();
    let group = &summary.groups[0];
    assert_eq!((group.chosen().unwrap().label.as_str(), group.points.len()), ("good", 3));
    assert_eq!(group.runs, ["good-0", "good-1"]);
    assert_close(group.scores.get(Measure::ValidAccuracy).unwrap().mean, 0.75);
    let page = made.file("report.html");
    for text in ["good, best of 3", "The grid of SGD: 3 points", "good (chosen)", "lucky-1", "60.00 ± 42.43"] {
        let is_there = page.contains(text);
        assert_eq!(is_there, text != "lucky-1", "{text}: the table of runs has those of the chosen point");
    }

    // A seed that is missing may have diverged: the points that have all come first.
    made.unfinish("lucky-1");
    assert_eq!(made.report().groups[0].chosen().unwrap().label, "good");
    // Of points that all lack one, only finished seeds count.
    ["slow-1", "good-1"].iter().for_each(|id| made.unfinish(id));
    let summary = made.report();
    assert_eq!(summary.groups[0].chosen().unwrap().label, "lucky");
    assert_eq!((summary.groups[0].n, summary.groups[0].unfinished.len()), (1, 1));
}

#[test]
fn a_choice_on_the_seeds_that_are_judged_is_said() {
    let mut beside = grid("Lookahead", &["few", "many"]);
    beside.baseline = Some("SGD".to_owned());
    let made = Made::new("", vec![group("", "SGD", None, 2), beside]);
    for id in ["SGD-0", "SGD-1", "few-0", "few-1", "many-0", "many-1"] {
        made.run(id, &[1.0], 0.5);
    }
    let words = "was chosen on the very seeds that are judged";
    let folded = made.report().table().replace("\n  ", " ").replace('\n', " ");
    assert!(folded.contains(words), "{folded}");
    assert!(made.file("report.html").contains(words));

    made.edit_artifact(|artifact| artifact.groups[1].candidates.truncate(1));
    assert!(!made.report().table().contains("very seeds"), "a single point was not chosen");
}

#[test]
fn a_run_that_two_groups_share_counts_once() {
    let mut same = group("", "The same", None, 2);
    same.runs = vec!["SGD-0".to_owned(), "SGD-1".to_owned()];
    let made = Made::new("", vec![group("", "SGD", None, 2), same]);
    ["SGD-0", "SGD-1"].iter().for_each(|id| made.run(id, &[1.0], 0.5));
    let summary = made.report();
    let of_one = Made::new("", vec![group("", "SGD", None, 2)]);
    ["SGD-0", "SGD-1"].iter().for_each(|id| of_one.run(id, &[1.0], 0.5));
    assert_close(summary.seconds, of_one.report().seconds);
    assert!(made.file("report.html").contains("<dt>examples skipped</dt><dd>4</dd>"));
}

#[test]
fn before_any_run_the_first_point_stands_for_the_grid() {
    let made = Made::new("", vec![grid("SGD", &["a", "b"])]);
    assert_eq!(made.report().groups[0].chosen().unwrap().label, "a");
    let study = Study::read(&made.dir, "made").unwrap();
    assert_eq!(study.all_runs().count(), 4);
}

#[test]
fn top5_and_fast_weights_have_columns_where_they_are_measured() {
    let made = Made::new("", vec![group("", "SGD", None, 1), group("", "Lookahead", Some("SGD"), 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.run("Lookahead-0", &[1.0], 0.5);
    made.report();
    let page = made.file("report.html");
    assert!(!page.contains("Top-5") && !page.contains("fast weights"));

    let fast = Scores::from([(Measure::ValidLoss, 0.6543), (Measure::ValidAccuracy, 0.4321)]);
    let last = with(Measure::ValidTop5, 0.8765, MetricsRow { fast: Some(fast), ..row(1, 1.0, 0.5) });
    made.run_of_rows("Lookahead-0", &[last]);
    let summary = made.report();
    assert_close(summary.groups[1].fast.get(Measure::ValidAccuracy).unwrap().mean, 0.4321);
    let page = made.file("report.html");
    for text in ["Top-5 accuracy, %", "87.65", "Accuracy of fast weights, %", "43.21", "0.6543"] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 4);
}

#[test]
fn curves_csv_has_every_evaluation_of_every_run() {
    let mut point = grid("k = 5, \"α\"", &["lr = 0.1", "lr = 0.2"]);
    point.panel = "ten".to_owned();
    let made = Made::new("", vec![point, group("ten", "SGD", None, 1)]);
    made.run("lr = 0.2-1", &[1.0, 0.25], 0.5);
    let fast = Scores::from([(Measure::ValidLoss, f64::NAN), (Measure::ValidAccuracy, 0.25)]);
    let last = MetricsRow { fast: Some(fast), alpha: Some(0.5), ..row(1, f64::NAN, 0.5) };
    let last = with(Measure::ValidTop5, 0.75, last);
    made.run_of_rows("ten-SGD-0", &[last]);
    made.report();
    let expected = "\
panel,group,candidate,seed_index,run,epoch,step,learning_rate,train_loss,valid_loss,valid_accuracy,valid_top5,\
fast_valid_loss,fast_valid_accuracy,alpha,seconds
ten,\"k = 5, \"\"α\"\"\",lr = 0.2,1,lr = 0.2-1,1,10,0.1,1.0,0.5,0.5,,,,,1.0
ten,\"k = 5, \"\"α\"\"\",lr = 0.2,1,lr = 0.2-1,2,20,0.1,0.25,0.5,0.5,,,,,2.0
ten,SGD,,0,ten-SGD-0,1,10,0.1,,0.5,0.5,0.75,,0.25,0.5,1.0
";
    assert_eq!(made.file("curves.csv"), expected);
}

#[test]
fn many_curves_all_look_different() {
    let rates = ["0.1", "0.2", "0.3", "0.4", "0.5"];
    let pairs = rates.map(|rate| {
        let sgd = format!("SGD ({rate})");
        [group("", &format!("Lookahead ({rate})"), Some(&sgd), 1), group("", &sgd, None, 1)]
    });
    let alone: Vec<_> = (0..9).map(|index| group("", &format!("Setting {index}"), None, 1)).collect();
    for groups in [pairs.concat(), alone] {
        let made = Made::new("", groups.clone());
        for group in &groups {
            made.run(&group.runs[0], &[1.0, 0.5], 0.5);
        }
        made.report();
        let picture = made.file("curves.svg");
        let looks: BTreeSet<(String, Option<String>)> = picture
            .split("<g class=\"curve ")
            .skip(1)
            .take(groups.len())
            .map(|curve| {
                let dash = curve
                    .split("stroke-dasharray=\"")
                    .nth(1)
                    .filter(|_| curve.find("stroke-dasharray") < curve.find("</g>"));
                (
                    curve.split('"').next().unwrap().to_owned(),
                    dash.map(|rest| rest.split('"').next().unwrap().to_owned()),
                )
            })
            .collect();
        assert_eq!(looks.len(), groups.len(), "{looks:?}");
    }
}
