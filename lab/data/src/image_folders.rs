//! ImageNet and its like: large JPEG pictures in class folders, decoded when a batch needs them (Sec. 5.2).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::class_folders::{ClassFile, ClassFolders};
use super::content_index;
use super::error::shown_name;
use super::examples::Examples;
use super::parts::{Limits, balanced, hexadecimal};
use super::picture::Picture;
use super::store::{Candidate, Store, locate_archive};
use super::{DEFAULT_FOLDER, DataError, Dataset, ImageShape, Normalisation};
use crate::config::OnCorrupt;

const NAME: &str = "image_folders";

const ACCEPTED: &str =
    "a .tar, .tar.gz or .tar.xz with train/CLASS/*.jpg and val/CLASS/*.jpg, or a folder with the two";

/// The usual mean and deviation of ImageNet's channels, of pixels from 0 to 1.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// Pictures that are decoded when they are needed.
#[derive(Debug, PartialEq)]
pub(super) struct ImageFiles {
    store: Arc<Store>,
    files: Vec<ClassFile>,
    on_corrupt: OnCorrupt,
}

/// Finds the pictures, lists them and hashes them.
pub(super) fn load(dir: Option<&Path>, limits: Limits, size: u32, on_corrupt: OnCorrupt) -> Result<Dataset, DataError> {
    let store = Store::open(&find(dir)?)?;
    let ClassFolders { store, classes, mut train, mut valid } = ClassFolders::list(store, "val")?;
    for (files, limit) in [(&mut train, limits.train), (&mut valid, limits.valid)] {
        let labels: Vec<u16> = files.iter().map(|file| file.label).collect();
        *files = balanced(&labels, classes.len(), limit).into_iter().map(|index| files[index].clone()).collect();
    }
    content_index::hash(&store, [&mut train, &mut valid])?;
    let image = ImageShape { channels: 3, height: size as usize, width: size as usize };
    let normalisation = Normalisation {
        mean: MEAN.iter().map(|mean| 255.0 * mean).collect(),
        deviation: DEVIATION.iter().map(|deviation| 255.0 * deviation).collect(),
    };
    let folder = store.path().file_name().map_or_else(|| NAME.to_owned(), shown_name);
    let what = format!("{folder} ({} classes of JPEG images) at {size} x {size}", classes.len());
    let description = limits.describe(&what, train.len(), valid.len());
    let sha256 = sha256(size, [&train, &valid]);
    let [train, valid] = [train, valid].map(|files| {
        let labels = files.iter().map(|file| file.label).collect();
        let files = ImageFiles { store: Arc::clone(&store), files, on_corrupt };
        Arc::new(Examples::in_files(files, labels, image, &normalisation))
    });
    Ok(Dataset { name: NAME, description, train, valid, classes: classes.len(), image, normalisation, sha256 })
}

pub(super) fn find(dir: Option<&Path>) -> Result<PathBuf, DataError> {
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let imagenet = dir.join("imagenet");
    locate_archive(
        NAME,
        dir,
        vec![
            Candidate::holding(dir, "train"),
            Candidate::holding(&imagenet, "train"),
            Candidate::named(dir.join("imagenette-224-40x10.tar")),
        ],
        ACCEPTED,
    )
}

fn sha256(size: u32, parts: [&Vec<ClassFile>; 2]) -> String {
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    for files in parts {
        hash.update((files.len() as u64).to_le_bytes());
        for file in files {
            hash.update(file.name.as_encoded_bytes());
            hash.update([0]);
            hash.update(file.label.to_le_bytes());
            hash.update(file.place.bytes().to_le_bytes());
            file.sha256.iter().for_each(|sha256| hash.update(sha256.bytes()));
        }
    }
    hexadecimal(&hash.finalize())
}

impl ImageFiles {
    /// The picture of a file; `None` if it is damaged and to be skipped.
    pub(super) fn picture(&self, index: usize) -> Result<Option<Picture<'static>>, DataError> {
        let file = &self.files[index];
        match file.with_content(&self.store, Picture::decode)? {
            Ok(picture) => Ok(Some(picture)),
            Err(_) if self.on_corrupt == OnCorrupt::Skip => Ok(None),
            Err(reason) => Err(DataError::Image { file: file.name_in(&self.store), reason }),
        }
    }
}
