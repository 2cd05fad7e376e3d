//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 28 x 28 grey images of ten kinds of clothing, from four IDX files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::shown;
use super::parts::{Limits, Parts, RawExamples};
use super::store::{Candidate, MOST_BYTES, locate};
use super::{DEFAULT_FOLDER, DataError, Dataset, IdxImages, ImageShape, read_idx_images, read_idx_labels};
use lookahead_runs::files;

/// Where Debian's package `dataset-fashion-mnist` puts the files.
pub const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";

const ADVICE: &str = "with or without .gz; put Fashion-MNIST's four files (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, \
    t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) into one folder and set data.dir to it; Debian's package \
    dataset-fashion-mnist installs them in /usr/share/datasets/fashion-mnist, `lookahead data fetch fashion_mnist` \
    downloads them";

/// The folder below the data folder that they are fetched to.
pub(super) const FOLDER: &str = "fashion-mnist";

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
    Ok(parts(dir)?.into_dataset(Limits::default()))
}

pub(super) fn parts(dir: &Path) -> Result<Parts, DataError> {
    let train = read_part(dir, "train", "training")?;
    let valid = read_part(dir, "t10k", "validation")?;
    let (name, what, classes) = ("fashion_mnist", "Fashion-MNIST", usize::from(CLASSES));
    Ok(Parts { name, what, classes, image: SHAPE, train, valid })
}

/// Looks for the four files in `dir` and in its folder `fashion-mnist`; without `dir`, where Debian's package puts them
/// and in the default folder.
pub(super) fn find(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let default = Path::new(DEFAULT_FOLDER);
    let folders = match dir {
        Some(dir) => [dir.to_owned(), dir.join(FOLDER)],
        None => [DEBIAN_FOLDER.into(), default.join(FOLDER)],
    };
    let first = |folder: &PathBuf| {
        ["train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"].map(|name| Candidate::holding(folder, name))
    };
    locate("fashion_mnist", folders.iter().flat_map(first).collect())
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
        let what = "label";
        return Err(DataError::WrongLabel { file: labels_file, what, index, label, classes: CLASSES });
    }
    Ok(RawExamples { pixels: images.pixels, labels: labels.into_iter().map(u16::from).collect() })
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
        match files::read(&path, MOST_BYTES) {
            Ok(bytes) => return Ok((shown(&path), bytes)),
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(DataError::Io { path, source }),
        }
    }
    Err(DataError::MissingFile { path: dir.join(name), advice: ADVICE })
}
