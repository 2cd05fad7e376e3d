//! The recorded summaries: they read, and say the same when they are written again.

use std::fs;
use std::path::{Path, PathBuf};

use lookahead_report as report;
use lookahead_report::{Outcome, Outlook, Subject, Summary};
use lookahead_runs::{Measure, Paper};
use serde_json::Value;

#[test]
fn every_recorded_summary_still_reads() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../records");
    let mut read = 0;
    for folder in fs::read_dir(records).unwrap() {
        let Ok(text) = fs::read_to_string(folder.unwrap().path().join("summary.json")) else { continue };
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let summary: Summary = serde_json::from_value(recorded.clone()).unwrap();
        if summary.subject == Subject::Classification {
            assert!(summary.groups.iter().all(|group| group.scores.get(Measure::ValidPerplexity).is_none()
                && group.scores.get(Measure::ValidBleu).is_none()));
        }
        assert_contains(&serde_json::to_value(&summary).unwrap(), &recorded);
        read += 1;
    }
    assert!(read >= 9, "{read}");
}

/// The folders of records that have a summary, and it.
fn summaries() -> Vec<(PathBuf, Summary)> {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../records");
    let folders = fs::read_dir(records).unwrap().map(|folder| folder.unwrap().path());
    let read = |folder: PathBuf| {
        let text = fs::read_to_string(folder.join("summary.json")).ok()?;
        Some((folder, serde_json::from_str(&text).unwrap()))
    };
    folders.filter_map(read).collect()
}

/// What a summary says of its claims and of its groups.
fn judgements(summary: &Summary) -> Vec<(Outcome, Option<Outlook>)> {
    let claims = summary.claims.iter().map(|claim| (claim.outcome, claim.outlook.clone()));
    let compared = summary.groups.iter().filter_map(|group| group.comparison.as_ref());
    claims.chain(compared.map(|comparison| (comparison.outcome, comparison.outlook.clone()))).collect()
}

#[test]
fn records_have_the_verdicts_of_the_rules_of_now() {
    for (folder, recorded) in summaries() {
        let copy = tempfile::tempdir().unwrap();
        for file in ["summary.json", "curves.csv", "trace.csv"] {
            if folder.join(file).exists() {
                fs::copy(folder.join(file), copy.path().join(file)).unwrap();
            }
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/experiments").join(&name).join("paper.toml");
        let paper = fs::read_to_string(&paper).ok().map(|text| Paper::parse(&text, &paper).unwrap());
        let artifact = paper.as_ref().map(|paper| (name.as_str(), paper));
        let again = report::judge_record(&copy.path().join("summary.json"), artifact).unwrap();
        assert_eq!(judgements(&again), judgements(&recorded), "{name}: `lookahead report records` judges again");
    }
}

#[test]
fn the_tables_of_records_have_the_verdicts_of_their_summaries() {
    for (folder, summary) in summaries() {
        let document = fs::read_to_string(folder.join("README.md")).unwrap();
        for claim in &summary.claims {
            let verdict = format!("| {}", claim.outcome.in_words(claim.pairs()));
            let is_row = |line: &str| line.starts_with(&format!("| {} |", claim.claim.says));
            let is_panel =
                |line: &str| claim.claim.panel.is_empty() || line.contains(&format!("| {} |", claim.claim.panel));
            let rows: Vec<&str> = document.lines().filter(|line| is_row(line) && is_panel(line)).collect();
            assert!(rows.len() == 1 && rows[0].contains(&verdict), "{}: {verdict} in {rows:?}", folder.display());
        }
    }
}

/// Whether `now` has everything that `before` has.
fn assert_contains(now: &Value, before: &Value) {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => {
            for (key, value) in before {
                assert_contains(now.get(key).unwrap_or_else(|| panic!("{key} is lost")), value);
            }
        }
        (Value::Array(now), Value::Array(before)) => {
            assert_eq!(now.len(), before.len());
            now.iter().zip(before).for_each(|(now, before)| assert_contains(now, before));
        }
        _ => assert_eq!(now, before),
    }
}
