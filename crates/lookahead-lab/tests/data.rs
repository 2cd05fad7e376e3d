//! The data sets: the split and its normalisation, the IDX format, and what each damage is told.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use lookahead_lab::config::{DataConfig, DataSource};
use lookahead_lab::data::{DataError, Dataset, digits, epoch_order, fashion_mnist, read_idx_images, read_idx_labels};
use sha2::{Digest, Sha256};

const EMBEDDED: &[u8] = include_bytes!("../data/digits.csv.gz");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn images(count: u32, rows: u32, columns: u32, pixels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 3], &count.to_be_bytes()[..], &rows.to_be_bytes(), &columns.to_be_bytes(), pixels].concat()
}

fn labels(count: u32, labels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 1], &count.to_be_bytes()[..], labels].concat()
}

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
    let count = |labels: &[u8], digit| labels.iter().filter(|&&label| label == digit).count();
    for (digit, total) in (0..10).zip([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]) {
        assert_eq!(count(digits.valid.labels(), digit), total / 5);
        assert_eq!(count(digits.train.labels(), digit), total - total / 5);
    }
    // The file begins with 0 to 9 in turn; the first zero stands first.
    assert_eq!(digits.train.labels()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let raw = [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0];
    let expected = raw.map(|x| ((x - digits.normalisation.mean) / digits.normalisation.deviation) as f32);
    assert_eq!(digits.train.image(0)[..8], expected);
    let table: String = (0..10).map(|pixel| line(pixel, 3)).collect();
    let small = lines(&table).unwrap();
    let original = |x: f32| (f64::from(x) * small.normalisation.deviation + small.normalisation.mean).round();
    assert_eq!([0, 1].map(|i| original(small.valid.image(i)[0])), [4.0, 9.0]);
}

#[test]
fn training_pixels_have_mean_0_and_deviation_1() {
    let digits = digits::load().unwrap();
    let pixels: Vec<f64> = digits.train.pixels().iter().map(|&x| f64::from(x)).collect();
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    let variance = pixels.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / pixels.len() as f64;
    assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
    // Computed apart in Python from the description of the split.
    let recorded = digits.normalisation;
    assert!((recorded.mean - 4.882173196948682).abs() < 1e-12, "{recorded:?}");
    assert!((recorded.deviation - 6.018520911287268).abs() < 1e-12, "{recorded:?}");
    let constant: String = line(7, 1).repeat(5);
    let constant = lines(&constant).unwrap();
    assert!(constant.train.pixels().iter().chain(constant.valid.pixels()).all(|&x| x == 0.0));
}

#[test]
fn limits_keep_the_first_examples_and_the_normalisation() {
    let all = digits::load().unwrap();
    let config = |train: u32, valid: u32| DataConfig {
        source: DataSource::Digits,
        train_limit: train.try_into().ok(),
        valid_limit: valid.try_into().ok(),
    };
    let few = Dataset::load(&config(7, 3)).unwrap();
    assert_eq!((few.train.len(), few.valid.len(), few.normalisation), (7, 3, all.normalisation));
    assert_eq!(few.train, all.train.select(&[0, 1, 2, 3, 4, 5, 6]));
    assert_eq!(Dataset::load(&config(0, 0)).unwrap(), all);
    assert_eq!(Dataset::load(&config(u32::MAX, 5000)).unwrap(), all);
}

#[test]
fn a_batch_holds_the_chosen_examples_in_order() {
    let digits = digits::load().unwrap();
    let batch = digits.valid.select(&[9, 0, 9]);
    assert_eq!(batch.len(), 3);
    assert_eq!(batch.labels(), [9, 0, 9].map(|i| digits.valid.labels()[i]));
    assert_eq!(batch.pixels(), [9, 0, 9].map(|i| digits.valid.image(i)).concat());
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

#[test]
fn idx_files_are_read_plain_and_compressed() {
    let plain = images(2, 2, 3, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    for bytes in [gzip(&plain), plain] {
        let images = read_idx_images(&bytes, "images").unwrap();
        assert_eq!((images.count(), images.rows, images.columns), (2, 2, 3));
        assert_eq!(images.pixels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    }
    let plain = labels(3, &[9, 0, 4]);
    for bytes in [gzip(&plain), plain] {
        assert_eq!(read_idx_labels(&bytes, "labels").unwrap(), [9, 0, 4]);
    }
}

#[test]
fn damage_to_idx_files_is_told() {
    let told = |bytes: &[u8]| {
        let error = read_idx_images(bytes, "images").unwrap_err().to_string();
        let compressed = read_idx_images(&gzip(bytes), "images").unwrap_err().to_string();
        assert_eq!(error, compressed);
        error
    };
    let sound = images(2, 2, 2, &[1; 8]);
    assert_eq!(told(&labels(2, &[1, 2])), "images: the magic number is 0x00000801, but 0x00000803 was expected");
    assert_eq!(told(b"<html></html>"), "images: the magic number is 0x3c68746d, but 0x00000803 was expected");
    assert_eq!(told(&sound[..23]), "images: truncated: 23 bytes (uncompressed) of 24");
    assert_eq!(told(&sound[..16]), "images: truncated: 16 bytes (uncompressed) of 24");
    assert_eq!(told(&sound[..6]), "images: truncated: 6 bytes (uncompressed) of 8");
    assert_eq!(told(&[]), "images: truncated: 0 bytes (uncompressed) of 4");
    let long = [&sound[..], &[0]].concat();
    assert_eq!(told(&long), "images: more follows after the 24 bytes (uncompressed) that its header announces");
    assert!(told(&images(1, 0, 28, &[])).starts_with("images: 1 images of 0 x 28 pixels, but "));
    let swapped = read_idx_labels(&sound, "labels").unwrap_err().to_string();
    assert_eq!(swapped, "labels: the magic number is 0x00000803, but 0x00000801 was expected");
    // A header that promises more than there can be costs no memory.
    assert!(told(&images(u32::MAX, u32::MAX, u32::MAX, &[0; 8])).contains("at most 2^28 pixels"));
    assert_eq!(
        told(&images(1 << 14, 1 << 7, 1 << 7, &[0; 8])),
        "images: truncated: 24 bytes (uncompressed) of 268435472"
    );
    let error = read_idx_labels(&labels(u32::MAX, &[0; 8]), "labels").unwrap_err().to_string();
    assert!(error.contains("at most 2^28 labels"), "{error}");
    let error = read_idx_labels(&labels(1 << 28, &[0; 8]), "labels").unwrap_err().to_string();
    assert_eq!(error, "labels: truncated: 16 bytes (uncompressed) of 268435464");
    // Cut within gzip's own ending, all the pixels are there, but not their checksum.
    let compressed = gzip(&sound);
    let error = read_idx_images(&compressed[..compressed.len() - 2], "images").unwrap_err();
    assert_eq!(error.to_string(), "images: damaged gzip data");
}

/// Four small files in the format of the official ones.
fn fashion(dir: &Path) {
    let pixels: Vec<u8> = (0..5 * 784).map(|i| (i % 251) as u8).collect();
    fs::write(dir.join("train-images-idx3-ubyte.gz"), gzip(&images(5, 28, 28, &pixels))).unwrap();
    fs::write(dir.join("train-labels-idx1-ubyte.gz"), gzip(&labels(5, &[9, 0, 0, 3, 2]))).unwrap();
    fs::write(dir.join("t10k-images-idx3-ubyte"), images(2, 28, 28, &pixels[..2 * 784])).unwrap();
    fs::write(dir.join("t10k-labels-idx1-ubyte"), labels(2, &[1, 2])).unwrap();
}

#[test]
fn fashion_mnist_is_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    fashion(folder.path());
    let dir = folder.path().to_str().unwrap().to_owned();
    let config = DataConfig { source: DataSource::FashionMnist { dir }, train_limit: None, valid_limit: None };
    let data = Dataset::load(&config).unwrap();
    assert_eq!((data.name, data.classes, data.image.height, data.image.width), ("fashion_mnist", 10, 28, 28));
    assert_eq!((data.train.labels(), data.valid.labels()), (&[9, 0, 0, 3, 2][..], &[1, 2][..]));
    // The first two images of both parts are the same, and normalised by the same two numbers.
    assert_eq!(data.valid.pixels(), &data.train.pixels()[..2 * 784]);
    let expected = (250.0 - data.normalisation.mean) / data.normalisation.deviation;
    assert_eq!(data.train.image(0)[250], expected as f32);
}

#[test]
fn damage_to_fashion_mnist_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let told = |name: &str, content: Option<Vec<u8>>| {
        fashion(dir);
        content.map_or_else(|| fs::remove_file(dir.join(name)), |bytes| fs::write(dir.join(name), bytes)).unwrap();
        let error = fashion_mnist::load(dir).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.display()), "")
    };
    let missing = told("train-labels-idx1-ubyte.gz", None);
    assert!(missing.starts_with("train-labels-idx1-ubyte is missing (with or without .gz): put "), "{missing}");
    assert!(missing.contains("Debian's package dataset-fashion-mnist"), "{missing}");
    assert_eq!(
        told("t10k-labels-idx1-ubyte", Some(labels(3, &[1, 2, 3]))),
        "t10k-images-idx3-ubyte has 2 images, but t10k-labels-idx1-ubyte has 3 labels"
    );
    assert_eq!(
        told("train-labels-idx1-ubyte.gz", Some(labels(5, &[0, 1, 10, 3, 2]))),
        "train-labels-idx1-ubyte.gz: label 10 of example 2 (counted from 0), but the classes are 0 to 9"
    );
    assert_eq!(
        told("t10k-images-idx3-ubyte", Some(images(2, 2, 2, &[0; 8]))),
        "t10k-images-idx3-ubyte: 2 images of 2 x 2 pixels, but Fashion-MNIST's are 28 x 28"
    );
    assert_eq!(
        told("train-images-idx3-ubyte.gz", Some(images(0, 28, 28, &[]))),
        "train-images-idx3-ubyte.gz: no training examples"
    );
    assert!(matches!(fashion_mnist::load(&dir.join("absent")), Err(DataError::MissingFile { .. })));
    fs::remove_file(dir.join("train-images-idx3-ubyte.gz")).unwrap();
    fs::create_dir(dir.join("train-images-idx3-ubyte.gz")).unwrap();
    assert!(matches!(fashion_mnist::load(dir), Err(DataError::Io { .. })));
}

#[test]
fn an_epoch_s_order_is_a_permutation_that_depends_on_seed_and_epoch() {
    let order = epoch_order(1442, 3, 5);
    let distinct: HashSet<u32> = order.iter().copied().collect();
    assert!(distinct.len() == 1442 && order.iter().all(|&index| index < 1442));
    assert_eq!(order, epoch_order(1442, 3, 5));
    assert_ne!(order, epoch_order(1442, 4, 5));
    assert_ne!(order, epoch_order(1442, 3, 6));
    assert_eq!((epoch_order(0, 0, 0), epoch_order(1, 0, 0)), (vec![], vec![0]));
    // Pinned, and computed apart in Python from the description of `stream`: a change here changes every run.
    assert_eq!(epoch_order(10, 0, 0), [1, 3, 9, 2, 8, 7, 6, 4, 5, 0]);
}

#[test]
fn every_order_is_equally_likely() {
    let mut counts = [0_i32; 24];
    for seed in 0..24_000 {
        let order = epoch_order(4, seed, 0);
        // The number of the permutation in the factorial number system.
        let rank = |i: usize| order[i + 1..].iter().filter(|&&later| later < order[i]).count();
        counts[rank(0) * 6 + rank(1) * 2 + rank(2)] += 1;
    }
    // 1000 each, with a standard deviation of 31.
    assert!(counts.iter().all(|count| (count - 1000).abs() < 155), "{counts:?}");
}
