//! The folders of reports: one for each scale and sweep, kept until there is a new one, with what can be told of the rest.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Bench, contents, stderr, stdout};

/// One run of a moment; `LABEL` and `MORE` are for a test to fill.
pub const SWEEP: &str = r#"
title = "A sweep"
[run]
epochs = 1
data = { name = "made", train = 32, valid = 16 }
optimizer = { name = "sgd" }
schedule = { learning_rate = 0.1 }
[[group]]
label = "SGD"
[scale.smoke]
seeds = 1
[scale.small]
seeds = 2
"#;

pub fn bench(files: &[(&str, &str)]) -> Bench {
    let bench = Bench::new("");
    for (name, text) in files {
        let path = bench.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    bench
}

pub fn done(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    stdout(&output)
}

/// Runs into exit code `code`, and gives what was told.
pub fn refused(bench: &Bench, code: i32, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", stderr(&output));
    stderr(&output)
}

pub fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|_| panic!("{}", path.display()))).unwrap()
}

/// Every file of a report.
pub fn report(bench: &Bench, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    contents(&bench.path().join("results").join(folder))
}

#[test]
fn a_scale_leaves_the_reports_of_the_others() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml", "fig04_convergence_rate"]);
    let before = ["lr", "fig04_convergence_rate"].map(|folder| report(&bench, folder));
    done(&bench, &["run", "lr.toml", "fig04_convergence_rate", "--scale", "smoke"]);
    assert!(["lr", "fig04_convergence_rate"].map(|folder| report(&bench, folder)) == before);
    let results = bench.path().join("results");
    assert_eq!(json(results.join("lr_smoke/summary.json"))["groups"][0]["n"], 1);
    assert_eq!(json(results.join("lr/summary.json"))["groups"][0]["n"], 2);

    // All of them are found again.
    let told = done(&bench, &["report", "results"]);
    assert!(told.contains("results/lr/report.html") && told.contains("results/lr_smoke/report.html"), "{told}");
    let index = fs::read_to_string(results.join("index.html")).unwrap();
    for folder in ["lr", "lr_smoke", "fig04_convergence_rate", "fig04_convergence_rate_smoke"] {
        assert!(index.contains(&format!("href=\"{folder}/report.html\"")), "{folder} is not in the index");
    }
}

#[test]
fn what_cannot_begin_leaves_the_older_report_as_it_was() {
    let bench = bench(&[("lr.toml", SWEEP), ("other.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let before = contents(&bench.path().join("results"));
    let made = "{ name = \"made\", train = 32, valid = 16 }";
    for (data, code) in [("{ name = \"cifar10\", dir = \"nowhere\" }", 1), ("{ name = \"made\", tain = 32 }", 2)] {
        fs::write(bench.path().join("lr.toml"), SWEEP.replace(made, data)).unwrap();
        refused(&bench, code, &["run", "lr.toml"]);
        // Nor is anything begun that comes before it.
        refused(&bench, code, &["run", "other.toml", "lr.toml"]);
        assert!(contents(&bench.path().join("results")) == before, "{data}");
    }
    // A run that begins and fails leaves it too.
    let diverges = SWEEP.replace("learning_rate = 0.1", "learning_rate = 1e38");
    fs::write(bench.path().join("lr.toml"), diverges).unwrap();
    let report_before = report(&bench, "lr");
    assert!(refused(&bench, 1, &["run", "lr.toml"]).contains("not finite"));
    assert!(report(&bench, "lr") == report_before);
}

#[test]
fn a_broken_artifact_does_not_keep_the_others_from_being_reported() {
    let bench = bench(&[("a.toml", SWEEP), ("z.toml", SWEEP)]);
    done(&bench, &["run", "a.toml", "z.toml"]);
    let results = bench.path().join("results");
    for (name, text) in [("b", "{"), ("c", "")] {
        fs::create_dir(results.join(name)).unwrap();
        fs::write(results.join(name).join("artifact.json"), text).unwrap();
    }
    for name in ["a", "z"] {
        fs::remove_file(results.join(name).join("report.html")).unwrap();
    }
    let told = refused(&bench, 1, &["report", "results"]);
    assert!(told.contains("b/artifact.json: it does") && told.contains("c/artifact.json: it does"), "{told}");
    assert!(told.contains("2 of 4 artifacts"), "{told}");
    for name in ["a/report.html", "z/report.html", "index.html"] {
        assert!(results.join(name).is_file(), "{name}");
    }
}

#[test]
fn all_artifacts_are_reported_or_one() {
    let bench = bench(&[("a.toml", SWEEP), ("z.toml", SWEEP)]);
    done(&bench, &["run", "a.toml", "z.toml"]);
    let page = |name: &str| bench.path().join("results").join(name).join("report.html");
    ["a", "z"].iter().for_each(|name| fs::remove_file(page(name)).unwrap());
    let text = done(&bench, &["report", "results", "a"]);
    assert!(text.contains("a/report.html") && text.contains("index.html"), "{text}");
    assert!(page("a").is_file() && !page("z").exists());
    done(&bench, &["report", "results"]);
    assert!(page("z").is_file());
    let told = refused(&bench, 1, &["report", "results", "aa"]);
    assert!(told.contains("\"aa\"") && told.contains("accepted: a, z"), "{told}");
}

#[test]
fn a_folder_has_one_owner() {
    let other = SWEEP.replace("A sweep", "Another sweep").replace("0.1", "0.2");
    let bench = bench(&[("a/lr.toml", SWEEP), ("b/lr.toml", &other)]);
    let told = refused(&bench, 2, &["run", "a/lr.toml", "b/lr.toml"]);
    assert!(told.contains("a/lr.toml") && told.contains("b/lr.toml") && told.contains("--out"), "{told}");
    assert!(!bench.path().join("results").exists(), "nothing was begun");

    done(&bench, &["run", "a/lr.toml"]);
    let before = report(&bench, "lr");
    let told = refused(&bench, 2, &["run", "b/lr.toml"]);
    assert!(told.contains("a/lr.toml") && told.contains("b/lr.toml") && told.contains("--out"), "{told}");
    assert!(report(&bench, "lr") == before);
    // The ways out, and the same file by another path, edited, or moved.
    done(&bench, &["run", "b/lr.toml", "--out", "elsewhere"]);
    done(&bench, &["run", "b/../a/lr.toml"]);
    fs::write(bench.path().join("a/lr.toml"), SWEEP.replace("A sweep", "The sweep")).unwrap();
    done(&bench, &["run", "a/lr.toml"]);
    fs::rename(bench.path().join("a"), bench.path().join("c")).unwrap();
    done(&bench, &["run", "c/lr.toml"]);
}

#[test]
fn names_that_are_another_s_or_no_folder_s_are_refused() {
    let names = [
        "runs",
        "quickstart",
        "Quickstart",
        "quickstart_smoke",
        "fig03_noisy_quadratic_tuning",
        "index.html",
        "..",
        ".",
    ];
    for name in names {
        let file = format!("sweeps/{name}.toml");
        let bench = bench(&[(&file, SWEEP)]);
        let told = refused(&bench, 2, &["run", &file]);
        assert!(told.contains(&file) && told.contains("give the file another"), "{told}");
        assert_eq!(fs::read_dir(bench.path()).unwrap().count(), 2, "{name}: something was written");
    }
    let bench = bench(&[("esc\u{1b}[2J.toml", SWEEP)]);
    let told = refused(&bench, 2, &["run", "esc\u{1b}[2J.toml"]);
    assert!(!told.contains('\u{1b}'), "{told:?}");
}

#[test]
fn older_outputs_of_an_edited_sweep_go_and_nothing_else() {
    let traced = SWEEP
        .replace("[run]", "figure = \"trace\"\n[run]\ntrace = { epoch = 1, updates = 1 }\nbatch_size = 8")
        .replace("label = \"SGD\"", "label = \"SGD, traced\"");
    let bench = bench(&[("lr.toml", &traced)]);
    done(&bench, &["run", "lr.toml", "--tensorboard"]);
    let folder = bench.path().join("results/lr");
    let events = folder.join("tensorboard/SGD, traced-seed0/events.out.tfevents.0000000000.lookahead");
    assert!(folder.join("figure.svg").is_file() && folder.join("trace.csv").is_file() && events.is_file());
    let own = [folder.join("notes.txt"), folder.join("tensorboard/mine.txt"), events.with_file_name("mine.txt")];
    own.iter().for_each(|path| fs::write(path, "mine").unwrap());

    // Once more: what still belongs to it stays.
    done(&bench, &["run", "lr.toml"]);
    assert!(folder.join("figure.svg").is_file() && events.is_file());

    fs::write(bench.path().join("lr.toml"), SWEEP).unwrap();
    done(&bench, &["run", "lr.toml"]);
    for path in [folder.join("figure.svg"), folder.join("trace.csv"), events.clone()] {
        assert!(!path.exists(), "{} is of the sweep before", path.display());
    }
    assert!(!folder.join("tensorboard/SGD, traced-seed1").exists(), "an empty folder");
    own.iter().for_each(|path| assert_eq!(fs::read_to_string(path).unwrap(), "mine"));
    done(&bench, &["run", "lr.toml", "--tensorboard"]);
    assert!(folder.join("tensorboard/SGD-seed0").is_dir());
    own.iter().for_each(|path| assert_eq!(fs::read_to_string(path).unwrap(), "mine"));
}

#[test]
fn long_and_odd_labels_make_sound_files() {
    let long = "momentum 0.9, weight decay 0.0005, ".repeat(8);
    let odd = r#"SGD, \"plain\"\nsecond line"#;
    let groups = format!(
        "label = \"{long}\"\n[[group]]\nlabel = \"{long}!\"\n[[group]]\nlabel = \"{odd}\"\n[[group]]\n\
         label = \"=1+1|<i>x</i>&\"\nbaseline = \"{odd}\"\n[[group]]\nlabel = \"../a:b\"\n[[group]]\nlabel = \"../a*b\""
    );
    let sweep = SWEEP.replace("label = \"SGD\"", &groups);
    let bench = bench(&[("labels.toml", &sweep)]);
    done(&bench, &["run", "labels.toml", "--scale", "smoke", "--tensorboard"]);
    let folder = bench.path().join("results/labels_smoke");
    let names: Vec<String> = fs::read_dir(folder.join("tensorboard"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| name.len() < 250 && !name.starts_with('.')), "{names:?}");

    let csv = fs::read_to_string(folder.join("curves.csv")).unwrap();
    assert!(csv.contains(",\"SGD, \"\"plain\"\"\nsecond line\","), "{csv}");
    assert!(csv.contains(",=1+1|<i>x</i>&,"), "{csv}");
    for name in ["report.html", "curves.svg"] {
        let page = fs::read_to_string(folder.join(name)).unwrap();
        assert!(!page.contains("<i>x") && page.contains("&lt;i&gt;x&lt;/i&gt;&amp;"), "{name}");
    }

    // What no page can show is refused, wherever it would be shown.
    for (text, line) in [
        (SWEEP.replace("SGD", "a\\u0001b"), 9),
        (SWEEP.replace("A sweep", "a\\u001b[2Jb"), 2),
        (SWEEP.replace("seeds = 1", "seeds = 1\ndata = \"a\\u0000\""), 12),
        (SWEEP.replace("title", "notes = [\"\\u007f\"]\ntitle"), 2),
        (SWEEP.replace("[[group]]", "[[panel]]\nname = \"\\ufffe\"\n[[group]]"), 9),
        (SWEEP.replace("SGD", &"a".repeat(1001)), 9),
        (SWEEP.replace("label = \"SGD\"", "label = \" \""), 9),
    ] {
        fs::write(bench.path().join("labels.toml"), text).unwrap();
        let told = refused(&bench, 2, &["run", "labels.toml", "--out", "none"]);
        assert!(told.contains(&format!("labels.toml:{line}:")), "line {line} is not in {told}");
        assert!(told.len() < 500 && !told.contains(['\u{1}', '\u{1b}', '\u{7f}']), "{told:?}");
    }
    assert!(!bench.path().join("none").exists());
}

#[test]
fn what_stands_in_the_way_of_a_report_is_found_before_anything_is_done() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    for name in ["summary.json", "report.html", "figure.svg"] {
        let folder = bench.path().join("results/lr").join(name);
        fs::create_dir_all(&folder).unwrap();
        assert!(refused(&bench, 1, &["run", "lr.toml"]).contains(name));
        fs::remove_dir(&folder).unwrap();
    }
    fs::remove_dir(bench.path().join("results/lr")).unwrap();
    fs::write(bench.path().join("results/lr"), "a file").unwrap();
    assert!(refused(&bench, 1, &["run", "lr.toml"]).contains("results/lr"));
    fs::remove_file(bench.path().join("results/lr")).unwrap();
    // The same for an analysis that comes after runs, and for the index.
    let (figure, report) = ("fig03_noisy_quadratic", bench.path().join("results/fig03_noisy_quadratic_smoke"));
    let arguments = ["run", "lr.toml", figure, "--scale", "smoke"];
    for name in ["curves.csv", "figure.svg", "report.html", "result.json"] {
        fs::create_dir_all(report.join(name)).unwrap();
        assert!(refused(&bench, 1, &arguments).contains(name));
        fs::remove_dir(report.join(name)).unwrap();
    }
    fs::remove_dir(&report).unwrap();
    fs::write(&report, "a file").unwrap();
    assert!(refused(&bench, 1, &arguments).contains(figure));
    fs::create_dir(bench.path().join("results/index.html")).unwrap();
    assert!(refused(&bench, 1, &["run", "lr.toml"]).contains("index.html"));
    assert!(!Path::new(&bench.path().join("results/runs")).exists());
}

/// What says whose report a folder holds is damaged or gone: nobody else's report takes its place.
#[test]
fn a_folder_whose_owner_cannot_be_told_is_nobody_elses() {
    let bench = bench(&[("a/lr.toml", SWEEP), ("b/lr.toml", &SWEEP.replace("0.1", "0.2"))]);
    done(&bench, &["run", "a/lr.toml"]);
    let file = bench.path().join("results/lr/artifact.json");
    let whole = fs::read(&file).unwrap();
    let before = report(&bench, "lr");
    let mut flipped = whole.clone();
    flipped[0] ^= 1;
    for damaged in [Some(flipped), Some(whole[..whole.len() / 2].to_vec()), None] {
        match &damaged {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let told = refused(&bench, 1, &["run", "b/lr.toml"]);
        assert!(told.contains("results/lr") && told.contains("artifact.json"), "{told}");
        // Nor is it taken for a record, nor left out without a word.
        for arguments in [&["report", "results"][..], &["report", "results", "lr"], &["report", "results/lr"]] {
            assert!(refused(&bench, 1, arguments).contains("lr/artifact.json"));
        }
    }
    fs::write(&file, &whole).unwrap();
    assert!(report(&bench, "lr") == before);
}

#[test]
fn an_analysis_that_is_damaged_or_lost_is_told() {
    let bench = bench(&[]);
    done(&bench, &["run", "fig03_noisy_quadratic", "--scale", "smoke"]);
    done(&bench, &["report", "results"]);
    let file = bench.path().join("results/fig03_noisy_quadratic_smoke/result.json");
    let whole = fs::read(&file).unwrap();
    for damaged in [Some(&whole[..whole.len() / 2]), None] {
        match damaged {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        assert!(refused(&bench, 1, &["report", "results"]).contains("result.json"));
    }
}

/// A pipe in the place of what says whose folder it is: an error, and no waiting for what never comes.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_an_artifact_is_told_at_once() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let file = bench.path().join("results/lr/artifact.json");
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    for arguments in [["run", "lr.toml"], ["report", "results"]] {
        let told = refused(&bench, 1, &arguments);
        assert!(told.contains("artifact.json"), "{told}");
    }
}

/// A line end in a path stays in its line; and a report on an artifact within another says what there is.
#[test]
fn paths_are_told_on_one_line() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    let out = "my\nresults";
    let told = done(&bench, &["run", "lr.toml", "--scale", "smoke", "--out", out]);
    assert!(told.contains("\nreport: my\\u000aresults/lr_smoke/report.html"), "{told}");
    let within = format!("{out}/lr_smoke");
    let told = refused(&bench, 1, &["report", &within, "lr_smoke"]);
    assert_eq!(
        told,
        "error: my\\u000aresults/lr_smoke: no artifact \"lr_smoke\" with runs in it, none is in this folder\n"
    );
    let told = refused(&bench, 1, &["report", out, "lr"]);
    assert!(told.ends_with("no artifact \"lr\" with runs in it, accepted: lr_smoke\n"), "{told}");
    let told = refused(&bench, 1, &["inspect", "no\nrun"]);
    assert_eq!(told.lines().count(), 1, "{told}");
}
