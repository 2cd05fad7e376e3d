//! The IDX format of MNIST and its like: a big-endian header, then one byte a pixel or label.

use super::DataError;
use super::gzip::Reader;

/// Grey images as an IDX file holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxImages {
    /// Rows of an image, at least 1.
    pub rows: usize,
    /// Columns of an image, at least 1.
    pub columns: usize,
    /// All pixels, 0 to 255: image by image, row by row.
    pub pixels: Vec<u8>,
}

impl IdxImages {
    /// The number of images.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pixels.len() / (self.rows * self.columns)
    }
}

/// The most pixels that are read from one file: 2^28, five times Fashion-MNIST.
const MOST_PIXELS: u64 = 1 << 28;

/// Reads images (magic number 0x00000803) from the content of a file, compressed with gzip or not.
///
/// `file` names it in errors.
///
/// # Errors
/// [`DataError`] for another magic number, a size without sense, missing or trailing bytes, damaged compression.
///
/// ```
/// use lookahead_data::read_idx_images;
/// let bytes = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 9, 8, 7, 6]; // one image of 2 x 2
/// assert_eq!(read_idx_images(&bytes, "images")?.pixels, [9, 8, 7, 6]);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
pub fn read_idx_images(bytes: &[u8], file: &str) -> Result<IdxImages, DataError> {
    let mut reader = Reader::new(bytes, file);
    magic(&mut reader, file, 0x0803)?;
    let [count, rows, columns] = [number(&mut reader)?, number(&mut reader)?, number(&mut reader)?];
    // Two sizes fit in 64 bits, the product of three may not.
    let total = (u64::from(rows) * u64::from(columns)).saturating_mul(u64::from(count));
    let [count, rows, columns] = [count as usize, rows as usize, columns as usize];
    if rows == 0 || columns == 0 || total > MOST_PIXELS {
        let accepted = "at least one pixel an image, and at most 2^28 pixels in all, were expected";
        return Err(DataError::WrongSize { file: file.to_owned(), count, rows, columns, accepted });
    }
    let pixels = reader.take(total)?;
    reader.end()?;
    Ok(IdxImages { rows, columns, pixels })
}

/// Reads labels (magic number 0x00000801) from the content of a file, compressed with gzip or not.
///
/// `file` names it in errors.
///
/// # Errors
/// [`DataError`] for another magic number, missing or trailing bytes, damaged compression.
pub fn read_idx_labels(bytes: &[u8], file: &str) -> Result<Vec<u8>, DataError> {
    let mut reader = Reader::new(bytes, file);
    magic(&mut reader, file, 0x0801)?;
    let count = number(&mut reader)?;
    if u64::from(count) > MOST_PIXELS {
        let (count, accepted) = (count as usize, "at most 2^28 labels were expected");
        return Err(DataError::WrongSize { file: file.to_owned(), count, rows: 1, columns: 1, accepted });
    }
    let labels = reader.take(u64::from(count))?;
    reader.end()?;
    Ok(labels)
}

fn magic(reader: &mut Reader<'_>, file: &str, expected: u32) -> Result<(), DataError> {
    let found = number(reader)?;
    if found == expected { Ok(()) } else { Err(DataError::WrongMagic { file: file.to_owned(), found, expected }) }
}

fn number(reader: &mut Reader<'_>) -> Result<u32, DataError> {
    let bytes = reader.take(4)?;
    Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}
