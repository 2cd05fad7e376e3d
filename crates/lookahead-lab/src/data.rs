//! Data sets of labelled images: read, checked, split and normalised in one fixed way.

pub mod digits;
mod error;
pub mod fashion_mnist;
mod gzip;
mod idx;
mod order;

use std::num::NonZeroU32;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::config::{DataConfig, DataSource};

pub use self::error::DataError;
pub use self::idx::{IdxImages, read_idx_images, read_idx_labels};
pub use self::order::epoch_order;

/// A data set in two parts.
///
/// ```
/// let digits = lookahead_lab::data::digits::load()?;
/// assert_eq!((digits.train.len(), digits.valid.len(), digits.classes), (1442, 355, 10));
/// assert_eq!(digits.train.image(0).len(), digits.image.pixels());
/// # Ok::<(), lookahead_lab::data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name, as in a configuration.
    pub name: &'static str,
    /// What is trained on.
    pub train: Examples,
    /// What is evaluated on.
    pub valid: Examples,
    /// The number of classes.
    pub classes: usize,
    /// The shape of each image.
    pub image: ImageShape,
    /// How the pixels were normalised.
    pub normalisation: Normalisation,
}

/// The shape of an image, whose pixels lie in this order: channels outermost, width innermost.
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

/// The mean and standard deviation of all pixels of the training part, in the file's units.
///
/// Both parts are normalised by them: `(pixel - mean) / deviation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 1 if all pixels are equal.
    pub deviation: f64,
}

/// Normalised images and their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    pixels: Vec<f32>,
    labels: Vec<u8>,
    image: ImageShape,
}

impl Examples {
    /// All pixels: image by image.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// The class of each image, from 0.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of one image.
    ///
    /// # Panics
    /// If there is no example `index`.
    #[must_use]
    pub fn image(&self, index: usize) -> &[f32] {
        let pixels = self.image.pixels();
        &self.pixels[index * pixels..(index + 1) * pixels]
    }

    /// The examples with these indices, in this order: a batch.
    ///
    /// # Panics
    /// If there is no example with one of the indices.
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.image.pixels());
        indices.iter().for_each(|&index| pixels.extend_from_slice(self.image(index as usize)));
        let labels = indices.iter().map(|&index| self.labels[index as usize]).collect();
        Self { pixels, labels, image: self.image }
    }

    fn truncate(&mut self, limit: usize) {
        self.labels.truncate(limit);
        self.pixels.truncate(limit.saturating_mul(self.image.pixels()));
    }
}

/// Examples as a file has them.
#[derive(Debug, Default)]
struct RawExamples {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Normalisation {
    fn of(pixels: &[u8]) -> Self {
        // Whole numbers keep the sums exact: var = sum x^2 / n - (sum x / n)^2.
        let sum: u64 = pixels.iter().map(|&x| u64::from(x)).sum();
        let squares: u64 = pixels.iter().map(|&x| u64::from(x) * u64::from(x)).sum();
        let count = pixels.len() as f64;
        let mean = sum as f64 / count;
        let deviation = (squares as f64 / count - mean * mean).max(0.0).sqrt();
        Self { mean, deviation: if deviation > 0.0 { deviation } else { 1.0 } }
    }

    fn apply(self, raw: &RawExamples, image: ImageShape) -> Examples {
        let normalised = |&x: &u8| ((f64::from(x) - self.mean) / self.deviation) as f32;
        Examples { pixels: raw.pixels.iter().map(normalised).collect(), labels: raw.labels.clone(), image }
    }
}

impl Dataset {
    /// Reads the data set of a configuration. Limits keep the first examples; the normalisation is that of all.
    ///
    /// # Errors
    /// [`DataError`] naming the file.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        let mut dataset = match &config.source {
            DataSource::Digits => digits::load()?,
            DataSource::FashionMnist { dir } => fashion_mnist::load(Path::new(dir))?,
        };
        for (part, limit) in [(&mut dataset.train, config.train_limit), (&mut dataset.valid, config.valid_limit)] {
            if let Some(limit) = limit {
                part.truncate(limit.get() as usize);
            }
        }
        Ok(dataset)
    }

    /// The number of steps of an epoch; the last batch may be a smaller one.
    #[must_use]
    pub fn batches(&self, batch_size: NonZeroU32) -> u32 {
        self.train.len().div_ceil(batch_size.get() as usize) as u32
    }

    /// The SHA-256 of all pixels and labels, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.train, &self.valid] {
            part.pixels.iter().for_each(|pixel| hash.update(pixel.to_le_bytes()));
            hash.update(&part.labels);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn new(name: &'static str, image: ImageShape, classes: u8, train: &RawExamples, valid: &RawExamples) -> Self {
        let normalisation = Normalisation::of(&train.pixels);
        Self {
            name,
            train: normalisation.apply(train, image),
            valid: normalisation.apply(valid, image),
            classes: usize::from(classes),
            image,
            normalisation,
        }
    }
}
