//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 28 x 28 grey images of ten kinds of clothing, from four IDX files.

use std::io::ErrorKind;
use std::path::Path;

use super::{DataError, Dataset, IdxImages, ImageShape, RawExamples, read_idx_images, read_idx_labels};

/// Where Debian's package `dataset-fashion-mnist` puts the files.
pub const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";

const ADVICE: &str = "put Fashion-MNIST's four files (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, \
    t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) into one folder and set data.dir to it; Debian's package \
    dataset-fashion-mnist installs them in /usr/share/datasets/fashion-mnist";

const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const CLASSES: u8 = 10;

/// Reads the data set from the folder that holds its four files, compressed with gzip or not.
///
/// The 60,000 training examples are for training; the 10,000 test examples serve as the validation set, so what is
/// chosen by them is chosen on the test set.
///
/// # Errors
/// [`DataError`] naming the file.
pub fn load(dir: &Path) -> Result<Dataset, DataError> {
    let train = read_part(dir, "train", "training")?;
    let valid = read_part(dir, "t10k", "validation")?;
    Ok(Dataset::new("fashion_mnist", SHAPE, CLASSES, &train, &valid))
}

fn read_part(dir: &Path, prefix: &str, part: &'static str) -> Result<RawExamples, DataError> {
    let (images_file, bytes) = read_file(dir, &format!("{prefix}-images-idx3-ubyte"))?;
    let images = read_idx_images(&bytes, &images_file)?;
    check_size(&images, &images_file)?;
    if images.count() == 0 {
        return Err(DataError::Empty { file: images_file, part });
    }

    let (labels_file, bytes) = read_file(dir, &format!("{prefix}-labels-idx1-ubyte"))?;
    let labels = read_idx_labels(&bytes, &labels_file)?;
    if labels.len() != images.count() {
        let (images, labels) = (images.count(), labels.len());
        return Err(DataError::CountMismatch { images_file, images, labels_file, labels });
    }
    if let Some((index, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= CLASSES) {
        return Err(DataError::WrongLabel { file: labels_file, index, label, classes: CLASSES });
    }
    Ok(RawExamples { pixels: images.pixels, labels })
}

fn check_size(images: &IdxImages, file: &str) -> Result<(), DataError> {
    if (images.rows, images.columns) == (SHAPE.height, SHAPE.width) {
        return Ok(());
    }
    Err(DataError::WrongSize {
        file: file.to_owned(),
        count: images.count(),
        rows: images.rows,
        columns: images.columns,
        accepted: "Fashion-MNIST's are 28 x 28",
    })
}

/// The name and content of a file, which may have the ending `.gz`.
fn read_file(dir: &Path, name: &str) -> Result<(String, Vec<u8>), DataError> {
    for path in [dir.join(format!("{name}.gz")), dir.join(name)] {
        match std::fs::read(&path) {
            Ok(bytes) => return Ok((path.display().to_string(), bytes)),
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(DataError::Io { path, source }),
        }
    }
    Err(DataError::MissingFile { path: dir.join(name), advice: ADVICE })
}
