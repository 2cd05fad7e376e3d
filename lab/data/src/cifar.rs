//! CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 32 x 32 colour images, from their binary files or from JPEG (Sec. 5.1).

use std::path::{Path, PathBuf};

use super::parts::{Limits, Parts, RawExamples};
use super::store::{Candidate, Store, locate_archive};
use super::{DEFAULT_FOLDER, DataError, ImageShape, jpeg};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// Of one of the three channels.
const PLANE: usize = SHAPE.height * SHAPE.width;

const CIFAR10_ADVICE: &str = "CIFAR-10's binary version has data_batch_1.bin to data_batch_5.bin and test_batch.bin; \
    `lookahead data fetch cifar10` gets it";
const CIFAR100_ADVICE: &str =
    "CIFAR-100's binary version has train.bin and test.bin; `lookahead data fetch cifar100` gets it";

const CIFAR10_ACCEPTED: &str = "a .tar, .tar.gz or .tar.xz with data_batch_1.bin and the others or with train/CLASS/*.jpg and test, or a folder with one";
const CIFAR100_ACCEPTED: &str =
    "a .tar, .tar.gz or .tar.xz with train.bin and test.bin, or a folder with it or with the two files";

/// The labels before the pixels of a record: their names and how many classes each tells apart.
type Labels = &'static [(&'static str, u8)];

const CIFAR10_LABELS: Labels = &[("label", 10)];
const CIFAR100_LABELS: Labels = &[("coarse label", 20), ("fine label", 100)];

/// Finds CIFAR-10 and reads it. The test images serve as the validation part.
pub(super) fn cifar10(dir: Option<&Path>, limits: Limits) -> Result<Parts, DataError> {
    let mut store = Store::open(&find_cifar10(dir)?)?;
    if is_class_folders(&mut store)? {
        let [train, valid] = jpeg::read(store, limits, SHAPE, 10)?;
        let what = "CIFAR-10 re-encoded as JPEG (lossy)";
        return Ok(Parts { name: "cifar10", what, classes: 10, image: SHAPE, train, valid });
    }
    let mut train = RawExamples::default();
    for number in 1..=5 {
        read(&mut store, &format!("data_batch_{number}.bin"), CIFAR10_LABELS, CIFAR10_ADVICE, &mut train)?;
    }
    let mut valid = RawExamples::default();
    read(&mut store, "test_batch.bin", CIFAR10_LABELS, CIFAR10_ADVICE, &mut valid)?;
    Ok(Parts { name: "cifar10", what: "CIFAR-10", classes: 10, image: SHAPE, train, valid })
}

/// Finds CIFAR-100 and reads it, with its fine labels. The test images serve as the validation part.
pub(super) fn cifar100(dir: Option<&Path>) -> Result<Parts, DataError> {
    let mut store = Store::open(&find_cifar100(dir)?)?;
    let (mut train, mut valid) = (RawExamples::default(), RawExamples::default());
    read(&mut store, "train.bin", CIFAR100_LABELS, CIFAR100_ADVICE, &mut train)?;
    read(&mut store, "test.bin", CIFAR100_LABELS, CIFAR100_ADVICE, &mut valid)?;
    Ok(Parts { name: "cifar100", what: "CIFAR-100", classes: 100, image: SHAPE, train, valid })
}

pub(super) fn find_cifar10(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    locate_archive(
        "cifar10",
        dir,
        vec![
            Candidate::named(dir.join("cifar-10-batches-bin")),
            Candidate::named(dir.join("cifar-10-binary.tar.gz")),
            Candidate::holding(dir, "data_batch_1.bin"),
            Candidate::named(dir.join("cifar10-jpeg.tar.xz")),
            Candidate::named(dir.join("cifar10-jpeg")),
            Candidate::holding(dir, "train"),
        ],
        CIFAR10_ACCEPTED,
    )
}

pub(super) fn find_cifar100(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    locate_archive(
        "cifar100",
        dir,
        vec![
            Candidate::named(dir.join("cifar-100-binary")),
            Candidate::named(dir.join("cifar-100-binary.tar.gz")),
            Candidate::holding(dir, "train.bin"),
        ],
        CIFAR100_ACCEPTED,
    )
}

/// Whether there is a folder `train`, rather than binary files.
fn is_class_folders(store: &mut Store) -> Result<bool, DataError> {
    match store {
        Store::Folder(folder) => Ok(folder.join("train").is_dir()),
        Store::Archive(archive) => archive.start_where("train"),
    }
}

/// Appends the records of a file: labels of one byte each, then the red, the green and the blue plane, row by row.
fn read(
    store: &mut Store,
    name: &str,
    labels: Labels,
    advice: &'static str,
    into: &mut RawExamples,
) -> Result<(), DataError> {
    let (file, bytes) = store.read(name, advice)?;
    let record_bytes = labels.len() + SHAPE.pixels();
    if bytes.is_empty() || !bytes.len().is_multiple_of(record_bytes) {
        return Err(DataError::PartialRecord { file, bytes: bytes.len(), record_bytes });
    }
    for (index, record) in bytes.chunks_exact(record_bytes).enumerate() {
        let (found, planes) = record.split_at(labels.len());
        for (&(what, classes), &label) in labels.iter().zip(found) {
            if label >= classes {
                return Err(DataError::WrongLabel { file, what, index, label, classes });
            }
        }
        into.labels.extend(found.last().map(|&label| u16::from(label)));
        let pixel = |place: usize| [planes[place], planes[PLANE + place], planes[2 * PLANE + place]];
        into.pixels.extend((0..PLANE).flat_map(pixel));
    }
    Ok(())
}
