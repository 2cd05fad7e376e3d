//! Bad input: one clear error, the right exit code, and the run folder as it was.

use std::fs;
use std::path::Path;

use lookahead_runs::files::{read_sealed, write_sealed};
use serde_json::Value;

use super::support::{Bench, CNN_CONFIG, CONFIG, contents, stderr};

/// Runs `train` on a configuration and expects exit code 2 and a message with all of `words`.
fn refused(config: &str, words: &[&str]) {
    let bench = Bench::new(config);
    let output = bench.train();
    assert_eq!(output.status.code(), Some(2), "{config}\n{}", stderr(&output));
    for word in words {
        assert!(stderr(&output).contains(word), "{word:?} is not in\n{}", stderr(&output));
    }
    assert!(!bench.path().join("results").exists(), "nothing was begun");
}

const VALID: &str = "schedule.learning_rate = 0.1\n[optimizer]\nname = 'lookahead'\n";

#[test]
fn wrong_configurations_are_refused_with_line_and_range() {
    refused(&format!("{VALID}inner = {{ name = 'sgd', momentun = 0.9 }}"), &["run.toml:4:", "momentun", "`momentum`"]);
    refused(&format!("{VALID}sync_period = 0\ninner.name = 'sgd'"), &["run.toml:4:", "sync_period", "0"]);
    refused(&format!("{VALID}alpha = 0.0\ninner.name = 'sgd'"), &["run.toml:4:", "alpha", "above 0"]);
    refused(&format!("{VALID}alpha = nan\ninner.name = 'sgd'"), &["run.toml:4:", "alpha"]);
    refused(&format!("{VALID}alpha = 1.5\ninner.name = 'sgd'"), &["run.toml:4:", "1.5"]);
    refused("optimizer.name = 'sgd'", &["schedule.learning_rate"]);
    refused("optimizer = [", &["run.toml:1:"]);
}

#[test]
fn what_would_come_after_the_end_of_a_run_is_refused() {
    let valid = format!("{VALID}inner.name = 'sgd'\n");
    for (keys, words) in [
        ("epochs = 2\ntrace.epoch = 3", ["`trace.epoch` is 3", "at most 2"]),
        ("epochs = 5\nevaluate_every = 2\naverage_epochs = 4", ["`average_epochs` is 4", "at most 3"]),
    ] {
        refused(&format!("{keys}\n{valid}"), &words);
    }
    let then = "then = { epoch = 3, alpha = 1 }";
    let words = ["`optimizer.then.epoch` is 3", "at most 2"];
    refused(&format!("epochs = 2\n{valid}{then}"), &words);
    let inner = format!("epochs = 2\n{VALID}inner = {{ name = 'lookahead', {then}, inner.name = 'sgd' }}");
    refused(&inner, &["`optimizer.inner.then.epoch` is 3", "at most 2"]);
}

#[test]
fn a_sweep_given_to_train_and_a_run_given_to_run_are_told_as_what_they_are() {
    let sweep = "[[group]]\nlabel = 'SGD'\n[run]\nepochs = 1";
    for (text, command, words) in [
        (
            sweep,
            "train",
            [
                "run.toml:1:3: unknown key `group`; accepted here: seed, ",
                "workers; this is a sweep, which `lookahead run` takes",
            ],
        ),
        (
            VALID,
            "run",
            [
                "run.toml:1:1: unknown key `schedule`; accepted here: title",
                "scale; this is a single run, which `lookahead train` takes",
            ],
        ),
    ] {
        let output = Bench::new(text).run(&[command, "run.toml"]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        for word in words {
            assert!(stderr(&output).contains(word), "{word:?} is not in\n{}", stderr(&output));
        }
    }
    // A slip in the right kind of file is no other kind.
    for (command, text) in [("train", "epoch = 1"), ("run", "titel = 'A sweep'\n[[group]]\nlabel = 'SGD'")] {
        let output = Bench::new(text).run(&[command, "run.toml"]);
        assert!(!stderr(&output).contains("this is"), "{}", stderr(&output));
    }
}

#[test]
fn a_configuration_in_another_encoding_is_refused_with_its_line() {
    let bench = Bench::new("");
    let utf16: Vec<u8> = "\u{feff}epochs = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, place) in [(&b"epochs = 1\n# caf\xe9\n"[..], "run.toml:2:6: "), (&utf16, "run.toml:1:1: ")] {
        fs::write(bench.path().join("run.toml"), bytes).unwrap();
        for command in ["train", "run"] {
            let output = bench.run(&[command, "run.toml"]);
            assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
            let expected = format!("error: {place}not valid TOML: it is not UTF-8");
            assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_wrong_command_line_is_refused() {
    let bench = Bench::new("");
    for arguments in [
        &["run", "quickstart", "--device", "cuda"][..],
        &["run", "quickstarts"],
        &["run", "quickstart", "--seeds", "0"],
        &["run", "quickstart", "--set", "epoch=3"],
        &["train"],
        &["frobnicate"],
    ] {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{}", stderr(&output));
    }
    assert!(stderr(&bench.run(&["run", "quickstart", "--set", "epoch=3"])).contains("`epochs`"));
}

#[test]
fn missing_files_are_named() {
    let bench = Bench::new(
        "data = { name = 'fashion_mnist', dir = 'nowhere' }\noptimizer.name = 'sgd'\nschedule.learning_rate = 0.1",
    );
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
    for arguments in [["train", "absent.toml"], ["inspect", "absent"], ["report", "absent"]] {
        let output = bench.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains("absent"), "{}", stderr(&output));
    }
}

/// Trains, damages the run folder, and expects `train` and `inspect` to fail and name the file.
fn damaged(damage: impl Fn(&Path) -> String) {
    let bench = Bench::new(CNN_CONFIG);
    assert!(bench.train().status.success());
    let folder = bench.run_folder();
    fs::remove_file(folder.join("result.json")).unwrap();
    let checkpoint = folder.join("checkpoint");
    let inside = fs::read_dir(&checkpoint).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let named = damage(&inside.unwrap());
    let before = contents(&folder);
    for arguments in [["train", "run.toml"], ["inspect", folder.to_str().unwrap()]] {
        let output = bench.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{}", stderr(&output));
        assert!(stderr(&output).contains(&named), "{named:?} is not in\n{}", stderr(&output));
    }
    assert!(contents(&folder) == before, "the run folder has changed");
}

#[test]
fn a_flipped_bit_or_a_cut_in_any_file_of_a_checkpoint_is_found() {
    for name in ["model.safetensors", "slow.safetensors", "optimizer.record", "position.json"] {
        damaged(|inside| {
            let path = inside.join(name);
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
            name.to_owned()
        });
    }
    damaged(|inside| {
        let path = inside.join("optimizer.record");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        "optimizer.record".to_owned()
    });
    damaged(|inside| {
        fs::write(inside.parent().unwrap().join("current.json"), "{\"folder\":\"step-").unwrap();
        "current.json".to_owned()
    });
    damaged(|inside| {
        fs::remove_dir_all(inside).unwrap();
        "step-".to_owned()
    });
}

#[test]
fn a_checkpoint_of_another_configuration_is_refused() {
    let (bench, other) = (Bench::new(CNN_CONFIG), Bench::new(&CNN_CONFIG.replace("[4, 8]", "[4, 6]")));
    assert!(bench.train().status.success() && other.train().status.success());
    let folder = bench.run_folder();
    fs::remove_file(folder.join("result.json")).unwrap();
    fs::remove_dir_all(folder.join("checkpoint")).unwrap();
    fs::rename(other.run_folder().join("checkpoint"), folder.join("checkpoint")).unwrap();
    let before = contents(&folder);
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1));
    let id = other.run_folder().file_name().unwrap().to_string_lossy().into_owned();
    assert!(stderr(&output).contains(&id), "{}", stderr(&output));
    assert!(contents(&folder) == before, "the run folder has changed");
}

#[test]
fn training_that_diverges_stops_with_its_last_checkpoint() {
    let config = "epochs = 3\nschedule.learning_rate = 1e30\noptimizer = { name = 'lookahead', inner.name = 'sgd' }\ncheckpoint_every = 1";
    let bench = Bench::new(config);
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("not finite"), "{}", stderr(&output));
    assert!(bench.run(&["inspect", bench.run_folder().to_str().unwrap()]).status.success());
}

#[test]
fn metrics_that_are_shorter_than_the_checkpoint_says_are_refused() {
    let bench = Bench::new(CNN_CONFIG);
    assert!(bench.train().status.success());
    let folder = bench.run_folder();
    fs::remove_file(folder.join("result.json")).unwrap();
    fs::write(folder.join("metrics.jsonl"), "").unwrap();
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("metrics.jsonl"), "{}", stderr(&output));
    assert_eq!(fs::read(folder.join("metrics.jsonl")).unwrap(), b"");
}

#[test]
fn a_run_folder_is_worked_on_by_one_process_at_a_time() {
    let bench = Bench::new(CONFIG);
    let mut child = bench.train_until(1);
    let output = bench.train();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("another process"), "{}", stderr(&output));
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let bench = Bench::new(CNN_CONFIG);
    assert!(bench.train().status.success());
    // A run of other data is known by its checksum, in the result and in the checkpoint.
    let result = bench.run_folder().join("result.json");
    let mut value: Value = read_sealed(&result).unwrap();
    value["data"] = "0".repeat(64).into();
    write_sealed(&result, &value).unwrap();
    let output = bench.train();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("other data"), "{}", stderr(&output));
}

#[test]
fn an_artifact_keeps_what_it_compares() {
    let bench = Bench::new("");
    for text in ["seed=7", "optimizer.name=adam", "schedule.learning_rate=0.05", "data.train_limit=100"] {
        let output = bench.run(&["run", "quickstart", "--scale", "smoke", "--set", text]);
        assert_eq!(output.status.code(), Some(2), "{text}\n{}", stderr(&output));
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
    }
}

#[test]
fn names_of_others_making_do_not_steer_the_terminal() {
    let bench = Bench::new("\"\\u001b[2J\\u009b\\u202e\" = 1\n");
    let shown = |output: std::process::Output| {
        let text = stderr(&output);
        assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
        text
    };
    shown(bench.train());
    assert!(shown(bench.run(&["train", "absent\u{1b}[2J.toml"])).contains(r"absent\u001b[2J.toml"));
}
