//! Files of numbers: one a line; `#` begins a comment, blank lines are skipped.

use std::fs;
use std::path::Path;

use crate::Error;

/// What the numbers of a file are, and which are accepted.
pub(crate) struct Numbers {
    /// What one number is.
    pub name: &'static str,
    /// Whether a number is one of them.
    pub accepts: fn(f64) -> bool,
    /// The same, in words.
    pub accepted: &'static str,
}

impl Numbers {
    /// The numbers of a file, in its order.
    pub fn read(&self, file: &Path) -> Result<Vec<f64>, Error> {
        let text =
            fs::read_to_string(file).map_err(|source| Error::UnreadableFile { file: file.to_owned(), source })?;
        let mut numbers = Vec::new();
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let number = text.split('#').next().unwrap_or_default().trim();
            if number.is_empty() {
                continue;
            }
            match number.parse().ok().filter(|&value| (self.accepts)(value)) {
                Some(value) => numbers.push(value),
                None => {
                    let text = text.trim().to_owned();
                    return Err(Error::BadLine { file: file.to_owned(), line, text, accepted: self.accepted });
                }
            }
        }
        self.check(numbers)
    }

    /// The same numbers, if there is one and all are accepted.
    pub fn check(&self, numbers: Vec<f64>) -> Result<Vec<f64>, Error> {
        if numbers.is_empty() {
            return Err(Error::Empty { name: self.name });
        }
        match numbers.iter().position(|&value| !(self.accepts)(value)) {
            None => Ok(numbers),
            Some(index) => Err(Error::ListedOutOfRange {
                name: self.name,
                position: index + 1,
                value: numbers[index],
                accepted: self.accepted,
            }),
        }
    }
}
