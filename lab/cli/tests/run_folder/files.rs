//! What is left of killed processes, lost files, and what is no file at all.

use std::fs;

use lookahead_runs::Current;
use lookahead_runs::files::FileError;
use lookahead_training::Error;
use lookahead_training::run;

use super::runs::{Bench, KINDS};

#[test]
fn a_run_that_lost_where_it_stands_asks() {
    for config in KINDS {
        let bench = Bench::new(config);
        bench.run_past_an_evaluation();
        fs::remove_file(bench.folder.join("checkpoint/current.json")).unwrap();
        let before = bench.files();
        let error = bench.run_to(u64::MAX).unwrap_err().to_string();
        assert!(error.contains("current.json") && error.contains("delete the run folder"), "{error}");
        fs::remove_dir_all(bench.folder.join("checkpoint")).unwrap();
        let error = bench.run_to(u64::MAX).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl shows that the run was begun"), "{error}");
        assert!(
            before.keys().filter(|path| !path.starts_with("checkpoint")).all(|path| bench.folder.join(path).exists())
        );

        // The deliberate way on.
        fs::remove_dir_all(&bench.folder).unwrap();
        bench.run_to(u64::MAX).unwrap();
    }
}

#[test]
fn a_run_killed_before_its_first_checkpoint_begins_anew() {
    let bench = Bench::new(KINDS[0]);
    assert!(bench.run_to(1).is_err());
    let end = Bench::new(KINDS[0]).end().unwrap();
    // As a kill leaves it: the state says that nothing counts yet, whatever else was written.
    let current = Current::read(&bench.folder).unwrap().unwrap();
    Current::start(current.run, current.files).write(&bench.folder).unwrap();
    fs::create_dir_all(bench.folder.join("checkpoint/step-00000003-0000")).unwrap();
    fs::write(bench.folder.join("metrics.jsonl"), "{\"epoch\"").unwrap();
    assert_eq!(bench.end().unwrap(), end);
}

#[test]
fn a_lost_result_is_told_and_made_again() {
    let bench = Bench::new(KINDS[2]);
    let end = bench.end().unwrap();
    fs::remove_file(bench.folder.join("result.json")).unwrap();
    assert!(bench.report().unwrap_err().contains("result.json is missing"));
    let found = run::inspect(&bench.folder).unwrap();
    assert!(matches!(found.problems[..], [Error::File(FileError::LostResult { .. })]), "{:?}", found.problems);
    assert_eq!(bench.end().unwrap(), end);
    bench.report().unwrap();
}

#[test]
fn files_of_an_earlier_build_are_refused_with_advice() {
    let bench = Bench::new(KINDS[0]);
    bench.end().unwrap();
    for name in ["result.json", "environment.json"] {
        let whole = fs::read_to_string(bench.folder.join(name)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
        fs::write(bench.folder.join(name), value.to_string()).unwrap();
        let error = bench.report().unwrap_err();
        assert!(error.contains(name) && error.contains("run again"), "{error}");
        fs::write(bench.folder.join(name), whole).unwrap();
    }
}

#[test]
fn inspection_checks_every_file_and_names_all_that_is_wrong() {
    for config in KINDS {
        let bench = Bench::new(config);
        bench.end().unwrap();
        let found = run::inspect(&bench.folder).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let not_named = [".lock", "checkpoint/current.json"];
        for path in bench.files().keys().filter(|path| not_named.iter().all(|name| !path.ends_with(name))) {
            let name = path.to_str().unwrap();
            assert!(found.checked.iter().any(|checked| checked == name), "{name} is not in {:?}", found.checked);
        }
        // What the reader of the run itself needs is named alone.
        let read = ["result.json", "config.toml", "environment.json", "metrics.jsonl"];
        let damaged: Vec<_> = found.checked.iter().filter(|name| !read.contains(&name.as_str())).collect();
        damaged.iter().for_each(|name| fs::write(bench.folder.join(name), "something else").unwrap());
        let problems = run::inspect(&bench.folder).unwrap().problems;
        for name in damaged {
            assert!(problems.iter().any(|problem| problem.to_string().contains(name)), "{name} is not in {problems:?}");
        }
    }
}

/// After a kill a log goes on behind what counts of it; no other file has a reason to.
#[test]
fn a_file_that_has_grown_is_damaged_but_for_logs() {
    for config in KINDS {
        let bench = Bench::new(config);
        bench.end().unwrap();
        for (path, content) in bench.files().iter().filter(|(path, _)| !path.ends_with(".lock")) {
            let name = path.to_str().unwrap();
            fs::write(bench.folder.join(path), [content, &b"x"[..]].concat()).unwrap();
            let problems = run::inspect(&bench.folder).unwrap().problems;
            let is_named = problems.iter().any(|problem| problem.to_string().contains(name));
            assert_eq!(is_named, !["metrics.jsonl", "trace.jsonl"].contains(&name), "{name}: {problems:?}");
            fs::write(bench.folder.join(path), content).unwrap();
        }
    }
}

#[test]
fn inspection_says_where_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = run::inspect(&folder.path().join("absent")).unwrap_err().to_string();
    assert!(error.contains("there is no such folder"), "{error}");
    assert!(matches!(run::inspect(folder.path()), Err(Error::NoCheckpoint { .. })));
}

#[test]
fn what_killed_processes_were_writing_is_removed_and_what_others_write_stays() {
    let bench = Bench::new(KINDS[0]);
    bench.run_past_an_evaluation();
    let left = ["", "checkpoint", "kept", "path"].map(|folder| bench.folder.join(folder).join(".writingAb3x"));
    left.iter().for_each(|path| fs::write(path, "half").unwrap());
    let used = bench.folder.join(".writingInUse");
    let other = fs::File::create(&used).unwrap();
    other.lock().unwrap();
    bench.run_to(u64::MAX).unwrap();
    assert!(left.iter().all(|path| !path.exists()), "{:?}", bench.files().keys());
    assert!(used.exists());
    drop(other);
    // A finished run too.
    bench.run_to(u64::MAX).unwrap();
    assert!(!used.exists());
}

#[cfg(unix)]
#[test]
fn a_lock_or_a_log_that_is_a_link_or_no_file_is_refused_and_what_it_leads_to_stays() {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    let precious = tempfile::NamedTempFile::new().unwrap();
    fs::write(precious.path(), "precious").unwrap();
    for name in [".lock", "metrics.jsonl", "trace.jsonl"] {
        for kind in ["a link", "a folder", "a named pipe"] {
            let bench = Bench::new(KINDS[0]);
            fs::create_dir_all(&bench.folder).unwrap();
            let path = bench.folder.join(name);
            match kind {
                "a link" => symlink(precious.path(), &path).unwrap(),
                "a folder" => fs::create_dir(&path).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            let error = bench.run_to(u64::MAX).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(error.to_string().contains(name), "{name}, {kind}: {error}: {source}");
            assert_eq!(fs::read(precious.path()).unwrap(), b"precious");
        }
    }
    let bench = Bench::new(KINDS[0]);
    fs::create_dir_all(&bench.folder).unwrap();
    fs::write(bench.folder.join(".lock"), "somebody's text").unwrap();
    bench.run_to(u64::MAX).unwrap();
    assert_eq!(fs::read(bench.folder.join(".lock")).unwrap(), b"somebody's text");
}
