//! Small JPEG pictures of one size in class folders, all decoded into memory: CIFAR-10 as some mirrors have it.

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::class_folders::{ClassFile, ClassFolders};
use super::error::shown;
use super::parts::{Limits, RawExamples, balanced};
use super::picture::Picture;
use super::store::Store;
use super::{DataError, ImageShape};

/// Reads the pictures below `train` and `test` that the limits keep, and only those.
pub(super) fn read(
    store: Store,
    limits: Limits,
    image: ImageShape,
    classes: usize,
) -> Result<[RawExamples; 2], DataError> {
    let folders = ClassFolders::list(store, "test")?;
    let found = folders.classes.len();
    if found != classes {
        let file = shown(folders.store.path());
        return Err(DataError::ClassCount { file, found, accepted: "10" });
    }
    let part = |files: &[ClassFile], limit| {
        let labels: Vec<u16> = files.iter().map(|file| file.label).collect();
        let kept = balanced(&labels, classes, limit);
        let decoded: Vec<Result<Vec<u8>, DataError>> =
            kept.par_iter().map(|&index| decode(&folders.store, &files[index], image)).collect();
        let mut examples = RawExamples::default();
        for (pixels, &index) in decoded.into_iter().zip(&kept) {
            examples.pixels.extend(pixels?);
            examples.labels.push(labels[index]);
        }
        Ok(examples)
    };
    Ok([part(&folders.train, limits.train)?, part(&folders.valid, limits.valid)?])
}

fn decode(store: &Store, file: &ClassFile, image: ImageShape) -> Result<Vec<u8>, DataError> {
    let picture = file.with_content(store, Picture::decode)?;
    let picture = picture.map_err(|reason| DataError::Image { file: file.name_in(store), reason })?;
    if (picture.height, picture.width) != (image.height, image.width) {
        return Err(DataError::WrongSize {
            file: file.name_in(store),
            count: 1,
            rows: picture.height,
            columns: picture.width,
            accepted: "CIFAR's are 32 x 32",
        });
    }
    Ok(picture.pixels.into_owned())
}
