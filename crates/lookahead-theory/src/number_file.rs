//! Files of numbers: one a line; `#` begins a comment, blank lines are skipped. Sizes are bounded before memory is asked
//! for, and what is no regular file (a pipe would be waited for) is not opened.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::Error;
use crate::limits::{MOST_EIGENVALUES, check_count};

/// The most bytes of a file: room for as many numbers as are accepted, with a comment on each line.
const MOST_BYTES: u64 = 1 << 28;
/// The most characters of a line that an error repeats.
const MOST_SHOWN: usize = 40;

/// What the numbers of a file are, and which are accepted.
pub(crate) struct Numbers {
    /// What one number is.
    pub name: &'static str,
    /// What would have been accepted, if this number is not.
    pub refuses: fn(f64) -> Option<&'static str>,
    /// What is accepted where there is no number at all.
    pub accepted: &'static str,
}

impl Numbers {
    /// The numbers of a file, in its order.
    pub fn read(&self, file: &Path) -> Result<Vec<f64>, Error> {
        let unreadable = |source| Error::UnreadableFile { file: file.to_owned(), source };
        let too_large = |most, of| Error::FileTooLarge { file: file.to_owned(), most, of };
        let about = fs::metadata(file).map_err(unreadable)?;
        if !about.is_file() {
            return Err(Error::NotARegularFile { file: file.to_owned() });
        }
        if about.len() > MOST_BYTES {
            return Err(too_large(MOST_BYTES, "bytes"));
        }
        // A file that grows meanwhile ends here all the same.
        let mut reader = BufReader::new(File::open(file).map_err(unreadable)?.take(MOST_BYTES));
        let (mut numbers, mut bytes) = (Vec::new(), Vec::new());
        for line in 1.. {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
                break;
            }
            // What is no UTF-8 is no number either; in a comment it does no harm.
            let text = String::from_utf8_lossy(&bytes);
            let line_text = text.trim_start_matches('\u{feff}').trim();
            let number = line_text.split('#').next().unwrap_or_default().trim();
            if number.is_empty() {
                continue;
            }
            let refused = match number.parse() {
                Ok(value) => {
                    numbers.push(value);
                    (self.refuses)(value)
                }
                Err(_) => Some(self.accepted),
            };
            if let Some(accepted) = refused {
                let text = line_text.chars().take(MOST_SHOWN).collect();
                return Err(Error::BadLine { file: file.to_owned(), line, text, accepted });
            }
            if numbers.len() > MOST_EIGENVALUES {
                return Err(too_large(MOST_EIGENVALUES as u64, "numbers"));
            }
        }
        self.check(numbers)
    }

    /// The same numbers, if there is one, not too many, and all are accepted.
    pub fn check(&self, numbers: Vec<f64>) -> Result<Vec<f64>, Error> {
        if numbers.is_empty() {
            return Err(Error::Empty { name: self.name });
        }
        check_count(numbers.len())?;
        for (&value, position) in numbers.iter().zip(1..) {
            if let Some(accepted) = (self.refuses)(value) {
                return Err(Error::ListedOutOfRange { name: self.name, position, value, accepted });
            }
        }
        Ok(numbers)
    }
}
