//! The embedded digits: the split, its normalisation, limits, and what damage is told.

use std::fs;
use std::path::Path;

use lookahead_data::config::DataSource;
use lookahead_data::{DataError, Dataset, digits};
use sha2::{Digest, Sha256};

use crate::support::{bytes, config, gzip, pixels};

const EMBEDDED: &[u8] = include_bytes!("../../data/digits.csv.gz");

fn lines(bytes: &str) -> Result<Dataset, DataError> {
    digits::read(bytes.as_bytes(), "digits.csv")
}

/// A line of the digits' table with all pixels alike.
fn line(pixel: u8, digit: u8) -> String {
    format!("{}{digit}\n", format!("{pixel},").repeat(64))
}

#[test]
fn the_digits_are_the_ones_that_their_readme_describes() {
    let hash: String = Sha256::digest(EMBEDDED).iter().map(|byte| format!("{byte:02x}")).collect();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/README.md")).unwrap();
    assert!(readme.contains(&hash), "{hash}");
    assert!(readme.contains("57,523 bytes") && EMBEDDED.len() == 57_523);
}

#[test]
fn every_fifth_example_of_each_digit_is_for_validation() {
    let digits = digits::load().unwrap();
    assert_eq!((digits.train.len(), digits.valid.len(), digits.classes), (1442, 355, 10));
    let count = |labels: &[u16], digit| labels.iter().filter(|&&label| label == digit).count();
    for (digit, total) in (0..10).zip([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]) {
        assert_eq!(count(digits.valid.labels(), digit), total / 5);
        assert_eq!(count(digits.train.labels(), digit), total - total / 5);
    }
    // The file begins with 0 to 9 in turn; the first zero stands first.
    assert_eq!(digits.train.labels()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let raw = [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0];
    let expected = raw.map(|x| ((x - digits.normalisation.mean[0]) / digits.normalisation.deviation[0]) as f32);
    assert_eq!(pixels(&digits.train)[..8], expected);
    let table: String = (0..10).map(|pixel| line(pixel, 3)).collect();
    let small = lines(&table).unwrap();
    let valid = bytes(&small, &pixels(&small.valid));
    assert_eq!([valid[0], valid[64]], [4, 9]);
}

#[test]
fn training_pixels_have_mean_0_and_deviation_1() {
    let digits = digits::load().unwrap();
    let values: Vec<f64> = pixels(&digits.train).iter().map(|&x| f64::from(x)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
    assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
    // Computed apart in Python from the description of the split.
    let recorded = digits.normalisation;
    assert!((recorded.mean[0] - 4.882173196948682).abs() < 1e-12, "{recorded:?}");
    assert!((recorded.deviation[0] - 6.018520911287268).abs() < 1e-12, "{recorded:?}");
    let constant: String = line(7, 1).repeat(5);
    let constant = lines(&constant).unwrap();
    assert!([pixels(&constant.train), pixels(&constant.valid)].concat().iter().all(|&x| x == 0.0));
}

#[test]
fn limits_keep_the_first_examples_of_each_class() {
    let all = digits::load().unwrap();
    let load = |limits| Dataset::load(&config(DataSource::Digits, None, limits)).unwrap();
    let few = load([23, 3]);
    assert_eq!((few.train.len(), few.valid.len()), (23, 3));
    assert_eq!(few.description, "UCI digits, 23 + 3 balanced images");
    // Of digits 0, 1 and 2 three, of the others two, in the order of the file.
    let mut left = [3, 3, 3, 2, 2, 2, 2, 2, 2, 2];
    let mut kept = Vec::new();
    for (index, &label) in (0..).zip(all.train.labels()) {
        if left[usize::from(label)] > 0 {
            left[usize::from(label)] -= 1;
            kept.push(index);
        }
    }
    let expected = all.train.batch(&kept, None).unwrap();
    assert_eq!(bytes(&few, &pixels(&few.train)), bytes(&all, &expected.pixels));
    assert_eq!(few.train.labels().iter().map(|&label| i64::from(label)).collect::<Vec<_>>(), expected.labels);
    // The normalisation is that of the images used.
    let mean = pixels(&few.train).iter().map(|&x| f64::from(x)).sum::<f64>();
    assert!(mean.abs() < 1e-3 && few.normalisation != all.normalisation, "{mean}");
    assert!(load([0, 0]) == all);
    assert_eq!(load([u32::MAX, 5000]).sha256(), all.sha256());
    assert_ne!(few.sha256(), all.sha256());
    // A class that has fewer than its share gives all it has: 34 of digit 8.
    let labels = load([0, 350]).valid.labels().to_vec();
    assert_eq!([0, 8].map(|digit| labels.iter().filter(|&&label| label == digit).count()), [35, 34]);
}

#[test]
fn a_batch_holds_the_chosen_examples_in_order() {
    let digits = digits::load().unwrap();
    let batch = digits.valid.batch(&[9, 0, 9], None).unwrap();
    assert_eq!(batch.labels, [9, 0, 9].map(|i| i64::from(digits.valid.labels()[i])));
    let all = pixels(&digits.valid);
    assert_eq!(batch.pixels, [9, 0, 9].map(|i| &all[i * 64..(i + 1) * 64]).concat());
    assert_eq!(batch.skipped, 0);
}

#[test]
fn damage_to_the_digits_is_told_with_line_and_field() {
    let sound = line(3, 1).repeat(6);
    let told = |damaged: &str| lines(damaged).expect_err(damaged).to_string();
    let second = |damaged: String| told(&format!("{}{damaged}{sound}", line(3, 1)));
    assert_eq!(second(line(17, 1)), r#"digits.csv:2: field 1 is "17", but must be a whole number from 0 to 16"#);
    assert_eq!(second(line(3, 10)), r#"digits.csv:2: field 65 is "10", but must be a whole number from 0 to 9"#);
    assert_eq!(
        second(line(3, 1).replacen("3,3", "3,-3", 1)),
        r#"digits.csv:2: field 2 is "-3", but must be a whole number from 0 to 16"#
    );
    assert_eq!(second(line(3, 1).replacen("3,3,", "3,", 1)), "digits.csv:2: 64 fields, but 65 were expected");
    assert_eq!(second("\n".to_owned()), "digits.csv:2: 1 fields, but 65 were expected");
    assert_eq!(told(""), "digits.csv: no training examples");
    assert_eq!(told(&line(3, 1)), "digits.csv: no validation examples");
    let mut binary = sound.clone().into_bytes();
    binary[2] = 0xff;
    let error = digits::read(&binary, "digits.csv").unwrap_err();
    assert!(matches!(error, DataError::WrongField { line: 1, field: 2, .. }), "{error}");
}

#[test]
fn damage_to_the_compression_is_found() {
    for end in [10, 1000, EMBEDDED.len() - 4] {
        let error = digits::read(&EMBEDDED[..end], "digits.csv.gz").unwrap_err();
        assert_eq!(error.to_string(), "digits.csv.gz: damaged gzip data");
    }
    let mut flipped = EMBEDDED.to_vec();
    flipped[30_000] ^= 4;
    assert!(digits::read(&flipped, "digits.csv.gz").is_err());
    // What unpacks to a thousand times its size is not unpacked to the end.
    let bomb = gzip(&vec![b'0'; 64 << 20]);
    assert!(matches!(digits::read(&bomb, "bomb"), Err(DataError::TrailingBytes { expected: 1_048_576, .. })));
}
