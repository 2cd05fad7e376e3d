//! Making files, configurations and what batches held before they were normalised.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lookahead_lab::config::{Augmentation, DataConfig, DataSource};
use lookahead_lab::data::{Dataset, Examples};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The images of an IDX file.
pub fn idx_images(count: u32, rows: u32, columns: u32, pixels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 3], &count.to_be_bytes()[..], &rows.to_be_bytes(), &columns.to_be_bytes(), pixels].concat()
}

/// The labels of an IDX file.
pub fn idx_labels(count: u32, labels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 1], &count.to_be_bytes()[..], labels].concat()
}

/// All of a data set; a limit of 0 is none.
pub fn config(source: DataSource, dir: Option<&str>, limits: [u32; 2]) -> DataConfig {
    let [train_limit, valid_limit] = limits.map(|limit| limit.try_into().ok());
    DataConfig { source, dir: dir.map(str::to_owned), train_limit, valid_limit, augmentation: Augmentation::None }
}

/// The normalised pixels of all examples.
pub fn pixels(examples: &Examples) -> Vec<f32> {
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    examples.batch(&indices, None).unwrap().pixels
}

/// The bytes that normalised pixels were, by what `data` says of the normalisation.
pub fn bytes(data: &Dataset, normalised: &[f32]) -> Vec<u8> {
    let plane = data.image.height * data.image.width;
    let byte = |(index, &value): (usize, &f32)| {
        let channel = index / plane % data.image.channels;
        let byte = f64::from(value) * data.normalisation.deviation[channel] + data.normalisation.mean[channel];
        assert!((byte - byte.round()).abs() < 1e-3, "{byte}");
        byte.round() as u8
    };
    normalised.iter().enumerate().map(byte).collect()
}
