//! Reads texts line by line: UTF-8, compressed with gzip or not, SGML where the name says so.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::DataError;
use super::sgml;

/// How a compressed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

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
            Self::Path { path, .. } => path.display().to_string(),
            Self::Memory { name, .. } => name.clone(),
        }
    }

    /// Its lines, without their ends. A byte-order mark is no part of the first.
    pub(super) fn lines(&self) -> Result<TextLines<'_>, DataError> {
        let name = self.name();
        let (path, advice) = match self {
            Self::Memory { bytes, .. } => return Ok(Box::new(Lines::new(name, bytes.as_slice(), false))),
            Self::Path { path, advice } => (path, *advice),
        };
        let io = |source| DataError::Io { path: path.clone(), source };
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DataError::MissingFile { path: path.clone(), advice },
            _ => io(source),
        })?;
        if fs::metadata(path).map_err(io)?.is_dir() {
            return Err(io(io::ErrorKind::IsADirectory.into()));
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let is_compressed = reader.fill_buf().map_err(io)?.starts_with(&GZIP);
        let lines = if is_compressed {
            Lines::new(name.clone(), BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader)), true)
        } else {
            Lines::new(name.clone(), reader, false)
        };
        if !is_sgml(path) {
            return Ok(Box::new(lines));
        }
        let text = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
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
    /// Lines read so far.
    read: usize,
}

impl<'t> Lines<'t> {
    fn new(file: String, reader: impl BufRead + Send + 't, is_compressed: bool) -> Self {
        Self { file, reader: Box::new(reader), is_compressed, read: 0 }
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
        match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => self.read += 1,
            Err(source) => return Some(Err(self.unreadable(source))),
        }
        if bytes.ends_with(b"\n") {
            bytes.pop();
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

/// A file of a ZIP archive, whichever folder of it it lies in.
pub(super) fn read_zipped(archive: &Path, name: &str, advice: &'static str) -> Result<TextFile, DataError> {
    const MOST_BYTES: u64 = 1 << 31;
    let damaged = |source| DataError::Archive { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(|source| DataError::Io { path: archive.to_owned(), source })?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(io::Error::other(error)))?;
    let ends_in_name = |index: &usize| {
        let found = zip.name_for_index(*index).and_then(Result::ok);
        found.is_some_and(|found| found.rsplit('/').next() == Some(name))
    };
    let missing = || DataError::MissingFile { path: archive.join(name), advice };
    let index = (0..zip.len()).find(ends_in_name).ok_or_else(missing)?;
    let member = zip.by_index(index).map_err(|error| damaged(io::Error::other(error)))?;
    let mut bytes = Vec::new();
    member.take(MOST_BYTES).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 == MOST_BYTES {
        return Err(damaged(io::Error::other(format!("{name} has {MOST_BYTES} bytes or more"))));
    }
    Ok(TextFile::Memory { name: archive.join(name).display().to_string(), bytes })
}
