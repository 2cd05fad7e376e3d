//! Made pictures that a small network learns in seconds, for trying out everything without data.

use rand_chacha::rand_core::Rng;

use super::ImageShape;
use super::parts::{Parts, RawExamples};
use lookahead_runs::random::stream;

/// The brightness and the vertical slope of one channel of a class.
struct Look {
    brightness: i32,
    slope: i32,
}

/// Each class has a brightness and a vertical slope for each channel; noise lies over them. The classes come in turn.
///
/// Mirrored or moved by a few pixels, a picture stays one of its class. There is no seed: they are always the same.
pub(super) fn parts(image: ImageShape, classes: u32, train: u32, valid: u32) -> Parts {
    let mut random = stream(0, "made classes", 0);
    let mut between = |low: i32, high: i32| low + (random.next_u32() % (high - low) as u32) as i32;
    let looks: Vec<Vec<Look>> = (0..classes)
        .map(|_| {
            let look = |_| Look { brightness: between(70, 186), slope: between(-70, 71) };
            (0..image.channels).map(look).collect()
        })
        .collect();
    Parts {
        name: "made",
        what: "made pictures",
        classes: classes as usize,
        image,
        train: examples(image, &looks, "made training", train),
        valid: examples(image, &looks, "made validation", valid),
    }
}

fn examples(image: ImageShape, looks: &[Vec<Look>], purpose: &str, count: u32) -> RawExamples {
    const NOISE: u32 = 81;
    let mut random = stream(0, purpose, 0);
    let mut examples = RawExamples::default();
    let height = image.height as i32;
    for index in 0..count as usize {
        let label = index % looks.len();
        for y in 0..height {
            for _ in 0..image.width {
                for look in &looks[label] {
                    let noise = (random.next_u32() % NOISE) as i32 - (NOISE / 2) as i32;
                    // From -slope at the top to slope at the bottom.
                    let value = look.brightness + look.slope * (2 * y + 1 - height) / height + noise;
                    examples.pixels.push(value.clamp(0, 255) as u8);
                }
            }
        }
        examples.labels.push(label as u16);
    }
    examples
}
