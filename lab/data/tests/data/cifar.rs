//! CIFAR-10 and CIFAR-100 in all the forms they are found in.

use std::fs;
use std::path::Path;

use lookahead_data::config::DataSource;
use lookahead_data::{DataError, Dataset};

use crate::support::{bytes, config, gzip, pixels, solid_jpeg, tar, xz};

const PLANE: usize = 32 * 32;

/// A name and a content.
type File = (String, Vec<u8>);

/// A record: its labels, then the red, the green and the blue plane.
fn record(labels: &[u8], seed: usize) -> Vec<u8> {
    let planes = (0..3 * PLANE).map(|place| ((place * 7 + seed * 13) % (256 - place / PLANE * 50)) as u8);
    labels.iter().copied().chain(planes).collect()
}

/// CIFAR-10's six files: two records in each training file, four in the test file.
fn cifar10_files() -> Vec<File> {
    let batch = |n: usize| {
        let records = [record(&[n as u8], n), record(&[n as u8 + 5], n + 5)].concat();
        (format!("data_batch_{}.bin", n + 1), records)
    };
    let test = (0..4).flat_map(|n| record(&[9 - n as u8], 100 + n)).collect();
    (0..5).map(batch).chain([("test_batch.bin".to_owned(), test)]).collect()
}

fn write(folder: &Path, files: &[File]) {
    fs::create_dir_all(folder).unwrap();
    files.iter().for_each(|(name, content)| fs::write(folder.join(name), content).unwrap());
}

fn load(source: DataSource, dir: &Path, limits: [u32; 2]) -> Result<Dataset, DataError> {
    Dataset::load(&config(source, Some(&dir.display().to_string()), limits))
}

fn told(source: DataSource, dir: &Path) -> String {
    let error = load(source, dir, [0, 0]).unwrap_err().to_string();
    error.replace(&format!("{}/", dir.display()), "")
}

#[test]
fn cifar10_is_read_from_its_binary_files() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(&dir.join("cifar-10-batches-bin"), &cifar10_files());
    let data = load(DataSource::Cifar10, dir, [0, 0]).unwrap();
    assert_eq!((data.name, data.classes, data.train.len(), data.valid.len()), ("cifar10", 10, 10, 4));
    assert_eq!(data.description, "CIFAR-10, 10 + 4 images");
    assert_eq!(data.train.labels(), [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]);
    assert_eq!(data.valid.labels(), [9, 8, 7, 6]);
    // A batch has the planes in the order of the file.
    let expected = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9].map(|n| record(&[], n)).concat();
    assert_eq!(bytes(&data, &pixels(&data.train)), expected);
    assert_eq!(bytes(&data, &pixels(&data.valid)), (100..104).flat_map(|n| record(&[], n)).collect::<Vec<_>>());

    // The archive as it is downloaded, the folder itself, and the archive itself are the same.
    let packed = tempfile::tempdir().unwrap();
    let named: Vec<_> =
        cifar10_files().into_iter().map(|(name, content)| (format!("cifar-10-batches-bin/{name}"), content)).collect();
    let archive = packed.path().join("cifar-10-binary.tar.gz");
    fs::write(&archive, gzip(&tar(&named))).unwrap();
    for place in [packed.path(), &archive, &dir.join("cifar-10-batches-bin")] {
        assert!(load(DataSource::Cifar10, place, [0, 0]).unwrap() == data, "{}", place.display());
    }
    let few = load(DataSource::Cifar10, dir, [2, 1]).unwrap();
    assert_eq!((few.train.labels(), few.valid.len()), (&[0, 1][..], 0));
}

#[test]
fn training_pixels_have_mean_0_and_deviation_1_in_each_channel() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &cifar10_files());
    let data = load(DataSource::Cifar10, folder.path(), [0, 0]).unwrap();
    let values = pixels(&data.train);
    for channel in 0..3 {
        let plane: Vec<f64> = values
            .chunks_exact(3 * PLANE)
            .flat_map(|image| &image[channel * PLANE..(channel + 1) * PLANE])
            .map(|&value| f64::from(value))
            .collect();
        let mean = plane.iter().sum::<f64>() / plane.len() as f64;
        let variance = plane.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / plane.len() as f64;
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{channel}: {mean} {variance}");
    }
    // The channels of these files differ.
    let [red, green, blue] = [0, 1, 2].map(|channel| data.normalisation.mean[channel]);
    assert!(red != green && green != blue, "{:?}", data.normalisation);
}

#[test]
fn cifar100_is_read_with_its_fine_labels() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("train.bin".to_owned(), [record(&[3, 99], 1), record(&[19, 0], 2), record(&[0, 50], 3)].concat()),
        ("test.bin".to_owned(), record(&[1, 7], 4)),
    ];
    write(&folder.path().join("cifar-100-binary"), &files);
    let data = load(DataSource::Cifar100, folder.path(), [0, 0]).unwrap();
    assert_eq!((data.name, data.classes, &*data.description), ("cifar100", 100, "CIFAR-100, 3 + 1 images"));
    assert_eq!((data.train.labels(), data.valid.labels()), (&[99, 0, 50][..], &[7][..]));
    assert_eq!(bytes(&data, &pixels(&data.train)), [1, 2, 3].map(|n| record(&[], n)).concat());
    let archive = folder.path().join("cifar-100-binary.tar.gz");
    fs::write(&archive, gzip(&tar(&files))).unwrap();
    assert!(load(DataSource::Cifar100, &archive, [0, 0]).unwrap() == data);

    let damaged = folder.path().join("cifar-100-binary/train.bin");
    fs::write(&damaged, record(&[20, 5], 1)).unwrap();
    assert_eq!(
        told(DataSource::Cifar100, &folder.path().join("cifar-100-binary")),
        "train.bin: coarse label 20 of example 0 (counted from 0), but the classes are 0 to 19"
    );
    fs::write(&damaged, [record(&[0, 0], 1), record(&[19, 100], 1)].concat()).unwrap();
    assert_eq!(
        told(DataSource::Cifar100, &folder.path().join("cifar-100-binary")),
        "train.bin: fine label 100 of example 1 (counted from 0), but the classes are 0 to 99"
    );
}

#[test]
fn damage_to_binary_files_names_file_and_record() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let told = |name: &str, content: Option<&[u8]>| {
        write(dir, &cifar10_files());
        content.map_or_else(|| fs::remove_file(dir.join(name)), |bytes| fs::write(dir.join(name), bytes)).unwrap();
        told(DataSource::Cifar10, dir)
    };
    let sound = record(&[1], 1);
    let cut = [&sound[..], &sound[..3000]].concat();
    assert_eq!(
        told("data_batch_3.bin", Some(&cut)),
        "data_batch_3.bin: 6073 bytes, but a whole number of records of 3073 bytes was expected; record 1 (counted \
         from 0) is cut off"
    );
    assert!(told("test_batch.bin", Some(&[])).starts_with("test_batch.bin: 0 bytes, but "));
    assert_eq!(
        told("data_batch_5.bin", Some(&[sound.clone(), record(&[10], 2)].concat())),
        "data_batch_5.bin: label 10 of example 1 (counted from 0), but the classes are 0 to 9"
    );
    let missing = told("data_batch_4.bin", None);
    assert!(missing.starts_with("data_batch_4.bin is missing (CIFAR-10's binary version has "), "{missing}");
    assert!(missing.contains("lookahead data fetch cifar10"), "{missing}");

    let archive = dir.join("cifar-10-binary.tar.gz");
    let packed = gzip(&tar(&cifar10_files()));
    fs::write(&archive, &packed[..packed.len() - 100]).unwrap();
    assert!(matches!(load(DataSource::Cifar10, &archive, [0, 0]), Err(DataError::Archive { .. })));
    fs::write(&archive, gzip(&tar(&cifar10_files()[1..]))).unwrap();
    assert!(matches!(load(DataSource::Cifar10, &archive, [0, 0]), Err(DataError::MissingFile { .. })));
    fs::write(&archive, b"<html>moved</html>").unwrap();
    for place in [dir, &archive] {
        assert!(matches!(load(DataSource::Cifar10, place, [0, 0]), Err(DataError::NoArchive { .. })));
    }
}

#[test]
fn what_is_not_there_is_told_with_all_the_places() {
    let folder = tempfile::tempdir().unwrap();
    let error = told(DataSource::Cifar10, folder.path());
    assert_eq!(
        error,
        "cifar10 is not here; looked for cifar-10-batches-bin, cifar-10-binary.tar.gz, data_batch_1.bin, \
         cifar10-jpeg.tar.xz, cifar10-jpeg, train; `lookahead data fetch cifar10` gets it, or says what to put where; \
         `--data DIR` (`data.dir` in a configuration) names another place"
    );
    for (source, place) in [(DataSource::Cifar100, "cifar-100-binary.tar.gz"), (DataSource::FashionMnist, ".gz")] {
        let error = told(source, folder.path());
        assert!(error.contains(place) && error.contains("lookahead data fetch "), "{error}");
    }
}

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Two pictures of each class to train on, one to validate on; `shade` tells them apart.
fn jpeg_files() -> Vec<File> {
    let mut files = Vec::new();
    // Neither classes nor names come in their order.
    for (label, class) in CLASSES.iter().enumerate().rev() {
        for (part, number) in [("train", 1), ("train", 0), ("test", 2)] {
            let jpeg = solid_jpeg([20 * label as u8, 60 * number, 255 - 20 * label as u8], 32, 32);
            files.push((format!("{part}/{class}/{number:04}.jpg"), jpeg));
        }
    }
    files.push(("README.md".to_owned(), b"what it is".to_vec()));
    files
}

#[test]
fn cifar10_is_read_from_class_folders_of_jpeg() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("cifar10-jpeg.tar.xz");
    fs::write(&archive, xz(&tar(&jpeg_files()))).unwrap();
    let data = load(DataSource::Cifar10, folder.path(), [0, 0]).unwrap();
    assert_eq!(data.description, "CIFAR-10 re-encoded as JPEG (lossy), 20 + 10 images");
    assert_eq!(data.train.labels(), (0..10).flat_map(|label| [label, label]).collect::<Vec<_>>());
    let values = bytes(&data, &pixels(&data.train));
    for (index, image) in values.chunks_exact(3 * PLANE).enumerate() {
        let expected = [20 * (index / 2), 60 * (index % 2), 255 - 20 * (index / 2)];
        for (plane, expected) in image.chunks_exact(PLANE).zip(expected) {
            assert!(plane.iter().all(|&value| usize::from(value).abs_diff(expected) < 4), "{index}: {expected}");
        }
    }

    let unpacked = tempfile::tempdir().unwrap();
    for root in [unpacked.path().to_owned(), unpacked.path().join("cifar10-jpeg")] {
        for (name, content) in jpeg_files() {
            fs::create_dir_all(root.join(&name).parent().unwrap()).unwrap();
            fs::write(root.join(name), content).unwrap();
        }
    }
    for place in [&archive, unpacked.path(), &unpacked.path().join("cifar10-jpeg")] {
        assert!(load(DataSource::Cifar10, place, [0, 0]).unwrap() == data, "{}", place.display());
    }
    let few = load(DataSource::Cifar10, folder.path(), [10, 5]).unwrap();
    assert_eq!((few.train.labels(), few.valid.labels()), (&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], &[0, 1, 2, 3, 4][..]));
    assert_eq!(few.description, "CIFAR-10 re-encoded as JPEG (lossy), 10 + 5 balanced images");
}

#[test]
fn only_the_pictures_that_the_limits_keep_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = jpeg_files();
    let damaged = files.iter_mut().find(|(name, _)| name == "train/cat/0001.jpg").unwrap();
    damaged.1.truncate(100);
    let archive = folder.path().join("cifar10-jpeg.tar.xz");
    fs::write(&archive, xz(&tar(&files))).unwrap();
    assert_eq!(load(DataSource::Cifar10, &archive, [10, 10]).unwrap().train.len(), 10);
    let error = load(DataSource::Cifar10, &archive, [0, 0]).unwrap_err().to_string();
    assert!(error.contains("cifar10-jpeg.tar.xz/train/cat/0001.jpg: the picture is damaged: "), "{error}");
}

#[test]
fn damage_to_class_folders_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |change: &dyn Fn(&mut Vec<File>)| {
        let mut files = jpeg_files();
        change(&mut files);
        fs::write(folder.path().join("x.tar"), tar(&files)).unwrap();
        let error = load(DataSource::Cifar10, &folder.path().join("x.tar"), [0, 0]).unwrap_err().to_string();
        error.replace(&folder.path().join("x.tar").display().to_string(), "x.tar")
    };
    assert_eq!(
        told(&|files| files[1].1 = solid_jpeg([0; 3], 32, 30)),
        "x.tar/train/truck/0000.jpg: 1 image of 30 x 32 pixels, but CIFAR's are 32 x 32"
    );
    assert_eq!(
        told(&|files| files.retain(|(name, _)| !name.contains("ship"))),
        "x.tar: 9 classes, but 10 were expected"
    );
    assert_eq!(told(&|files| files.retain(|(name, _)| !name.contains("test"))), "cannot read x.tar/test");
    assert_eq!(
        told(&|files| files[2].0 = "test/lorry/0002.jpg".to_owned()),
        "x.tar/test/lorry: the folder `train` has no class of this name"
    );
}
