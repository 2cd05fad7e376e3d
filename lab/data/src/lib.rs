//! Data sets of labelled images, texts and translations: found, read, checked and prepared in one fixed way.

#![deny(missing_docs)]

mod archive;
mod augment;
mod cifar;
mod class_folders;
pub mod config;
mod content_index;
mod counts;
pub mod digits;
mod download;
mod error;
mod examples;
pub mod fashion_mnist;
mod fetch;
mod fetch_error;
mod gzip;
mod idx;
mod image_folders;
mod jpeg;
mod jpeg_length;
mod lines;
mod loader;
mod made;
mod official;
mod order;
mod pairs;
mod parts;
mod picture;
mod sgml;
mod store;
mod text;
mod tree;
mod unpack;
mod zipped;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{DataConfig, DataKind, DataSource};

pub use self::augment::Augment;
pub use self::download::{Downloaded, Server, download};
pub use self::error::DataError;
pub use self::examples::{Batch, Examples};
pub use self::fetch::{Verified, fetch, verify};
pub use self::fetch_error::FetchError;
pub use self::idx::{IdxImages, read_idx_images, read_idx_labels};
pub use self::loader::Loader;
pub use self::official::{DATA_SETS, Official, OfficialFile, Origin, Unpacked};
pub use self::order::epoch_order;
pub use self::pairs::{BOS, EOS, PAD, Pair, Pairs, SkippedPairs, Subwords, UNK, token_batches};
pub use self::sgml::read_segments;
pub use self::text::{Corpus, END_OF_SENTENCE, UNKNOWN, Vocabulary};

use self::parts::Limits;

/// Where data sets are looked for, and fetched to, when nothing else is said: a folder below the working directory.
pub const DEFAULT_FOLDER: &str = "data";

/// A data set in two parts.
///
/// ```
/// let digits = lookahead_data::digits::load()?;
/// assert_eq!((digits.train.len(), digits.valid.len(), digits.classes), (1442, 355, 10));
/// assert_eq!(digits.description, "UCI digits, 1,442 + 355 images");
/// let batch = digits.train.batch(&[0, 1, 2], None)?;
/// assert_eq!((batch.labels, batch.pixels.len()), (vec![0, 1, 2], 3 * digits.image.pixels()));
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name, as in a configuration.
    pub name: &'static str,
    /// What was really read, such as `CIFAR-10 re-encoded as JPEG (lossy), 5,000 + 1,000 balanced images`.
    pub description: String,
    /// What is trained on.
    pub train: Arc<Examples>,
    /// What is evaluated on.
    pub valid: Arc<Examples>,
    /// The number of classes.
    pub classes: usize,
    /// The shape of each image.
    pub image: ImageShape,
    /// How the pixels are normalised.
    pub normalisation: Normalisation,
    sha256: String,
}

/// The shape of an image, whose pixels lie in this order in a batch: channels outermost, width innermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// The number of channels.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

impl ImageShape {
    /// The number of values of an image.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.channels * self.height * self.width
    }
}

/// The mean and standard deviation of the pixels of each channel, in the file's units (0 to 255 for most).
///
/// Both parts are normalised by them: `(pixel - mean) / deviation` (App. C.1). They are those of all training images
/// that are used; for `image_folders`, whose images are not held, the usual ones of ImageNet.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// The mean of each channel.
    pub mean: Vec<f64>,
    /// The standard deviation of each channel; 1 if all its pixels are equal.
    pub deviation: Vec<f64>,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// Images with their classes.
    Images(Dataset),
    /// A running text.
    Text(Corpus),
    /// Sentences with their translations.
    Pairs(Pairs),
}

impl Data {
    /// Finds and reads the data of a configuration.
    ///
    /// # Errors
    /// [`DataError`] naming the file, or all the places that were looked at.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        match config.source.kind() {
            DataKind::Images => Dataset::load(config).map(Self::Images),
            DataKind::Text => Corpus::load(config).map(Self::Text),
            DataKind::Pairs => Pairs::load(config).map(Self::Pairs),
        }
    }

    /// Where the files of a data set are; `None` if it is a part of the program. They are not read.
    ///
    /// # Errors
    /// [`DataError::NotFound`] with all the places that were looked at.
    pub fn find(config: &DataConfig) -> Result<Option<PathBuf>, DataError> {
        match config.source.kind() {
            DataKind::Images => Dataset::find(config),
            DataKind::Text => Corpus::find(config),
            DataKind::Pairs => Pairs::find(config),
        }
    }

    /// What was really read, in words.
    #[must_use]
    pub fn description(&self) -> &str {
        match self {
            Self::Images(images) => &images.description,
            Self::Text(corpus) => &corpus.description,
            Self::Pairs(pairs) => &pairs.description,
        }
    }

    /// The SHA-256 of what is read, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        match self {
            Self::Images(images) => images.sha256(),
            Self::Text(corpus) => corpus.sha256(),
            Self::Pairs(pairs) => pairs.sha256(),
        }
    }
}

impl Dataset {
    /// Finds and reads the images of a configuration.
    ///
    /// A limit keeps the first examples of each class, the same number of each (one more of the first classes if it
    /// does not divide; all of a class that has fewer), in the order of the files.
    ///
    /// # Errors
    /// [`DataError`] naming the file, or all the places that were looked at; [`DataError::OtherKind`] for texts and
    /// translations.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        let limits = Limits { train: config.train_limit, valid: config.valid_limit };
        let dir = config.dir.as_deref().map(Path::new);
        let parts = match &config.source {
            DataSource::Digits => digits::parts()?,
            DataSource::FashionMnist => fashion_mnist::parts(&fashion_mnist::find(dir)?)?,
            DataSource::Cifar10 => cifar::cifar10(dir, limits)?,
            DataSource::Cifar100 => cifar::cifar100(dir)?,
            DataSource::Made { channels, height, width, classes, train, valid } => {
                let [channels, height, width] = [channels, height, width].map(|side| side.get() as usize);
                made::parts(ImageShape { channels, height, width }, classes.get(), train.get(), valid.get())
            }
            DataSource::ImageFolders { size, on_corrupt } => {
                return image_folders::load(dir, limits, size.get(), *on_corrupt);
            }
            source => return Err(DataError::OtherKind { name: source.name(), kind: "set of images" }),
        };
        Ok(parts.into_dataset(limits))
    }

    /// Where the files are; `None` if the images are a part of the program. They are not read.
    fn find(config: &DataConfig) -> Result<Option<PathBuf>, DataError> {
        let dir = config.dir.as_deref().map(Path::new);
        let find = match config.source {
            DataSource::FashionMnist => fashion_mnist::find,
            DataSource::Cifar10 => cifar::find_cifar10,
            DataSource::Cifar100 => cifar::find_cifar100,
            DataSource::ImageFolders { .. } => image_folders::find,
            _ => return Ok(None),
        };
        find(dir).map(Some)
    }

    /// The number of steps of an epoch; the last batch may be a smaller one.
    #[must_use]
    pub fn batches(&self, batch_size: NonZeroU32) -> u32 {
        self.train.len().div_ceil(batch_size.get() as usize) as u32
    }

    /// The SHA-256 of what is read, in hexadecimal digits: of all pixels, labels and the normalisation.
    ///
    /// For `image_folders`: of the files' names, labels, sizes and contents and the image size, whether they lie in a
    /// folder or in an archive. A folder's files are read for it once; their hashes are kept in `.lookahead-sha256` beside
    /// `train`, and each file is compared with its hash whenever it is decoded.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.sha256.clone()
    }
}
