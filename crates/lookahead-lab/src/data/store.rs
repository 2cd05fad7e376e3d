//! Where a data set's files lie: in a folder, or in an archive (.tar, .tar.gz, .tar.xz) that is held in memory.

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::DataError;

/// The most bytes that a compressed archive may unpack to.
const MOST_BYTES: u64 = 1 << 33;

/// A folder or an archive.
#[derive(Debug, PartialEq)]
pub(super) enum Store {
    Folder(PathBuf),
    Archive(Archive),
}

/// An uncompressed archive and its regular files in their order.
#[derive(Debug, PartialEq)]
pub(super) struct Archive {
    path: PathBuf,
    bytes: Vec<u8>,
    files: Vec<(String, Range<usize>)>,
}

/// A place to look for a data set: if `probe` is there, `root` is the folder or archive.
pub(super) struct Candidate {
    probe: PathBuf,
    root: PathBuf,
}

impl Candidate {
    /// A folder or archive of this name.
    pub(super) fn named(path: PathBuf) -> Self {
        Self { root: path.clone(), probe: path }
    }

    /// The folder `root`, if it holds `name`.
    pub(super) fn holding(root: &Path, name: &str) -> Self {
        Self { probe: root.join(name), root: root.to_owned() }
    }
}

/// The first place where the data set `name` is.
pub(super) fn locate(name: &'static str, candidates: Vec<Candidate>) -> Result<PathBuf, DataError> {
    match candidates.iter().find(|candidate| candidate.probe.exists()) {
        Some(found) => Ok(found.root.clone()),
        None => {
            let looked_for = candidates.into_iter().map(|candidate| candidate.probe).collect();
            Err(DataError::NotFound { name, looked_for })
        }
    }
}

impl Store {
    /// Opens a folder, or reads an archive.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        if path.is_dir() { Ok(Self::Folder(path.to_owned())) } else { Archive::read(path).map(Self::Archive) }
    }

    /// The path of the file `name`, and its content. In an archive it may lie in any folder.
    pub(super) fn read(&self, name: &str, advice: &'static str) -> Result<(String, Cow<'_, [u8]>), DataError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let bytes = fs::read(&path).map_err(|source| match source.kind() {
                    ErrorKind::NotFound => DataError::MissingFile { path: path.clone(), advice },
                    _ => DataError::Io { path: path.clone(), source },
                })?;
                Ok((path.display().to_string(), Cow::Owned(bytes)))
            }
            Self::Archive(archive) => {
                let found = archive.files.iter().find(|(file, _)| file.rsplit('/').next() == Some(name));
                let missing = || DataError::MissingFile { path: archive.path.join(name), advice };
                let (file, range) = found.ok_or_else(missing)?;
                Ok((archive.path.join(file).display().to_string(), Cow::Borrowed(archive.content(range))))
            }
        }
    }
}

impl Archive {
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let damaged = |source| DataError::Archive { path: path.to_owned(), source };
        let bytes = uncompressed(fs::read(path).map_err(io)?).map_err(damaged)?;
        let files = list(&bytes).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), bytes, files })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn files(&self) -> &[(String, Range<usize>)] {
        &self.files
    }

    pub(super) fn content(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

/// The bytes of a file; how they are compressed shows in the first of them.
fn uncompressed(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
    let mut plain = Vec::new();
    if bytes.starts_with(&GZIP) {
        MultiGzDecoder::new(bytes.as_slice()).take(MOST_BYTES).read_to_end(&mut plain)?;
    } else if bytes.starts_with(&XZ) {
        XzReader::new(bytes.as_slice(), true).take(MOST_BYTES).read_to_end(&mut plain)?;
    } else {
        return Ok(bytes);
    }
    if plain.len() as u64 == MOST_BYTES {
        return Err(io::Error::other(format!("it unpacks to {MOST_BYTES} bytes or more")));
    }
    Ok(plain)
}

/// The regular files of a tar archive, and where their bytes are.
fn list(bytes: &[u8]) -> io::Result<Vec<(String, Range<usize>)>> {
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries()? {
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let start = entry.raw_file_position();
        let end = start.saturating_add(entry.size());
        if end > bytes.len() as u64 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("it ends within {name}")));
        }
        files.push((name, start as usize..end as usize));
    }
    Ok(files)
}
