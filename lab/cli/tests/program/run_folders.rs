//! Run folders of a sweep that are damaged or gone: the other runs are done and reported, and no number is lost in silence.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::reports::{SWEEP, bench, done, json, refused, report};
use super::support::{Bench, contents, stderr};

#[test]
fn a_run_that_cannot_be_read_is_named_and_the_others_are_reported() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let results = bench.path().join("results");
    let summary = fs::read(results.join("lr/summary.json")).unwrap();
    let id = json(results.join("lr/artifact.json"))["groups"][0]["runs"][0].as_str().unwrap().to_owned();
    let result = results.join("runs").join(&id).join("result.json");
    let whole = fs::read(&result).unwrap();
    for bytes in [&whole[..whole.len() / 2], b""] {
        for arguments in [["report", "results"], ["report", "results/lr"], ["run", "lr.toml"]] {
            fs::write(&result, bytes).unwrap();
            let told = refused(&bench, 1, &arguments);
            assert!(told.contains("result.json") && told.contains("emove"), "{told}");
            assert!(told.contains(&format!("results/runs/{id}")), "{told}");
            let summary = json(results.join("lr/summary.json"));
            assert_eq!(summary["groups"][0]["n"], 1, "{arguments:?}: the other run is reported");
            assert!(summary["unreadable"][0]["folder"].as_str().unwrap().ends_with(&id));
            let page = fs::read_to_string(results.join("lr/report.html")).unwrap();
            assert!(page.contains("the run is left out"));
        }
    }
    // The advice helps.
    fs::remove_dir_all(results.join("runs").join(&id)).unwrap();
    done(&bench, &["run", "lr.toml"]);
    let numbers = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["groups"][0]["valid_loss"].clone();
    assert_eq!(numbers(&fs::read(results.join("lr/summary.json")).unwrap()), numbers(&summary));
}

#[test]
fn a_damaged_checkpoint_of_one_run_does_not_keep_the_others_from_being_done() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let results = bench.path().join("results");
    let artifact = json(results.join("lr/artifact.json"));
    let ids = [0, 1].map(|seed| artifact["groups"][0]["runs"][seed].as_str().unwrap().to_owned());
    let result = |id: &str| results.join("runs").join(id).join("result.json");
    // The first run is to go on from its checkpoint, the second to be done anew.
    fs::remove_file(result(&ids[0])).unwrap();
    fs::remove_dir_all(results.join("runs").join(&ids[1])).unwrap();
    let current = results.join("runs").join(&ids[0]).join("checkpoint/current.json");
    let folder = json(current.clone())["folder"].as_str().unwrap().to_owned();
    let model = current.with_file_name(folder).join("model.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&model, bytes).unwrap();
    let told = refused(&bench, 1, &["run", "lr.toml"]);
    assert!(told.contains("model.safetensors") && told.contains(&format!("remove results/runs/{}", ids[0])), "{told}");
    assert!(result(&ids[1]).is_file(), "the other run is done");
    fs::remove_dir_all(results.join("runs").join(&ids[0])).unwrap();
    done(&bench, &["run", "lr.toml"]);
}

/// Does all but the first run of a sweep, which a fault keeps from being done, and gives what was told.
fn others_are_done(bench: &Bench, arguments: &[&str], fault: impl Fn(&Path)) -> String {
    let results = bench.path().join("results");
    let artifact = json(results.join("lr/artifact.json"));
    let [first, second] = [0, 1].map(|seed| artifact["groups"][0]["runs"][seed].as_str().unwrap().to_owned());
    fs::remove_dir_all(results.join("runs").join(&second)).unwrap();
    fault(&results.join("runs").join(&first));
    let told = refused(bench, 1, arguments);
    assert!(told.contains(&format!("remove results/runs/{first} and give the same command again")), "{told}");
    assert!(results.join("runs").join(&second).join("result.json").is_file(), "the other run is done");
    fs::remove_dir_all(results.join("runs").join(&first)).unwrap();
    done(bench, arguments);
    told
}

#[test]
fn a_configuration_of_one_run_that_is_damaged_or_another_s_does_not_keep_the_others_from_being_done() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    let arguments = ["run", "lr.toml"];
    done(&bench, &arguments);
    for bytes in [&b"epochs = \"three\""[..], b"", b"\xff", b"epochs = 2", b"]"] {
        let told = others_are_done(&bench, &arguments, |run| fs::write(run.join("config.toml"), bytes).unwrap());
        assert_eq!(told.matches("config.toml").count(), 1, "{told}");
    }
    let other = |run: &Path| {
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        fs::write(run.join("config.toml"), config.replace("epochs = 1", "epochs = 2")).unwrap();
    };
    assert!(others_are_done(&bench, &arguments, other).contains("config.toml: this belongs to run"));
}

#[test]
fn a_file_in_the_place_of_a_run_does_not_keep_the_others_from_being_done() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let results = bench.path().join("results");
    let artifact = json(results.join("lr/artifact.json"));
    let [first, second] = [0, 1].map(|seed| {
        let run = results.join("runs").join(artifact["groups"][0]["runs"][seed].as_str().unwrap());
        fs::remove_dir_all(&run).unwrap();
        run
    });
    fs::write(&first, "mine").unwrap();
    for arguments in [["run", "lr.toml"], ["report", "results/lr"]] {
        let told = refused(&bench, 1, &arguments);
        assert!(told.contains("is there, but is no folder; move it away") && !told.contains("remove"), "{told}");
        let page = fs::read_to_string(results.join("lr/report.html")).unwrap();
        assert!(page.contains("move it away; the run is left out"), "{arguments:?}");
    }
    assert!(second.join("result.json").is_file(), "the other run is done");
    assert_eq!(fs::read_to_string(&first).unwrap(), "mine");
    fs::remove_file(&first).unwrap();
    done(&bench, &["run", "lr.toml"]);
}

#[test]
fn a_result_that_is_lost_is_made_again_and_no_other_advice_is_given() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let results = bench.path().join("results");
    let id = json(results.join("lr/artifact.json"))["groups"][0]["runs"][0].as_str().unwrap().to_owned();
    fs::remove_file(results.join("runs").join(&id).join("result.json")).unwrap();
    let told = refused(&bench, 1, &["report", "results/lr"]);
    assert!(told.contains("makes it again") && !told.contains("remove"), "{told}");
    done(&bench, &["run", "lr.toml"]);
    done(&bench, &["report", "results/lr"]);
}

#[test]
fn workers_of_one_run_that_have_no_common_checkpoint_do_not_keep_the_others_from_being_done() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    let arguments = ["run", "lr.toml", "--distributed", "gradients", "--workers", "2"];
    done(&bench, &arguments);
    let told = others_are_done(&bench, &arguments, |run| {
        fs::remove_file(run.join("result.json")).unwrap();
        contents(&run.join("workers")).iter().for_each(|(path, _)| fs::write(path, "").unwrap());
    });
    assert!(told.contains("/workers: "), "{told}");
}

#[test]
fn a_report_of_runs_whose_folders_are_gone_stays_as_it_was() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let results = bench.path().join("results");
    let (before, artifact) = (report(&bench, "lr"), json(results.join("lr/artifact.json")));
    let ids = [0, 1].map(|seed| format!("results/runs/{}", artifact["groups"][0]["runs"][seed].as_str().unwrap()));
    let keeps = |lost: &[String]| {
        for arguments in [["report", "results"], ["report", "results/lr"]] {
            let told = refused(&bench, 1, &arguments);
            assert!(told.contains("whose folders are gone") && told.contains("run the artifact again"), "{told}");
            assert!(ids.iter().all(|id| told.contains(id) == lost.contains(id)), "{lost:?}: {told}");
            assert!(report(&bench, "lr") == before, "{arguments:?}");
        }
        assert!(fs::read_to_string(results.join("index.html")).unwrap().contains("whose folders are gone"));
    };
    let (runs, first) = (results.join("runs"), bench.path().join(&ids[0]));
    let [aside, all] = ["aside", "all"].map(|name| bench.path().join(name));
    fs::rename(&first, &aside).unwrap();
    keeps(&ids[..1]);
    fs::create_dir(&first).unwrap();
    keeps(&ids[..1]);
    fs::rename(&runs, &all).unwrap();
    keeps(&ids);

    // Both ways out.
    fs::rename(&all, &runs).unwrap();
    fs::remove_dir(&first).unwrap();
    fs::rename(&aside, &first).unwrap();
    done(&bench, &["report", "results"]);
    fs::remove_dir_all(&runs).unwrap();
    done(&bench, &["run", "lr.toml"]);
    done(&bench, &["report", "results"]);
}

/// A sweep of which the first group diverges.
const DIVERGING: &str = r#"
title = "A sweep"
[run]
epochs = 2
data = { name = "made", train = 32, valid = 16 }
optimizer = { name = "sgd" }
schedule = { learning_rate = 0.1 }
[[group]]
label = "too long"
set = ["schedule.learning_rate=1e38"]
[[group]]
label = "SGD"
[scale.small]
seeds = 2
"#;

#[test]
fn a_run_that_diverges_is_named_and_the_others_are_done() {
    let bench = bench(&[("lr.toml", DIVERGING), ("sound.toml", SWEEP)]);
    for _ in 0..2 {
        let told = refused(&bench, 1, &["run", "lr.toml"]);
        assert!(told.contains("too long seed 0") && told.contains("stop_on_non_finite"), "{told}");
        let summary = json(bench.path().join("results/lr/summary.json"));
        assert_eq!([&summary["groups"][0]["n"], &summary["groups"][1]["n"]], [0, 2]);
    }
    // What comes after it is done too.
    refused(&bench, 1, &["run", "lr.toml", "sound.toml"]);
    assert!(bench.path().join("results/sound/summary.json").is_file());
}

#[test]
fn what_was_done_is_printed_as_json_where_something_after_it_fails() {
    let later = SWEEP.replace("learning_rate = 0.1", "learning_rate = 1e38");
    let bench = bench(&[("sound.toml", SWEEP), ("later.toml", &later)]);
    let output = bench.run(&["run", "sound.toml", "later.toml", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["artifact"], "sound");
}

#[test]
fn a_run_folder_without_its_configuration_is_no_analysis() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let runs = bench.path().join("results/runs");
    let id = fs::read_dir(&runs).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let run = format!("results/runs/{id}");
    done(&bench, &["report", &run]);
    // A page and curves are in it now, as in an analysis; the folder of runs has none to report.
    let told = refused(&bench, 1, &["report", "results/runs"]);
    assert!(told.contains("neither a run folder"), "{told}");
    assert!(!runs.join("index.html").exists());
    fs::remove_file(runs.join(&id).join("config.toml")).unwrap();
    let told = refused(&bench, 1, &["report", &run]);
    assert!(told.contains("a run folder without its config.toml"), "{told}");
}

#[test]
fn a_folder_that_holds_another_run_is_inspected_as_that() {
    let bench = bench(&[("lr.toml", SWEEP)]);
    done(&bench, &["run", "lr.toml"]);
    let runs = bench.path().join("results/runs");
    let mut ids: Vec<_> = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    ids.sort();
    fs::remove_dir_all(runs.join(&ids[1])).unwrap();
    fs::rename(runs.join(&ids[0]), runs.join(&ids[1])).unwrap();
    let inspected = format!("results/runs/{}", ids[1].to_string_lossy());
    let told = refused(&bench, 1, &["inspect", &inspected]);
    assert!(told.contains(ids[0].to_str().unwrap()), "{told}");
    // A copy elsewhere is a copy.
    fs::rename(runs.join(&ids[1]), bench.path().join("kept")).unwrap();
    done(&bench, &["inspect", "kept"]);
}

#[test]
fn a_record_that_cannot_be_judged_keeps_no_other_from_it() {
    let bench = bench(&[("lr.toml", SWEEP), ("records/a/summary.json", "{}")]);
    done(&bench, &["run", "lr.toml"]);
    let records = bench.path().join("records");
    fs::create_dir_all(records.join("lr")).unwrap();
    fs::copy(bench.path().join("results/lr/summary.json"), records.join("lr/summary.json")).unwrap();
    let told = refused(&bench, 1, &["report", "records"]);
    assert!(told.contains("records/a/summary.json") && told.contains("1 of 2 records"), "{told}");
    assert_eq!(json(records.join("lr/summary.json"))["judged_again"], true);
}
