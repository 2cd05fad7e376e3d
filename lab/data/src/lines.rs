//! Reads texts line by line: UTF-8, compressed with gzip or not, SGML where the name says so.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::error::shown;
use super::gzip::{Gzip, MAGIC};
use super::{DataError, sgml};
use lookahead_runs::files;

/// The most bytes of a line of running text: 2^28. Some corpora are one line.
pub(super) const LONGEST_LINE: u64 = 1 << 28;

/// The most bytes of a sentence: 2^20.
pub(super) const LONGEST_SENTENCE: u64 = 1 << 20;

/// The most bytes of a text in SGML, which is looked at as a whole: 2^26, a hundred times WMT's.
const MOST_OF_SGML: usize = 1 << 26;

/// A text that can be read again and again.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TextFile {
    /// A file; if its name ends in `.sgm`, `.sgml` or one of them with `.gz`, each segment is a line.
    Path { path: PathBuf, advice: &'static str },
    /// A text in memory, and its name in errors.
    Memory { name: String, bytes: Vec<u8> },
}

/// Lines in their order.
pub(super) type TextLines<'t> = Box<dyn Iterator<Item = Result<String, DataError>> + Send + 't>;

impl TextFile {
    /// What it is called in errors.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Path { path, .. } => shown(path),
            Self::Memory { name, .. } => name.clone(),
        }
    }

    /// Its lines of at most `longest` bytes, without their ends. A byte-order mark is no part of the first.
    pub(super) fn lines(&self, longest: u64) -> Result<TextLines<'_>, DataError> {
        const BUFFER: usize = 1 << 16;
        let name = self.name();
        let (path, advice) = match self {
            Self::Memory { bytes, .. } => return Ok(Box::new(Lines::new(name, bytes.as_slice(), false, longest))),
            Self::Path { path, advice } => (path, *advice),
        };
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => DataError::MissingFile { path: path.clone(), advice },
            _ => DataError::Io { path: path.clone(), source },
        };
        let mut reader = BufReader::with_capacity(BUFFER, files::open(path).map_err(unreadable)?);
        let is_compressed = reader.fill_buf().map_err(unreadable)?.starts_with(&MAGIC);
        let lines = if is_compressed {
            Lines::new(name.clone(), BufReader::with_capacity(BUFFER, Gzip::new(reader)), true, longest)
        } else {
            Lines::new(name.clone(), reader, false, longest)
        };
        if !is_sgml(path) {
            return Ok(Box::new(lines));
        }
        let mut text = String::new();
        for line in lines {
            text += &line?;
            text.push('\n');
            if text.len() > MOST_OF_SGML {
                return Err(DataError::TooMany { file: name, what: "bytes of SGML", most: MOST_OF_SGML as u64 });
            }
        }
        let segments = sgml::read_segments(&text, &name)?;
        Ok(Box::new(segments.into_iter().map(Ok)))
    }
}

fn is_sgml(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".sgm") || name.ends_with(".sgml")
}

struct Lines<'t> {
    file: String,
    reader: Box<dyn BufRead + Send + 't>,
    is_compressed: bool,
    longest: u64,
    /// Lines read so far.
    read: usize,
}

impl<'t> Lines<'t> {
    fn new(file: String, reader: impl BufRead + Send + 't, is_compressed: bool, longest: u64) -> Self {
        Self { file, reader: Box::new(reader), is_compressed, longest, read: 0 }
    }

    fn unreadable(&self, source: io::Error) -> DataError {
        let file = self.file.clone();
        if self.is_compressed { DataError::Gzip { file, source } } else { DataError::Io { path: file.into(), source } }
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<String, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        match self.reader.by_ref().take(self.longest + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => self.read += 1,
            Err(source) => return Some(Err(self.unreadable(source))),
        }
        if bytes.ends_with(b"\n") {
            bytes.pop();
        } else if bytes.len() as u64 > self.longest {
            let (file, line, longest) = (self.file.clone(), self.read, self.longest);
            return Some(Err(DataError::LineTooLong { file, line, longest }));
        }
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
        let mark = if self.read == 1 && bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        bytes.drain(..mark);
        let not_utf8 = |_| DataError::InvalidUtf8 { file: self.file.clone(), line: self.read };
        Some(String::from_utf8(bytes).map_err(not_utf8))
    }
}
