//! Where a data set's files lie: in a folder, or in an archive that is held in memory.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::DataError;
use super::archive::{self, Archive};
use super::error::shown;
use super::tree::Node;
use lookahead_runs::files;

/// The most bytes of one file of a data set: 2^30.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// A folder or an archive.
#[derive(Debug, PartialEq)]
pub(super) enum Store {
    Folder(PathBuf),
    Archive(Archive),
}

/// What a path stands for.
pub(super) enum Kind {
    Folder,
    File(Place),
}

/// Where the content of a file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// In a folder; when its content was last changed, and when anything of it was, which nobody can set, in nanoseconds.
    Disk { bytes: u64, modified: i128, changed: i128 },
    /// In an archive.
    Archive(Range<usize>),
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

/// The data set `name` at `dir`, if that is a file, else at the first of the places; a file has to be an archive.
pub(super) fn locate_archive(
    name: &'static str,
    dir: &Path,
    candidates: Vec<Candidate>,
    accepted: &'static str,
) -> Result<PathBuf, DataError> {
    let path = if dir.is_file() { dir.to_owned() } else { locate(name, candidates)? };
    if !path.is_file() || archive::is_archive(&path)? { Ok(path) } else { Err(DataError::NoArchive { path, accepted }) }
}

impl Place {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Disk { bytes, .. } => *bytes,
            Self::Archive(range) => range.len() as u64,
        }
    }
}

impl Store {
    /// Opens a folder, or reads an archive.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        if path.is_dir() { Ok(Self::Folder(path.to_owned())) } else { Archive::read(path).map(Self::Archive) }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Archive(archive) => archive.path(),
        }
    }

    /// The names in a folder, in any order.
    pub(super) fn entries(&self, folder: &Path) -> Result<Vec<OsString>, DataError> {
        let path = self.path().join(folder);
        let io = |source| DataError::Io { path: path.clone(), source };
        match self {
            Self::Folder(_) => {
                fs::read_dir(&path).map_err(io)?.map(|entry| Ok(entry.map_err(io)?.file_name())).collect()
            }
            Self::Archive(archive) => match archive.get(folder) {
                Some(Node::Folder(entries)) => Ok(entries.keys().cloned().collect()),
                Some(_) => Err(io(ErrorKind::NotADirectory.into())),
                None => Err(io(ErrorKind::NotFound.into())),
            },
        }
    }

    /// What a path stands for, which has to be a folder or a file; links are followed.
    pub(super) fn kind(&self, path: &Path) -> Result<Kind, DataError> {
        let full = self.path().join(path);
        let found = match self {
            Self::Folder(_) => on_disk(&full),
            Self::Archive(archive) => match archive.get(path) {
                Some(Node::Folder(_)) => Ok(Kind::Folder),
                Some(Node::File(range)) => Ok(Kind::File(Place::Archive(range.clone()))),
                Some(_) => {
                    Err(io::Error::new(ErrorKind::InvalidInput, "this is a pipe, a device or a link to outside"))
                }
                None => Err(ErrorKind::NotFound.into()),
            },
        };
        found.map_err(|source| DataError::Io { path: full, source })
    }

    /// What `read` makes of the content of a file.
    pub(super) fn with_content<T>(
        &self,
        path: &Path,
        place: &Place,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, DataError> {
        match (self, place) {
            (Self::Archive(archive), Place::Archive(range)) => Ok(read(archive.content(range))),
            _ => {
                let path = self.path().join(path);
                let bytes = files::read(&path, MOST_BYTES).map_err(|source| DataError::Io { path, source })?;
                Ok(read(&bytes))
            }
        }
    }

    /// The path of the file `name`, and its content. In an archive it may lie in any folder.
    pub(super) fn read(&mut self, name: &str, advice: &'static str) -> Result<(String, Cow<'_, [u8]>), DataError> {
        let path = self.path().join(name);
        let missing = DataError::MissingFile { path: path.clone(), advice };
        match self {
            Self::Folder(_) => match files::read(&path, MOST_BYTES) {
                Ok(bytes) => Ok((shown(&path), Cow::Owned(bytes))),
                Err(source) if source.kind() == ErrorKind::NotFound => Err(missing),
                Err(source) => Err(DataError::Io { path, source }),
            },
            Self::Archive(archive) => {
                archive.start_where(name)?;
                match archive.get(Path::new(name)) {
                    Some(Node::File(range)) => Ok((shown(&path), Cow::Borrowed(archive.content(range)))),
                    _ => Err(missing),
                }
            }
        }
    }
}

fn on_disk(path: &Path) -> io::Result<Kind> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Ok(Kind::Folder);
    }
    files::regular(metadata.file_type())?;
    // Where the system does not tell when, it is always the same time.
    let modified = metadata.modified().map_or(0, nanoseconds);
    Ok(Kind::File(Place::Disk { bytes: metadata.len(), modified, changed: changed(&metadata) }))
}

#[cfg(unix)]
fn changed(metadata: &fs::Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt;
    i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
}

/// Elsewhere it is not known.
#[cfg(not(unix))]
fn changed(_: &fs::Metadata) -> i128 {
    0
}

/// Since 1970, or before it.
fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}
