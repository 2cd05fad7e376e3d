//! Makes a folder of files that a test wrote, or changed, a run folder: with the checksums that a run would have written.

use std::fs;
use std::path::Path;

use lookahead_runs::Current;
use lookahead_runs::files::{Manifest, write_sealed};
use lookahead_runs::{RunResult, write_result};
use serde_json::{Value, json};

/// The files of a run folder that a report may read.
const FILES: [&str; 5] =
    ["config.toml", "metrics.jsonl", "trace.jsonl", "translations-test.jsonl", "translations-valid.jsonl"];

/// Seals a finished run.
pub fn finished(folder: &Path, result: &RunResult) {
    write_result(folder, &name(folder), result, &files(folder)).unwrap();
}

/// Seals a run that goes on.
pub fn unfinished(folder: &Path) {
    let files = files(folder);
    Current::start(name(folder), files).write(folder).unwrap();
}

/// Seals a run again after a change, as finished as it is.
pub fn again(folder: &Path) {
    match fs::read(folder.join("result.json")) {
        Ok(bytes) => finished(folder, &result(&bytes)),
        Err(_) => unfinished(folder),
    }
}

/// The result in the content of a `result.json`.
pub fn result(bytes: &[u8]) -> RunResult {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    ["run", "files", "sha256"].iter().for_each(|key| drop(value.as_object_mut().unwrap().remove(*key)));
    serde_json::from_value(value).unwrap()
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

fn files(folder: &Path) -> Manifest {
    let environment = folder.join("environment.json");
    if !environment.exists() {
        write_sealed(&environment, &json!({ "device": "cpu" })).unwrap();
    }
    let mut files = Manifest::default();
    files.add(folder, &FILES.into_iter().filter(|name| folder.join(name).exists()).collect::<Vec<_>>()).unwrap();
    files
}
