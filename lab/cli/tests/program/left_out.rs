//! Damaged pictures under `on_corrupt = "skip"`: what is left out is counted and shown, and nothing is measured of nothing.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Bench, stderr, stdout};

/// Nine pictures to train on in two batches of eight or one of each, sixteen to evaluate.
const CONFIG: &str = "
epochs = 4
batch_size = 8
data = { name = 'image_folders', dir = 'pictures', size = 8, on_corrupt = 'skip' }
model.name = 'cnn'
re_estimate_batch_norm = true
optimizer = { name = 'lookahead', inner.name = 'sgd' }
schedule = { learning_rate = 0.01, name = 'cosine' }
";

/// Writes pictures of two classes, of a part; those whose numbers are `damaged` cannot be decoded.
fn write(root: &Path, part: &str, count: usize, damaged: impl Fn(usize) -> bool) {
    for number in 0..count {
        let class = number % 2;
        let folder = root.join(format!("pictures/{part}/class{class}"));
        fs::create_dir_all(&folder).unwrap();
        let picture = image::RgbImage::from_pixel(12, 10, image::Rgb([200 * class as u8, 9 * number as u8, 30]));
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&picture).unwrap();
        if damaged(number) {
            bytes.truncate(20);
        }
        fs::write(folder.join(format!("{number:02}.JPEG")), bytes).unwrap();
    }
}

fn bench(config: &str, damaged: impl Fn(usize) -> bool, damaged_valid: impl Fn(usize) -> bool) -> Bench {
    let bench = Bench::new(config);
    write(bench.path(), "train", 9, damaged);
    write(bench.path(), "val", 16, damaged_valid);
    bench
}

fn result(bench: &Bench) -> Value {
    serde_json::from_slice(&fs::read(bench.run_folder().join("result.json")).unwrap()).unwrap()
}

#[test]
fn a_batch_of_damaged_files_is_a_step_that_changes_nothing() {
    // One picture a batch: the damaged one is a batch of its own in each of the epochs.
    let config = CONFIG.replace("batch_size = 8", "batch_size = 1\ncheckpoint_every = 2");
    let config = config.replace("epochs = 4", "epochs = 20");
    let one = |number| number == 4;
    let whole = bench(&config, one, |_| false);
    let output = whole.train();
    assert!(output.status.success(), "{}", stderr(&output));
    for words in ["20 training examples skipped", "20 steps without a readable example"] {
        assert!(stdout(&output).contains(words), "{words:?} is not in\n{}", stdout(&output));
    }
    let end = result(&whole);
    assert_eq!([&end["steps"], &end["skipped"], &end["empty_batches"]], [180, 20, 20], "{end}");
    let page = fs::read_to_string(whole.run_folder().join("report.html")).unwrap();
    assert!(page.contains("steps without a readable example"));

    // Killed and continued, it ends in the same bits.
    let stopped = bench(&config, one, |_| false);
    for checkpoints in [1, 2] {
        let mut child = stopped.train_until(checkpoints);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = stopped.train();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stopped.bits() == whole.bits(), "the continued run differs");
}

#[test]
fn damaged_pictures_of_the_validation_set_are_counted() {
    let bench = bench(CONFIG, |_| false, |number| number < 3);
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("3 validation examples left out"), "{}", stdout(&output));
    let end = result(&bench);
    assert_eq!([&end["skipped"], &end["valid_skipped"]], [0, 3], "{end}");
    let metrics = fs::read_to_string(bench.run_folder().join("metrics.jsonl")).unwrap();
    assert!(metrics.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["valid_skipped"] == 3));
    // 13 pictures are left: the accuracy is a share of them.
    let right = 13.0 * end["valid_accuracy"].as_f64().unwrap();
    assert!((right - right.round()).abs() < 1e-9, "{end}");
}

#[test]
fn an_evaluation_of_nothing_is_an_error() {
    for (train, valid, part, skipped) in [(false, true, "validation", 16), (true, false, "training", 9)] {
        let bench = bench(&format!("keep_best = true\n{CONFIG}"), |_| train, |_| valid);
        let output = bench.train();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        for words in [format!("the {part} part"), format!("{skipped} examples"), "data verify".to_owned()] {
            assert!(stderr(&output).contains(&words), "{words:?} is not in\n{}", stderr(&output));
        }
        assert!(!bench.run_folder().join("result.json").exists());
        assert!(!bench.run_folder().join("kept").exists(), "nothing is the best of nothing");
    }
}
