//! The examples of one part, and the batches made of them.

use std::borrow::Cow;

use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator, ParallelSliceMut};

use super::augment::{Draws, Placement};
use super::image_folders::ImageFiles;
use super::picture::Picture;
use super::{Augment, DataError, ImageShape, Normalisation};
use crate::config::Augmentation;

/// Images and their labels: bytes in memory, or files that are decoded when a batch is made.
#[derive(Debug, PartialEq)]
pub struct Examples {
    pixels: Pixels,
    labels: Vec<u16>,
    image: ImageShape,
    /// The normalised value of each byte, by channel.
    normalised: Vec<[f32; 256]>,
}

#[derive(Debug, PartialEq)]
enum Pixels {
    /// Image by image, the channels of a pixel together.
    Memory(Vec<u8>),
    Files(ImageFiles),
}

/// Normalised images and their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[n, channels, height, width]`.
    pub pixels: Vec<f32>,
    /// `[n]`: the classes, from 0. Empty if all images of the batch were skipped.
    pub labels: Vec<i64>,
    /// How many images are missing because their files are damaged (`on_corrupt = "skip"`).
    pub skipped: u32,
}

impl Examples {
    pub(super) fn in_memory(pixels: Vec<u8>, labels: Vec<u16>, image: ImageShape, by: &Normalisation) -> Self {
        Self { pixels: Pixels::Memory(pixels), labels, image, normalised: by.tables() }
    }

    pub(super) fn in_files(files: ImageFiles, labels: Vec<u16>, image: ImageShape, by: &Normalisation) -> Self {
        Self { pixels: Pixels::Files(files), labels, image, normalised: by.tables() }
    }

    /// The class of each image, from 0.
    #[must_use]
    pub fn labels(&self) -> &[u16] {
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

    /// The examples with these indices, in this order, changed at random if `augment` says so.
    ///
    /// # Errors
    /// For images in files: [`DataError::Io`], [`DataError::Changed`] if one is not what it was when the data set was
    /// opened, and [`DataError::Image`] if damaged ones are to be refused.
    ///
    /// # Panics
    /// If there is no example with one of the indices.
    pub fn batch(&self, indices: &[u32], augment: Option<Augment>) -> Result<Batch, DataError> {
        let draws = augment.map(Augment::draws);
        let size = self.image.pixels();
        let mut pixels = vec![0.0; indices.len() * size];
        let write = |(out, &index): (&mut [f32], &u32)| self.write(index, draws.as_ref(), out);
        let written: Vec<Result<bool, DataError>> = match &self.pixels {
            Pixels::Memory(_) => pixels.chunks_exact_mut(size).zip(indices).map(write).collect(),
            Pixels::Files(_) => pixels.par_chunks_exact_mut(size).zip(indices.par_iter()).map(write).collect(),
        };

        let mut labels = Vec::with_capacity(indices.len());
        for (place, (written, &index)) in written.into_iter().zip(indices).enumerate() {
            if written? {
                // Those after a skipped one move up.
                if labels.len() < place {
                    pixels.copy_within(place * size..(place + 1) * size, labels.len() * size);
                }
                labels.push(i64::from(self.labels[index as usize]));
            }
        }
        pixels.truncate(labels.len() * size);
        let skipped = (indices.len() - labels.len()) as u32;
        Ok(Batch { pixels, labels, skipped })
    }

    /// Writes one normalised image; false if it is damaged and to be skipped.
    fn write(&self, index: u32, draws: Option<&Draws>, out: &mut [f32]) -> Result<bool, DataError> {
        let ImageShape { channels, height, width } = self.image;
        let augmentation = draws.map_or(Augmentation::None, Draws::augmentation);
        let picture = match &self.pixels {
            Pixels::Memory(pixels) => {
                let size = self.image.pixels();
                let start = index as usize * size;
                Picture { channels, height, width, pixels: Cow::Borrowed(&pixels[start..start + size]) }
            }
            Pixels::Files(files) => match files.picture(index as usize)? {
                None => return Ok(false),
                // A random crop is of the whole picture.
                Some(picture) if augmentation == Augmentation::ResizedCropFlip => picture,
                Some(picture) => picture.evaluation_view(height),
            },
        };
        match draws {
            None => self.normalise(&picture, Placement::default(), out),
            Some(draws) => {
                let (picture, placement) = draws.apply(index, picture, self.image);
                self.normalise(&picture, placement, out);
            }
        }
        Ok(true)
    }

    /// Takes the part of a picture that starts at `top`, `left` (black outside), perhaps mirrored, and normalises it.
    fn normalise(&self, picture: &Picture<'_>, placement: Placement, out: &mut [f32]) {
        let ImageShape { channels, height, width } = self.image;
        let row_bytes = picture.width * channels;
        for y in 0..height {
            let row = y.checked_add_signed(placement.top).filter(|&row| row < picture.height);
            let row = row.map(|row| &picture.pixels[row * row_bytes..(row + 1) * row_bytes]);
            for x in 0..width {
                let from = if placement.is_mirrored { width - 1 - x } else { x };
                let from = from.checked_add_signed(placement.left).filter(|&from| from < picture.width);
                let pixel = row.zip(from).map(|(row, from)| &row[from * channels..(from + 1) * channels]);
                for (channel, table) in self.normalised.iter().enumerate() {
                    let value = pixel.map_or(0, |pixel| pixel[channel]);
                    out[(channel * height + y) * width + x] = table[usize::from(value)];
                }
            }
        }
    }
}

impl Normalisation {
    /// What each byte becomes, by channel.
    fn tables(&self) -> Vec<[f32; 256]> {
        let table = |(mean, deviation): (&f64, &f64)| {
            // (x - mean) / deviation
            std::array::from_fn(|value| ((value as f64 - mean) / deviation) as f32)
        };
        self.mean.iter().zip(&self.deviation).map(table).collect()
    }
}
