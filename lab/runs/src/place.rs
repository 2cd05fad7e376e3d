//! Where in a file something stands that is wrong.

use std::ops::RangeInclusive;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::FileError;

/// Where a number stands.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) line: usize,
}

impl Place<'_> {
    pub(crate) fn within(
        &self,
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        accepted: &'static str,
    ) -> Result<(), FileError> {
        if range.contains(&value) {
            return Ok(());
        }
        Err(FileError::OutOfRange { path: self.path.to_owned(), line: self.line, field, value, accepted })
    }
}

/// JSON that no checksum ends.
///
/// # Errors
/// [`FileError::Malformed`].
pub fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, FileError> {
    serde_json::from_slice(bytes).map_err(|error| FileError::malformed(path, error.line().max(1), &error))
}
