//! Fashion-MNIST.

use std::fs;
use std::path::Path;

use lookahead_data::config::DataSource;
use lookahead_data::{DataError, Dataset, fashion_mnist};

use crate::support::{config, gzip, idx_images as images, idx_labels as labels, pixels};

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
    let dir = folder.path().display().to_string();
    let data = Dataset::load(&config(DataSource::FashionMnist, Some(&dir), [0, 0])).unwrap();
    assert_eq!(data.description, "Fashion-MNIST, 5 + 2 images");
    assert_eq!((data.name, data.classes, data.image.height, data.image.width), ("fashion_mnist", 10, 28, 28));
    assert_eq!((data.train.labels(), data.valid.labels()), (&[9, 0, 0, 3, 2][..], &[1, 2][..]));
    // The first two images of both parts are the same, and normalised by the same two numbers.
    assert_eq!(pixels(&data.valid), pixels(&data.train)[..2 * 784]);
    let expected = (250.0 - data.normalisation.mean[0]) / data.normalisation.deviation[0];
    assert_eq!(pixels(&data.train)[250], expected as f32);
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
    assert!(missing.starts_with("train-labels-idx1-ubyte is missing (with or without .gz; put "), "{missing}");
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
    let absent = dir.join("absent").display().to_string();
    let error = Dataset::load(&config(DataSource::FashionMnist, Some(&absent), [0, 0])).unwrap_err().to_string();
    let looked_for = [
        format!("{absent}/train-images-idx3-ubyte.gz"),
        format!("{absent}/train-images-idx3-ubyte"),
        format!("{absent}/fashion-mnist/train-images-idx3-ubyte.gz"),
        "lookahead data fetch fashion_mnist".to_owned(),
    ];
    assert!(looked_for.iter().all(|place| error.contains(place)), "{error}");
    fs::remove_file(dir.join("train-images-idx3-ubyte.gz")).unwrap();
    fs::create_dir(dir.join("train-images-idx3-ubyte.gz")).unwrap();
    assert!(matches!(fashion_mnist::load(dir), Err(DataError::Io { .. })));
}
