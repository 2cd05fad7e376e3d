//! Making files, configurations and what batches held before they were normalised.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lookahead_data::config::{Augmentation, DataConfig, DataSource};
use lookahead_data::{DataError, Dataset, Examples};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes in the container of xz, stored as LZMA2's uncompressed chunks (The .xz File Format 1.2.1).
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    const FLAGS: [u8; 2] = [0, 0]; // no check of the content
    let header = with_crc(&FLAGS);
    // 12 bytes long, one filter: LZMA2 with one byte of properties, a dictionary of 8 MiB.
    let mut block = with_crc(&[2, 0, 0x21, 1, 0x16, 0, 0, 0]);
    for (index, chunk) in bytes.chunks(1 << 16).enumerate() {
        block.push(if index == 0 { 1 } else { 2 });
        block.extend(((chunk.len() - 1) as u16).to_be_bytes());
        block.extend(chunk);
    }
    block.push(0);
    let index = [&[0, 1][..], &multibyte(block.len()), &multibyte(bytes.len())].concat();
    let index = with_crc(&padded(index));
    let backward = (index.len() / 4 - 1) as u32;
    let tail = [&backward.to_le_bytes()[..], &FLAGS].concat();
    let footer = [&with_crc(&tail)[tail.len()..], &tail[..], b"YZ"].concat();
    [&[0xfd, b'7', b'z', b'X', b'Z', 0][..], &header, &padded(block), &index, &footer].concat()
}

fn with_crc(bytes: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    [bytes, &crc.sum().to_le_bytes()].concat()
}

/// To a multiple of four bytes.
fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Seven bits a byte, the lowest first.
fn multibyte(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
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
    pixels_of(examples).unwrap()
}

/// The same, where pictures may be damaged.
pub fn pixels_of(examples: &Examples) -> Result<Vec<f32>, DataError> {
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    Ok(examples.batch(&indices, None)?.pixels)
}

/// A ZIP archive of these files.
pub fn zip(files: &[(&str, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_ref()).unwrap();
    }
    writer.finish().unwrap().into_inner()
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

/// A tar archive of these files.
pub fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A JPEG file of a colour for each pixel, given by row and column.
pub fn jpeg(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(colour(y, x)));
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&picture).unwrap();
    bytes
}

/// A JPEG file of one colour.
pub fn solid_jpeg(colour: [u8; 3], width: u32, height: u32) -> Vec<u8> {
    jpeg(width, height, |_, _| colour)
}

/// An error with its causes.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
