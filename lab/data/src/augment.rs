//! Random changes of training images (App. C.1; for ImageNet the usual random-resized crop).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::ImageShape;
use super::order::below;
use super::picture::{Picture, Region};
use crate::config::Augmentation;
use lookahead_runs::random::stream;

/// Which random changes the images of an epoch get.
///
/// What an example gets depends on `seed`, `epoch` and its index alone, never on its batch or on what was drawn before:
/// ChaCha8 with the key of `stream(seed, "augmentation", epoch)`, its stream number the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augment {
    /// The kind of changes.
    pub augmentation: Augmentation,
    /// The run's seed.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u32,
}

/// The randomness of an epoch.
pub(super) struct Draws {
    augmentation: Augmentation,
    random: ChaCha8Rng,
}

/// Which part of a picture is taken; what lies outside of it is black.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placement {
    pub(super) top: isize,
    pub(super) left: isize,
    pub(super) is_mirrored: bool,
}

/// How many black pixels `crop_flip` puts around an image.
const PADDING: u32 = 4;

impl Augment {
    pub(super) fn draws(self) -> Draws {
        let random = stream(self.seed, "augmentation", u64::from(self.epoch));
        Draws { augmentation: self.augmentation, random }
    }
}

impl Draws {
    pub(super) fn augmentation(&self) -> Augmentation {
        self.augmentation
    }

    /// The picture, resized if need be, and the part of it that example `index` is.
    pub(super) fn apply<'p>(&self, index: u32, picture: Picture<'p>, image: ImageShape) -> (Picture<'p>, Placement) {
        let mut random = self.random.clone();
        random.set_stream(u64::from(index));
        match self.augmentation {
            Augmentation::None => (picture, Placement::default()),
            Augmentation::CropFlip => {
                let mut offset = || below(&mut random, 2 * PADDING + 1) as isize - PADDING as isize;
                let (top, left) = (offset(), offset());
                (picture, Placement { top, left, is_mirrored: below(&mut random, 2) == 1 })
            }
            Augmentation::ResizedCropFlip => {
                let region = random_region(&mut random, picture.height, picture.width);
                let is_mirrored = below(&mut random, 2) == 1;
                let resized = picture.resized(region, image.height, image.width);
                (resized, Placement { is_mirrored, ..Placement::default() })
            }
        }
    }
}

/// torchvision's `RandomResizedCrop`: 8 to 100 % of the area at an aspect ratio from 3/4 to 4/3.
fn random_region(random: &mut ChaCha8Rng, height: usize, width: usize) -> Region {
    const ATTEMPTS: usize = 10;
    const AREA: (f64, f64) = (0.08, 1.0);
    const RATIO: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
    let (full_height, full_width) = (height as f64, width as f64);
    for _ in 0..ATTEMPTS {
        let area = full_height * full_width * uniform(random, AREA.0, AREA.1);
        let ratio = uniform(random, RATIO.0.ln(), RATIO.1.ln()).exp();
        // w h = area, w / h = ratio
        let [crop_height, crop_width] = [(area / ratio).sqrt().round(), (area * ratio).sqrt().round()];
        if (1.0..=full_height).contains(&crop_height) && (1.0..=full_width).contains(&crop_width) {
            let mut start = |full: f64, part: f64| f64::from(below(random, (full - part) as u32 + 1));
            let (top, left) = (start(full_height, crop_height), start(full_width, crop_width));
            return Region { top, left, height: crop_height, width: crop_width };
        }
    }
    // The largest central part whose ratio is within the bounds.
    let ratio = (full_width / full_height).clamp(RATIO.0, RATIO.1);
    let crop_height = full_height.min((full_width / ratio).round()).max(1.0);
    let crop_width = full_width.min((full_height * ratio).round()).max(1.0);
    let (top, left) = (((full_height - crop_height) / 2.0).floor(), ((full_width - crop_width) / 2.0).floor());
    Region { top, left, height: crop_height, width: crop_width }
}

/// A number from `low` to `high`.
fn uniform(random: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    // 53 random bits: as many as a double holds.
    let share = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    low + (high - low) * share
}
