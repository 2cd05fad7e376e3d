//! The recorded summaries: they read, and say the same when they are written again.

use std::fs;
use std::path::Path;

use lookahead_lab::report::{Subject, Summary};
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
            assert!(summary.groups.iter().all(|group| group.valid_perplexity.is_none() && group.valid_bleu.is_none()));
        }
        assert_contains(&serde_json::to_value(&summary).unwrap(), &recorded);
        read += 1;
    }
    assert!(read >= 9, "{read}");
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
