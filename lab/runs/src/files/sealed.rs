//! JSON documents that carry their own checksum: any flipped bit, cut or addition is an error of the reader.
//!
//! The last member of the object is `sha256`, of all bytes of the file before the comma in front of it. To other readers
//! it is an ordinary JSON document.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{FileError, read_all, replace};

const BEFORE: &[u8] = b",\n  \"sha256\": \"";
const AFTER: &[u8] = b"\"\n}\n";

/// What closes the object that a checksum is of.
const END: &[u8] = b"\n}";

/// The hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// The SHA-256 of some bytes, in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// A digest in hexadecimal digits.
#[must_use]
pub fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a value with its checksum, in one rename. It must serialize as a JSON object with at least one member.
///
/// # Errors
/// [`FileError::Write`]; the file is then as it was.
pub fn write_sealed<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let json = serde_json::to_vec_pretty(value)?;
        let no_object = || io::Error::new(io::ErrorKind::InvalidInput, "only an object with members can be sealed");
        let body = json.strip_suffix(END).ok_or_else(no_object)?;
        replace(path, &[body, BEFORE, sha256(body).as_bytes(), AFTER].concat())
    };
    write().map_err(FileError::write(path))
}

/// Reads a value that [`write_sealed`] wrote.
///
/// # Errors
/// [`FileError`]: the file cannot be read, has changed, or holds something else.
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let bytes = read_all(path).map_err(FileError::read(path))?;
    let unsealed = || FileError::Unsealed { path: path.to_owned() };
    let rest = bytes.strip_suffix(AFTER).ok_or_else(unsealed)?;
    let (rest, digits) = rest.split_at(rest.len().saturating_sub(DIGITS));
    let body = rest.strip_suffix(BEFORE).ok_or_else(unsealed)?;
    if sha256(body).as_bytes() != digits {
        return Err(FileError::Changed { path: path.to_owned() });
    }
    crate::parse(path, &[body, END].concat())
}

/// [`read_sealed`], where the file may be missing.
///
/// # Errors
/// [`FileError`].
pub fn read_sealed_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    match read_sealed(path) {
        Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
