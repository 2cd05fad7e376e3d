//! The embedded digits: 1,797 images of 8 x 8 grey pixels (Alpaydin and Kaynak 1998; see data/README.md).

use super::gzip::Reader;
use super::parts::{Limits, Parts, RawExamples};
use super::{DataError, Dataset, ImageShape};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };
const CLASSES: u8 = 10;
const BRIGHTEST: u8 = 16;

/// The most bytes that are read, uncompressed: four times the embedded file.
const MOST_BYTES: u64 = 1 << 20;

/// The embedded data set: 1,442 training and 355 validation examples.
///
/// # Errors
/// As [`read`]; the embedded file is sound.
pub fn load() -> Result<Dataset, DataError> {
    Ok(parts()?.into_dataset(Limits::default()))
}

pub(super) fn parts() -> Result<Parts, DataError> {
    read_parts(include_bytes!("../data/digits.csv.gz"), "digits.csv.gz")
}

/// Reads a file of the same form: a line for each example with 64 grey values from 0 to 16, row by row, and the digit.
///
/// In the order of the file, every fifth example of each digit (the 5th, 10th, …) is for validation, the others are for
/// training. There is nothing random in it, so the split is the same everywhere and for ever.
///
/// # Errors
/// [`DataError`] naming the line and the field.
pub fn read(content: &[u8], file: &str) -> Result<Dataset, DataError> {
    Ok(read_parts(content, file)?.into_dataset(Limits::default()))
}

fn read_parts(content: &[u8], file: &str) -> Result<Parts, DataError> {
    let bytes = Reader::new(content, file).rest(MOST_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let (mut train, mut valid) = (RawExamples::default(), RawExamples::default());
    let mut seen = [0_u32; CLASSES as usize];
    for (index, line) in text.lines().enumerate() {
        let (pixels, label) = read_line(line, file, index + 1)?;
        let seen = &mut seen[usize::from(label)];
        *seen += 1;
        let part = if *seen % 5 == 0 { &mut valid } else { &mut train };
        part.pixels.extend(pixels);
        part.labels.push(label.into());
    }
    for (part, examples) in [("training", &train), ("validation", &valid)] {
        if examples.labels.is_empty() {
            return Err(DataError::Empty { file: file.to_owned(), part });
        }
    }
    Ok(Parts { name: "digits", what: "UCI digits", classes: CLASSES.into(), image: SHAPE, train, valid })
}

/// The grey values and the digit of one line.
fn read_line(text: &str, file: &str, line: usize) -> Result<(Vec<u8>, u8), DataError> {
    let expected = SHAPE.pixels() + 1;
    let found = text.split(',').count();
    if found != expected {
        return Err(DataError::WrongFieldCount { file: file.to_owned(), line, found, expected });
    }
    let number = |(index, value): (usize, &str)| {
        let max = if index + 1 == expected { CLASSES - 1 } else { BRIGHTEST };
        value.parse().ok().filter(|number| *number <= max).ok_or_else(|| DataError::WrongField {
            file: file.to_owned(),
            line,
            field: index + 1,
            value: value.to_owned(),
            max,
        })
    };
    let mut pixels = text.split(',').enumerate().map(number).collect::<Result<Vec<u8>, _>>()?;
    let label = pixels.pop().unwrap_or_default();
    Ok((pixels, label))
}
