//! `paper.toml`: those of the experiments, and broken ones.

use std::fs;
use std::path::Path;

use lookahead_runs::FileError;
use lookahead_runs::{Group, Measure, Paper, PaperValue};

use super::made::group;

/// The training artifacts, the groups of their panels, and how many numbers and claims of the paper they have.
type Expected = (&'static str, &'static [(&'static str, &'static [&'static str])], usize, usize);

const EXPERIMENTS: [Expected; 10] = [
    (
        "fig05_tab1_cifar",
        &[
            ("CIFAR-10", &["SGD", "Polyak", "AdamW", "Lookahead"]),
            ("CIFAR-100", &["SGD", "Polyak", "AdamW", "Lookahead"]),
        ],
        8,
        4,
    ),
    (
        "fig02_adaptive_alpha",
        &[
            ("Adam, learning rate 0.001", &["Adam", "Lookahead", "Adaptive Lookahead"]),
            ("Adam, learning rate 0.003", &["Adam", "Lookahead", "Adaptive Lookahead"]),
        ],
        0,
        6,
    ),
    (
        "fig06_tab2_imagenet",
        &[("ResNet-50", &["SGD", "Lookahead", "SGD*", "Lookahead*"]), ("ResNet-152", &["Lookahead*"])],
        10,
        5,
    ),
    ("fig07a_tab3_penn_treebank", &[("", &["SGD", "Lookahead (SGD)", "Adam", "Lookahead (Adam)", "Polyak"])], 14, 12),
    (
        "fig07b_tab4_translation",
        &[("", &["Adam", "Lookahead (Adam)", "Lookahead (Adam, no warm-up)", "AdaFactor"])],
        8,
        6,
    ),
    (
        "fig08_inner_optimizer",
        &[
            (
                "learning rate",
                &["Lookahead (0.1)", "SGD (0.1)", "Lookahead (0.2)", "SGD (0.2)", "Lookahead (0.3)", "SGD (0.3)"],
            ),
            (
                "momentum",
                &["Lookahead (0.9)", "SGD (0.9)", "Lookahead (0.95)", "SGD (0.95)", "Lookahead (0.98)", "SGD (0.98)"],
            ),
        ],
        0,
        5,
    ),
    (
        "fig09_tab5_k_and_alpha",
        &[("", &["SGD", "k = 5, α = 0.5", "k = 5, α = 0.8", "k = 10, α = 0.5", "k = 10, α = 0.8"])],
        6,
        2,
    ),
    (
        "fig12_tab6_inner_state",
        &[
            ("One learning rate", &["SGD", "Maintain", "Interpolate", "Reset"]),
            ("Tuned", &["SGD", "Maintain", "Interpolate", "Reset"]),
        ],
        4,
        2,
    ),
    ("fig10_inner_and_outer_loop", &[("", &["Lookahead"])], 0, 3),
    ("fig01_trajectory_plane", &[("", &["Lookahead"])], 0, 1),
];

#[test]
fn every_experiment_names_its_own_panels_and_groups() {
    for (name, panels, values, claims) in EXPERIMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/experiments").join(name).join("paper.toml");
        let paper = Paper::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
        let groups: Vec<Group> = panels
            .iter()
            .flat_map(|(panel, labels)| labels.iter().map(move |label| group(panel, label, None, 1)))
            .collect();
        paper.check_names(&path, &groups).unwrap();
        // A smaller scale may leave out all panels but the first.
        let first: Vec<Group> = groups.iter().filter(|group| group.panel == panels[0].0).cloned().collect();
        paper.check_names(&path, &first).unwrap();
        assert_eq!((paper.value.len(), paper.claim.len()), (values, claims), "{name}");
        let json = serde_json::to_string(&paper).unwrap();
        assert_eq!(serde_json::from_str::<Paper>(&json).unwrap(), paper, "{name}");
    }
}

#[test]
fn table_1_is_as_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/experiments/fig05_tab1_cifar/paper.toml");
    let paper = Paper::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
    let printed = [95.23, 95.26, 94.84, 95.27, 78.24, 77.99, 76.88, 78.34];
    assert_eq!(paper.value.iter().map(|value| value.mean).collect::<Vec<_>>(), printed);
    assert!(paper.value.iter().all(|value| value.measure == Measure::ValidAccuracy && value.n == Some(3)));
}

#[test]
fn tables_3_and_4_are_as_printed() {
    let printed: [(&str, &[f64], &[Measure]); 2] = [
        (
            "fig07a_tab3_penn_treebank",
            &[43.62, 66.0, 63.90, 35.02, 65.10, 63.04, 33.54, 61.64, 59.33, 31.92, 60.28, 57.72, 61.18, 58.79],
            &[Measure::TrainPerplexity, Measure::ValidPerplexity, Measure::TestPerplexity],
        ),
        (
            "fig07b_tab4_translation",
            &[24.6, 24.6, 24.68, 24.70, 24.3, 24.4, 24.17, 24.51],
            &[Measure::ValidBleu, Measure::TestBleu],
        ),
    ];
    for (name, numbers, measures) in printed {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/experiments").join(name).join("paper.toml");
        let paper = Paper::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
        assert_eq!(paper.value.iter().map(|value| value.mean).collect::<Vec<_>>(), numbers, "{name}");
        // Polyak has no training perplexity.
        let group = |value: &PaperValue| measures.iter().skip(usize::from(value.group == "Polyak")).copied();
        let expected: Vec<Measure> =
            paper.value.chunk_by(|a, b| a.group == b.group).flat_map(|of| group(&of[0])).collect();
        assert_eq!(paper.value.iter().map(|value| value.measure).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn malformed_text_is_an_error_with_its_line() {
    let value = "source = \"x\"\n[[value]]\ngroup = \"SGD\"\nmeasure = \"valid_accuracy\"\nmean = 95.0\n";
    let claim =
        "[[claim]]\nsays = \"So.\"\ngroup = \"A\"\nbaseline = \"B\"\nmeasure = \"train_loss\"\nexpect = \"lower\"\n";
    let spread = claim.replace("lower", "less_spread");
    let similar = claim.replace("lower", "similar");
    let bleu = value.replace("valid_accuracy", "test_bleu");
    let cases = [
        ("source = ".to_owned(), "paper.toml:1:"),
        (value.replace("group", "grup"), "unknown field `grup`"),
        (value.replace("valid_accuracy", "accuracy"), "paper.toml:4:11: unknown variant `accuracy`"),
        (value.replace("mean = 95.0\n", ""), "missing field `mean`"),
        (value.replace("95.0", "950.0"), "value 1: `mean` is 950, accepted: percent, 0 to 100"),
        (value.replace("95.0", "nan"), "`mean` is NaN"),
        (value.to_owned() + "std = -1.0\n", "`std` is -1"),
        (claim.replace("\"A\"", "3"), "expected a label or a list of labels"),
        (claim.replace("lower", "smaller"), "unknown variant `smaller`"),
        (claim.replace("group = \"A\"\n", ""), "claim 1 \"So.\": `groups` is missing"),
        (claim.replace("baseline = \"B\"\n", ""), "`baselines` is 0 for 1 groups"),
        (claim.replace("measure = \"train_loss\"\n", ""), "`measure` is missing, accepted: train_loss"),
        (claim.replace("expect = \"lower\"\n", ""), "`expect` is missing, accepted: higher"),
        (claim.replace("\"A\"", "[\"A\", \"C\"]").replace("\"B\"", "[\"B\", \"D\", \"E\"]"), "3 for 2 groups"),
        (spread, "at least two of each"),
        (similar.clone() + "margin = -1.0\n", "`margin` is -1"),
        (claim.to_owned() + "margin = 1.0\n", "`margin` is 1, accepted: left out"),
        (claim.replace("train_loss", "sync_change"), "`baselines` is B, accepted: none"),
        (claim.to_owned() + "step = 5\n", "`steps` is missing, accepted: how many steps the paper trains"),
        (format!("steps = 4\n{claim}step = 5\n"), "`step` is 5, accepted: 1 to 4"),
        (format!("steps = 9\n{claim}step = 5\nepoch = 1\n"), "one of the two"),
        (bleu.replace("95.0", "101.0"), "`mean` is 101, accepted: 0 to 100"),
    ];
    for (text, reason) in cases {
        let error = Paper::parse(&text, "experiments/x/paper.toml".as_ref()).unwrap_err().to_string();
        assert!(error.contains("experiments/x/paper.toml") && error.contains(reason), "{error}\nfor\n{text}");
    }
}

#[test]
fn names_that_are_not_in_the_artifact_are_errors() {
    let path = Path::new("paper.toml");
    let paper = |panel: &str, label: &str| {
        let text = format!(
            "panels = [\"ten\", \"hundred\"]\n[[claim]]\nsays = \"So.\"\npanel = \"{panel}\"\ngroup = \"Lookahead\"\n\
             baseline = \"{label}\"\nmeasure = \"train_loss\"\nexpect = \"lower\"\n"
        );
        Paper::parse(&text, path).unwrap()
    };
    let groups = [group("ten", "SGD", None, 1), group("ten", "Lookahead", None, 1)];
    paper("ten", "SGD").check_names(path, &groups).unwrap();
    paper("hundred", "whatever").check_names(path, &groups).unwrap();
    let error = paper("ten", "SDG").check_names(path, &groups).unwrap_err();
    assert!(matches!(&error, FileError::PaperEntry { key: "group", .. }), "{error}");
    assert!(error.to_string().contains("\"SDG\", accepted: \"SGD\", \"Lookahead\""), "{error}");
    let error = paper("thousand", "SGD").check_names(path, &groups).unwrap_err().to_string();
    assert!(error.contains("`panel` is \"thousand\", accepted: \"ten\""), "{error}");
}
