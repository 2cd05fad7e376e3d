//! Scores in the files of a run: the very bytes, and what is refused.

use std::fs;
use std::path::Path;

use lookahead_runs::files::{Manifest, write_sealed};
use lookahead_runs::{Current, Measure, MetricsRow, Run, RunResult, Scores, write_result};
use serde_json::json;

const ROW: &str = r#"{"epoch":1,"step":10,"learning_rate":0.1,"train_loss":null,"valid_loss":0.5,"valid_accuracy":0.75,"valid_top5":1.0,"fast":{"valid_loss":null,"valid_accuracy":0.25},"alpha":0.5,"seconds":1.0}"#;

const RESULT: &str = r#"{"status":"done","epochs":1,"steps":10,"train_loss":2.0,"valid_loss":null,"valid_bleu":20.0,"test_loss":3.0,"test_bleu":21.0,"seconds":1.0,"non_finite":0,"data":"","data_description":"","skipped":0,"valid_cut":2,"peak_memory":null}"#;

/// What reading a run folder says of a line of its `metrics.jsonl`.
fn read(line: &str) -> Result<Run, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("metrics.jsonl"), format!("{line}\n")).unwrap();
    write_sealed(&path.join("environment.json"), &json!({"device": "cpu"})).unwrap();
    let mut files = Manifest::default();
    files.add(path, &["metrics.jsonl"]).unwrap();
    Current::start("run".to_owned(), files).write(path).unwrap();
    Run::read(path).map_err(|error| error.to_string())
}

#[test]
fn a_row_and_a_result_are_written_as_they_were_read() {
    let row: MetricsRow = serde_json::from_str(ROW).unwrap();
    assert_eq!((row.scores.get(Measure::TrainLoss), row.scores.get(Measure::ValidAccuracy)), (None, Some(0.75)));
    assert_eq!(row.fast, Some(Scores::from([(Measure::ValidLoss, f64::INFINITY), (Measure::ValidAccuracy, 0.25)])));
    assert_eq!(serde_json::to_string(&row).unwrap(), ROW);
    assert_eq!(read(ROW).unwrap().rows, [row]);

    let result: RunResult = serde_json::from_str(RESULT).unwrap();
    assert_eq!((result.scores.get(Measure::TestBleu), result.left_out.valid_cut), (Some(21.0), 2));
    assert_eq!(serde_json::to_string(&result).unwrap(), RESULT);
}

#[test]
fn every_number_has_its_range_those_of_the_fast_weights_too() {
    for (good, bad, reason) in [
        ("\"valid_accuracy\":0.75", "\"valid_accuracy\":2.0", "valid_accuracy = 2 is out of range, accepted: 0 to 1"),
        ("\"valid_top5\":1.0", "\"valid_top5\":1.5", "valid_top5 = 1.5 is out of range, accepted: 0 to 1"),
        ("\"valid_accuracy\":0.25", "\"valid_accuracy\":-1.0", "valid_accuracy = -1 is out of range, accepted: 0 to 1"),
        ("\"valid_top5\":1.0", "\"valid_bleu\":101.0", "valid_bleu = 101 is out of range, accepted: 0 to 100"),
    ] {
        let error = read(&ROW.replace(good, bad)).unwrap_err();
        assert!(error.contains("metrics.jsonl:1: ") && error.ends_with(reason), "{error}");
    }
    let mut result: RunResult = serde_json::from_str(RESULT).unwrap();
    result.scores.set(Measure::ValidTop5, 2.0);
    let error = write_result(Path::new("run"), "run", &result, &Manifest::default()).unwrap_err().to_string();
    assert!(error.contains("result.json:1: valid_top5 = 2 is out of range"), "{error}");
}

#[test]
fn keys_that_are_missing_twice_there_or_unknown_are_named() {
    for (good, bad, reason) in [
        ("\"train_loss\":null,", "", "missing field `train_loss`"),
        ("\"valid_loss\":0.5,", "", "missing field `valid_loss`"),
        ("\"valid_loss\":null,", "", "missing field `valid_loss`"),
        ("\"valid_loss\":0.5", "\"valid_loss\":\"low\"", "`valid_loss`: invalid type: string \"low\", expected f64"),
        ("\"valid_loss\":0.5", "\"valid_loss\":0.5,\"valid_loss\":0.6", "duplicate field `valid_loss`"),
        ("{\"valid_loss\":null", "{\"valid_los\":1,\"valid_loss\":null", "unknown field `valid_los`"),
        ("\"valid_top5\":1.0", "\"valid_perplexity\":3.0", "unknown field `valid_perplexity`"),
    ] {
        let error = read(&ROW.replacen(good, bad, 1)).unwrap_err();
        assert!(error.contains("metrics.jsonl:1:") && error.contains(reason), "{bad}: {error}");
    }
    for key in ["valid_los", "valid_perplexity", "inner_loop_change"] {
        let text = RESULT.replace("\"valid_bleu\"", &format!("\"{key}\""));
        let error = serde_json::from_str::<RunResult>(&text).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
    }
}

#[test]
fn perplexities_and_means_follow_from_losses() {
    let scores = Scores::from([(Measure::ValidLoss, 2.0), (Measure::TestLoss, 800.0)]);
    assert_eq!(Measure::ValidPerplexity.of(&scores), Some(2.0_f64.exp()));
    assert_eq!([Measure::TestPerplexity, Measure::TrainPerplexity].map(|measure| measure.of(&scores)), [None, None]);
    assert_eq!(Measure::ValidLoss.of(&scores), Some(2.0));
    for measure in Measure::ALL {
        assert_eq!(serde_json::to_value(measure).unwrap(), measure.key());
    }
}
