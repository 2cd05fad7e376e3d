//! Reads files that may be compressed with gzip.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::DataError;

/// How a compressed file begins.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What gzip data unpacks to: members one after the other are one file, and zeros between and behind them are padding,
/// as tapes and block devices leave it. Anything else there is an error.
pub(super) struct Gzip<R> {
    /// None after the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    pub(super) fn new(compressed: R) -> Self {
        Self { member: Some(GzDecoder::new(compressed)) }
    }

    /// What follows a member, without the zeros before it; `None` at the end.
    fn next_member(mut rest: R) -> io::Result<Option<GzDecoder<R>>> {
        loop {
            let bytes = rest.fill_buf()?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            match bytes.get(zeros) {
                Some(byte) if *byte == MAGIC[0] => {
                    rest.consume(zeros);
                    return Ok(Some(GzDecoder::new(rest)));
                }
                Some(_) => return Err(io::Error::new(ErrorKind::InvalidData, "something else follows the gzip data")),
                None if zeros == 0 => return Ok(None),
                None => rest.consume(zeros),
            }
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(buffer)? {
                0 => self.member = self.member.take().map_or(Ok(None), |it| Self::next_member(it.into_inner()))?,
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

/// The bytes of a file, uncompressed, one part after the other.
pub(super) struct Reader<'b> {
    file: &'b str,
    bytes: Box<dyn Read + 'b>,
    taken: u64,
}

impl<'b> Reader<'b> {
    /// Takes the content of a file; whether it is compressed shows in its first two bytes.
    pub(super) fn new(content: &'b [u8], file: &'b str) -> Self {
        let bytes: Box<dyn Read + 'b> =
            if content.starts_with(&MAGIC) { Box::new(Gzip::new(content)) } else { Box::new(content) };
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
