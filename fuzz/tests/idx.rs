//! The lab's reader of IDX files, plain and compressed.

use std::io::Write;

use bolero::check;
use flate2::{Compression, write::GzEncoder};
use lookahead_data::{read_idx_images, read_idx_labels};
use lookahead_fuzz::{damaged, edits};

const ITERATIONS: usize = 20_000;

/// How a compressed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Two images of 2 x 3.
const IMAGES: [u8; 28] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const LABELS: [u8; 12] = [0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4];

#[test]
fn any_bytes_as_idx() {
    check!().with_iterations(ITERATIONS).for_each(|bytes| {
        if bytes.starts_with(&GZIP) {
            let _ = (read_idx_images(bytes, "images"), read_idx_labels(bytes, "labels"));
        } else {
            images(bytes);
            labels(bytes);
        }
    });
}

#[test]
fn damaged_idx_images() {
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| images(&damaged(&IMAGES, edits)));
}

#[test]
fn damaged_idx_labels() {
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| labels(&damaged(&LABELS, edits)));
}

#[test]
fn damaged_compression_of_idx() {
    let (whole, expected) = (compressed(&IMAGES), read_idx_images(&IMAGES, "images").unwrap());
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        // A gzip header has bytes without meaning for the content; everything else is under a checksum.
        if let Ok(read) = read_idx_images(&damaged(&whole, edits), "images") {
            assert_eq!(read, expected);
        }
    });
}

/// What is read from a plain file, written again, is what was there, and compression makes no difference.
fn images(bytes: &[u8]) {
    let Ok(images) = read_idx_images(bytes, "images") else { return };
    let [count, rows, columns] = [images.count(), images.rows, images.columns].map(|n| (n as u32).to_be_bytes());
    assert_eq!([&[0, 0, 8, 3], &count[..], &rows[..], &columns[..], &images.pixels[..]].concat(), bytes);
    assert_eq!(read_idx_images(&compressed(bytes), "images").unwrap(), images);
}

fn labels(bytes: &[u8]) {
    let Ok(labels) = read_idx_labels(bytes, "labels") else { return };
    assert_eq!([&[0, 0, 8, 1], &(labels.len() as u32).to_be_bytes()[..], &labels[..]].concat(), bytes);
    assert_eq!(read_idx_labels(&compressed(bytes), "labels").unwrap(), labels);
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
