//! A data set in memory as its files have it, and what is made of it: limited, normalised, hashed.

use std::num::NonZeroU32;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::examples::Examples;
use super::{Dataset, ImageShape, Normalisation};

/// Images and labels as a file has them.
#[derive(Debug, Default)]
pub(super) struct RawExamples {
    /// Image by image, row by row, pixel by pixel: the channels of a pixel lie together.
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<u16>,
}

/// Only so many examples of each part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) train: Option<NonZeroU32>,
    pub(super) valid: Option<NonZeroU32>,
}

/// A data set in memory.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) name: &'static str,
    /// What it is, in words.
    pub(super) what: &'static str,
    pub(super) classes: usize,
    pub(super) image: ImageShape,
    pub(super) train: RawExamples,
    pub(super) valid: RawExamples,
}

impl Limits {
    /// `what, 5,000 + 1,000 balanced images`.
    pub(super) fn describe(self, what: &str, train: usize, valid: usize) -> String {
        let balanced = if self.train.is_some() || self.valid.is_some() { "balanced " } else { "" };
        format!("{what}, {} + {} {balanced}images", grouped(train), grouped(valid))
    }
}

/// Which examples a limit keeps: the first of each class, equally many of each, in the order of the file.
pub(super) fn balanced(labels: &[u16], classes: usize, limit: Option<NonZeroU32>) -> Vec<usize> {
    let Some(limit) = limit.map(|limit| limit.get() as usize).filter(|&limit| limit < labels.len()) else {
        return (0..labels.len()).collect();
    };
    let mut left: Vec<usize> =
        (0..classes).map(|class| limit / classes + usize::from(class < limit % classes)).collect();
    let mut take = |label: u16| {
        let left = &mut left[usize::from(label)];
        let takes = *left > 0;
        *left -= usize::from(takes);
        takes
    };
    (0..labels.len()).filter(|&index| take(labels[index])).collect()
}

impl RawExamples {
    fn limited(self, image: ImageShape, classes: usize, limit: Option<NonZeroU32>) -> Self {
        let kept = balanced(&self.labels, classes, limit);
        if kept.len() == self.labels.len() {
            return self;
        }
        let size = image.pixels();
        Self {
            pixels: kept.iter().flat_map(|&index| &self.pixels[index * size..(index + 1) * size]).copied().collect(),
            labels: kept.iter().map(|&index| self.labels[index]).collect(),
        }
    }
}

impl Parts {
    pub(super) fn into_dataset(self, limits: Limits) -> Dataset {
        let Self { name, what, classes, image, train, valid } = self;
        let description_of = |train: usize, valid: usize| limits.describe(what, train, valid);
        let train = train.limited(image, classes, limits.train);
        let valid = valid.limited(image, classes, limits.valid);
        let normalisation = Normalisation::of(&train.pixels, image.channels);
        let sha256 = sha256(image, &normalisation, [&train, &valid]);
        let description = description_of(train.labels.len(), valid.labels.len());
        let [train, valid] =
            [train, valid].map(|part| Arc::new(Examples::in_memory(part.pixels, part.labels, image, &normalisation)));
        Dataset { name, description, train, valid, classes, image, normalisation, sha256 }
    }
}

impl Normalisation {
    fn of(pixels: &[u8], channels: usize) -> Self {
        let mut counts = vec![[0_u64; 256]; channels];
        for pixel in pixels.chunks_exact(channels) {
            for (counts, &value) in counts.iter_mut().zip(pixel) {
                counts[usize::from(value)] += 1;
            }
        }
        let (mean, deviation) = counts.iter().map(mean_and_deviation).unzip();
        Self { mean, deviation }
    }
}

/// Of the values from 0 to 255, of which there are so many.
fn mean_and_deviation(counts: &[u64; 256]) -> (f64, f64) {
    // Whole numbers keep the sums exact: var = sum x^2 / n - (sum x / n)^2.
    let (mut count, mut sum, mut squares) = (0, 0, 0);
    for (value, n) in (0..).zip(counts) {
        count += n;
        sum += n * value;
        squares += n * value * value;
    }
    let mean = sum as f64 / count as f64;
    let deviation = (squares as f64 / count as f64 - mean * mean).max(0.0).sqrt();
    (mean, if deviation > 0.0 { deviation } else { 1.0 })
}

fn sha256(image: ImageShape, normalisation: &Normalisation, parts: [&RawExamples; 2]) -> String {
    let mut hash = Sha256::new();
    for number in [image.channels, image.height, image.width] {
        hash.update((number as u64).to_le_bytes());
    }
    normalisation.mean.iter().chain(&normalisation.deviation).for_each(|number| hash.update(number.to_le_bytes()));
    for part in parts {
        hash.update((part.labels.len() as u64).to_le_bytes());
        hash.update(&part.pixels);
        part.labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number with commas, as in 50,000.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `, 4.50 + 12.00 % unknown`: the shares of each part that a vocabulary leaves out, given as how many of how many; nothing
/// if it leaves out nothing of the first part, the one that it was made of.
pub(super) fn shares(parts: &[(u64, u64)]) -> String {
    let percent = |&(some, all): &(u64, u64)| match 100.0 * some as f64 / all as f64 {
        0.0 => "0".to_owned(),
        share if share < 0.01 => "under 0.01".to_owned(),
        share => format!("{share:.2}"),
    };
    if parts.first().is_none_or(|(unknown, _)| *unknown == 0) {
        return String::new();
    }
    let shares: Vec<String> = parts.iter().filter(|(_, all)| *all > 0).map(percent).collect();
    format!(", {} % unknown", shares.join(" + "))
}
