//! Each command does what its help says.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use super::support::{Bench, CNN_CONFIG, stderr, stdout};

#[test]
fn quickstart_writes_table_summary_and_page() {
    let bench = Bench::new("");
    let output = bench.run(&["run", "quickstart", "--scale", "smoke"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for label in ["SGD", "Lookahead(SGD)", "AdamW", "Lookahead(AdamW)", "Polyak(SGD)"] {
        assert!(stdout(&output).contains(label), "{label} is not in the table");
    }
    let folder = bench.path().join("results/quickstart_smoke");
    let summary: Value = serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["groups"].as_array().unwrap().len(), 5);
    assert!(summary["groups"][0]["valid_accuracy"]["mean"].as_f64().unwrap() > 0.5, "two epochs beat guessing");
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("<svg"));

    // A second call finds every run done, and `report` makes the same page from the folders alone.
    let again = bench.run(&["run", "quickstart", "--scale", "smoke", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&again)).unwrap(), summary);
    fs::remove_file(folder.join("report.html")).unwrap();
    assert!(bench.run(&["report", "results"]).status.success());
    assert_eq!(fs::read_to_string(folder.join("report.html")).unwrap(), page);
}

#[test]
fn a_seed_gives_every_optimizer_the_same_start_and_order() {
    // With a learning rate of next to nothing every optimizer stays where it starts.
    let start = "epochs = 1\nschedule.learning_rate = 1e-30\ndata.train_limit = 64\nseed = 3\n";
    let losses: Vec<f64> =
        ["{ name = 'sgd' }", "{ name = 'lookahead', inner.name = 'adamw', inner.weight_decay = 0.0 }"]
            .iter()
            .map(|optimizer| {
                let bench = Bench::new(&format!("optimizer = {optimizer}\n{start}"));
                let output = bench.run(&["train", "run.toml", "--json"]);
                assert!(output.status.success(), "{}", stderr(&output));
                serde_json::from_str::<Value>(&stdout(&output)).unwrap()["valid_loss"].as_f64().unwrap()
            })
            .collect();
    assert_eq!(losses[0], losses[1]);
}

#[test]
fn train_writes_a_complete_run_folder_and_inspect_reads_its_checkpoint() {
    let bench = Bench::new(CNN_CONFIG);
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    let folder = bench.run_folder();
    for name in ["config.toml", "environment.json", "metrics.jsonl", "result.json", "report.html"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(config.contains("sync_period = 5"), "defaults are written out:\n{config}");

    let shown = stdout(&bench.run(&["inspect", folder.to_str().unwrap()]));
    for word in ["40 steps", "running_mean", "slow", "every checksum agrees"] {
        let found = shown.contains(word) || word == "40 steps" && shown.contains("step 40");
        assert!(found, "{word:?} is not in\n{shown}");
    }
    let json = stdout(&bench.run(&["inspect", "--json", folder.to_str().unwrap()]));
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["position"]["step"], 40);
}

#[test]
fn list_names_what_run_takes() {
    let bench = Bench::new("");
    assert!(stdout(&bench.run(&["list"])).contains("quickstart"));
    let json: Value = serde_json::from_str(&stdout(&bench.run(&["list", "--json"]))).unwrap();
    let names: Vec<&str> = json.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    let figures = [
        "01_",
        "02_",
        "03_",
        "04_",
        "05_tab1_",
        "06_tab2_",
        "07a_tab3_",
        "07b_tab4_",
        "08_",
        "09_tab5_",
        "10_",
        "11_",
        "12_tab6_",
    ];
    let (of_the_paper, ours) = names.split_at(1 + figures.len());
    assert_eq!(names[0], "quickstart");
    assert!(ours.len() >= 2 && ours.iter().all(|name| name.starts_with("outer_") || *name == "workers"), "{ours:?}");
    for (name, figure) in of_the_paper[1..].iter().zip(figures) {
        assert!(name.starts_with(&format!("fig{figure}")), "{name} is not Fig. {figure}");
    }
}

/// All commands, with what is printed of each for somebody who looks for an example.
const EXAMPLES: [(&[&str], &str); 20] = [
    (&[], "lookahead train my.toml --set seed=1"),
    (&["run"], "lookahead run quickstart --seeds 10"),
    (&["train"], "sync_period = 5"),
    (&["list"], "lookahead list --json"),
    (&["report"], "lookahead report results"),
    (&["inspect"], "lookahead inspect results/runs/ID"),
    (&["config"], "lookahead config"),
    (&["data"], "lookahead data list --data ~/data"),
    (&["data", "list"], "lookahead data list --data ~/data"),
    (&["data", "fetch"], "lookahead data fetch cifar10"),
    (&["data", "verify"], "lookahead data verify image_folders"),
    (&["devices"], "lookahead devices"),
    (&["man"], "lookahead man --out"),
    (&["completions"], "lookahead completions bash"),
    (&["theory"], "lookahead theory rate --spectrum log"),
    (&["theory", "advise"], "lookahead theory advise --lr 0.5"),
    (&["theory", "rate"], "lookahead theory rate --lr 1"),
    (&["theory", "loss"], "lookahead theory loss --lr 0.1"),
    (&["theory", "alpha"], "lookahead theory alpha --spectrum log"),
    (&["theory", "fixed-point"], "lookahead theory fixed-point --lr 0.5"),
];

#[test]
fn help_shows_examples_in_80_columns() {
    let bench = Bench::new("");
    for (command, example) in EXAMPLES {
        let help = stdout(&bench.run(&[command, &["--help"]].concat()));
        assert!(help.contains(example), "{command:?}: {help}");
        let is_fine = |line: &str| line.chars().count() <= 80;
        assert!(help.lines().all(is_fine), "{command:?}: {:?}", help.lines().find(|line| !is_fine(line)));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_told() {
    let bench = Bench::new("");
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["list"],
        &["config"],
        &["man"],
        &["completions", "bash"],
        &["theory", "alpha", "--lr", "0.5"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.command(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).starts_with("error: cannot write to standard output: "), "{}", stderr(&output));
    }
}

#[test]
fn all_is_done_though_nobody_reads_what_is_said() {
    let bench = Bench::new("");
    let analyses = ["fig03_noisy_quadratic", "fig04_convergence_rate"];
    let arguments = ["run", analyses[0], analyses[1], "--scale", "smoke"];
    let mut child = bench.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    for analysis in analyses {
        assert!(bench.path().join(format!("results/{analysis}_smoke/report.html")).exists(), "{analysis}");
    }
}
