//! Random crops and mirroring of training images.

use lookahead_data::config::{Augmentation, DataSource};
use lookahead_data::{Augment, Dataset};

use crate::support::{bytes, config};

const SIDE: usize = 8;

fn made(channels: u32) -> Dataset {
    let [channels, height, width] = [channels, SIDE as u32, SIDE as u32].map(|side| side.try_into().unwrap());
    let [classes, train, valid] = [4_u32, 600, 8].map(|count| count.try_into().unwrap());
    let source = DataSource::Made { channels, height, width, classes, train, valid };
    Dataset::load(&config(source, None, [0, 0])).unwrap()
}

fn crop_flip(seed: u64, epoch: u32) -> Option<Augment> {
    Some(Augment { augmentation: Augmentation::CropFlip, seed, epoch })
}

/// The crop of the image with 4 zeros around it that starts at `top`, `left`.
fn crop(image: &[u8], top: usize, left: usize, is_mirrored: bool) -> Vec<u8> {
    let inside = |place: usize| (4..SIDE + 4).contains(&place).then(|| place - 4);
    let mut cropped = Vec::new();
    for plane in image.chunks_exact(SIDE * SIDE) {
        for y in 0..SIDE {
            for x in 0..SIDE {
                let x = if is_mirrored { SIDE - 1 - x } else { x };
                let pixel = inside(y + top).zip(inside(x + left)).map(|(y, x)| plane[y * SIDE + x]);
                cropped.push(pixel.unwrap_or(0));
            }
        }
    }
    cropped
}

#[test]
fn every_image_is_a_crop_of_the_padded_original_half_of_them_mirrored() {
    let data = made(3);
    let indices: Vec<u32> = (0..600).collect();
    let originals = bytes(&data, &data.train.batch(&indices, None).unwrap().pixels);
    let batch = data.train.batch(&indices, crop_flip(1, 0)).unwrap();
    assert_eq!(batch.labels, data.train.labels().iter().map(|&label| i64::from(label)).collect::<Vec<_>>());
    let (mut tops, mut lefts, mut mirrored) = ([0; 9], [0; 9], 0);
    let images = bytes(&data, &batch.pixels);
    for (index, (image, original)) in images.chunks(3 * SIDE * SIDE).zip(originals.chunks(3 * SIDE * SIDE)).enumerate()
    {
        let mut places = (0..9).flat_map(|top| (0..9).flat_map(move |left| [(top, left, false), (top, left, true)]));
        let found = places.find(|&(top, left, flip)| crop(original, top, left, flip) == image);
        let (top, left, is_mirrored) = found.unwrap_or_else(|| panic!("image {index} is no crop"));
        tops[top] += 1;
        lefts[left] += 1;
        mirrored += usize::from(is_mirrored);
    }
    // 600 / 9 = 67 with a standard deviation of 8, and 300 with one of 12.
    assert!(tops.iter().chain(&lefts).all(|count| (34..=100).contains(count)), "{tops:?} {lefts:?}");
    assert!((250..=350).contains(&mirrored), "{mirrored}");
}

#[test]
fn what_an_example_gets_depends_on_seed_epoch_and_index_alone() {
    for augmentation in [Augmentation::CropFlip, Augmentation::ResizedCropFlip] {
        let data = made(1);
        let with = |indices: &[u32], seed, epoch| {
            data.train.batch(indices, Some(Augment { augmentation, seed, epoch })).unwrap().pixels
        };
        let all = with(&[7, 3, 500, 12], 9, 2);
        for (place, index) in [7, 3, 500, 12].into_iter().enumerate() {
            assert_eq!(with(&[index], 9, 2), all[place * 64..(place + 1) * 64]);
        }
        let many: Vec<u32> = (0..50).collect();
        assert_ne!(with(&many, 9, 2), with(&many, 9, 3));
        assert_ne!(with(&many, 9, 2), with(&many, 8, 2));
    }
}

#[test]
fn draws_are_pinned() {
    // A change here changes every augmented run. Computed apart in Python from the description of `stream`: the crop's
    // row and column (4 is in the middle) and whether it is mirrored, for examples 0 to 3 of seed 0, epoch 0.
    let data = made(1);
    let originals = bytes(&data, &data.train.batch(&[0, 1, 2, 3], None).unwrap().pixels);
    let images = bytes(&data, &data.train.batch(&[0, 1, 2, 3], crop_flip(0, 0)).unwrap().pixels);
    for (index, (top, left, is_mirrored)) in PINNED.into_iter().enumerate() {
        let original = &originals[index * 64..(index + 1) * 64];
        assert_eq!(images[index * 64..(index + 1) * 64], crop(original, top, left, is_mirrored), "{index}");
    }
}

const PINNED: [(usize, usize, bool); 4] = [(3, 5, true), (8, 4, false), (5, 4, false), (2, 5, true)];

#[test]
fn no_augmentation_changes_nothing() {
    let data = made(2);
    let augment = Augment { augmentation: Augmentation::None, seed: 3, epoch: 1 };
    assert_eq!(data.train.batch(&[5, 6], Some(augment)).unwrap(), data.train.batch(&[5, 6], None).unwrap());
}

#[test]
fn made_pictures_are_always_the_same_and_balanced() {
    let data = made(3);
    assert!(data == made(3));
    assert_eq!(data.description, "made pictures, 600 + 8 images");
    assert_eq!((data.train.labels()[..5].to_vec(), data.valid.labels().len()), (vec![0, 1, 2, 3, 0], 8));
    // Pinned: a change here changes the results of every run on them.
    assert_eq!(data.sha256(), "6b12d1c27402d3cfda14dc88069f8a0173eba2d88df169e0c79885e1c01c671a");
    // The mean over its pixels tells the class of nearly all.
    let indices: Vec<u32> = (0..600).collect();
    let batch = data.train.batch(&indices, None).unwrap();
    let means: Vec<Vec<f32>> = batch
        .pixels
        .chunks_exact(3 * 64)
        .map(|image| image.chunks_exact(64).map(|plane| plane.iter().sum::<f32>() / 64.0).collect())
        .collect();
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let nearest =
        |mean: &[f32]| (0..4).min_by(|&a, &b| distance(mean, &means[a]).total_cmp(&distance(mean, &means[b])));
    let right = means.iter().zip(&batch.labels).filter(|(mean, label)| nearest(mean) == Some(**label as usize)).count();
    assert!(right > 550, "{right}");
}
