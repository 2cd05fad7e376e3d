//! Reads files that may be compressed with gzip.

use std::io::{self, ErrorKind, Read};

use flate2::read::MultiGzDecoder;

use super::DataError;

/// The bytes of a file, uncompressed, one part after the other.
pub(super) struct Reader<'b> {
    file: &'b str,
    bytes: Box<dyn Read + 'b>,
    taken: u64,
}

impl<'b> Reader<'b> {
    /// Takes the content of a file; whether it is compressed shows in its first two bytes.
    pub(super) fn new(content: &'b [u8], file: &'b str) -> Self {
        let is_gzip = content.starts_with(&[0x1f, 0x8b]);
        let bytes: Box<dyn Read + 'b> =
            if is_gzip { Box::new(MultiGzDecoder::new(content)) } else { Box::new(content) };
        Self { file, bytes, taken: 0 }
    }

    /// The next `count` bytes. Memory grows with what is there, not with what is asked for.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        match self.bytes.by_ref().take(count).read_to_end(&mut bytes) {
            Err(source) if source.kind() != ErrorKind::UnexpectedEof => return Err(self.damaged(source)),
            _ => {}
        }
        let (found, expected) = (self.taken + bytes.len() as u64, self.taken + count);
        if found < expected {
            return Err(DataError::Truncated { file: self.file.to_owned(), found, expected });
        }
        self.taken = expected;
        Ok(bytes)
    }

    /// Everything that is left, which must be at most `limit` bytes.
    pub(super) fn rest(mut self, limit: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.bytes.by_ref().take(limit).read_to_end(&mut bytes).map_err(|source| self.damaged(source))?;
        self.taken += bytes.len() as u64;
        self.end()?;
        Ok(bytes)
    }

    /// Checks that nothing follows; this is also where a compressed file's checksum is compared.
    pub(super) fn end(mut self) -> Result<(), DataError> {
        match self.bytes.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(DataError::TrailingBytes { file: self.file.to_owned(), expected: self.taken }),
            Err(source) => Err(self.damaged(source)),
        }
    }

    fn damaged(&self, source: io::Error) -> DataError {
        DataError::Gzip { file: self.file.to_owned(), source }
    }
}
