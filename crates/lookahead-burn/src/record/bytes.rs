//! A record as bytes: a magic word, the layout's version, a checksum, the content.

use super::Record;
use crate::Error;

/// The layout that [`Record`] writes.
const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"lookahed";

impl Record {
    /// The record as bytes: a magic word, the layout's version, a checksum, the content.
    ///
    /// # Errors
    /// [`Error::DamagedRecord`] if it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let content = postcard::to_allocvec(self).map_err(damaged)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(checksum(VERSION, &content).to_le_bytes());
        bytes.extend(content);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`] for another layout, [`Error::DamagedRecord`] where the bytes are cut off, changed or
    /// something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or_else(|| damaged("it does not begin with the magic word"))?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut off"))?;
        let (found, content) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut off"))?;
        let (version, found) = (u32::from_le_bytes(*version), u32::from_le_bytes(*found));
        if found != checksum(version, content) {
            return Err(damaged("the checksum does not agree with the content"));
        }
        match version {
            VERSION => postcard::from_bytes(content).map_err(damaged),
            found => Err(Error::UnknownVersion { found, supported: VERSION }),
        }
    }
}

/// Of a version and the content; that of version 1 was of the content alone.
fn checksum(version: u32, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    if version != 1 {
        hasher.update(&version.to_le_bytes());
    }
    hasher.update(content);
    hasher.finalize()
}

fn damaged(reason: impl ToString) -> Error {
    Error::DamagedRecord { reason: reason.to_string() }
}
