//! Files of a folder by name, with their sizes and checksums: what a reader may rely on.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sealed::sha256;
use super::{FileError, open, read_all};
use crate::json_log::LOGS;

/// What a file holds: how many bytes, and their checksum. Of a log they are the first: it grows beyond them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Files by their paths in a folder, with `/` between the parts. What it does not name does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, FileSum>);

impl FileSum {
    /// That of a whole file's content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: sha256(content) }
    }
}

impl Manifest {
    /// Enters files of a folder as they are now.
    ///
    /// # Errors
    /// [`FileError::Read`].
    pub fn add(&mut self, folder: &Path, names: &[&str]) -> Result<(), FileError> {
        for name in names {
            let path = folder.join(name);
            let content = read_all(&path).map_err(|source| FileError::Read { path, source })?;
            self.0.insert((*name).to_owned(), FileSum::of(&content));
        }
        Ok(())
    }

    /// What it knows of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&FileSum> {
        self.0.get(name)
    }

    /// Whether it names no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads a file, a log as far as it was entered; `None` where it was not.
    ///
    /// # Errors
    /// [`FileError::Read`], [`FileError::Changed`] for other content; [`FileError::Outside`] for a path out of `folder`.
    pub fn read(&self, folder: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        self.get(name).map(|sum| sum.read_named(folder, name)).transpose()
    }

    /// Reads all files, and finds them as they were entered.
    ///
    /// # Errors
    /// As [`Manifest::read`], of the first file that is not.
    pub fn check(&self, folder: &Path) -> Result<(), FileError> {
        self.0.iter().try_for_each(|(name, sum)| sum.read_named(folder, name).map(drop))
    }
}

impl FromIterator<(String, FileSum)> for Manifest {
    fn from_iter<I: IntoIterator<Item = (String, FileSum)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl Extend<(String, FileSum)> for Manifest {
    fn extend<I: IntoIterator<Item = (String, FileSum)>>(&mut self, files: I) {
        self.0.extend(files);
    }
}

impl IntoIterator for Manifest {
    type Item = (String, FileSum);
    type IntoIter = std::collections::btree_map::IntoIter<String, FileSum>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FileSum {
    /// Reads a file that is no log.
    ///
    /// # Errors
    /// [`FileError::Read`], [`FileError::Changed`].
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        // A byte more shows that it has grown.
        self.read_first(path, self.bytes.saturating_add(1))
    }

    fn read_named(&self, folder: &Path, name: &str) -> Result<Vec<u8>, FileError> {
        let path = path_of(folder, name)?;
        if LOGS.contains(&name) { self.read_first(&path, self.bytes) } else { self.read(&path) }
    }

    fn read_first(&self, path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
        let mut content = Vec::new();
        let read = open(path).and_then(|file| file.take(most).read_to_end(&mut content));
        read.map_err(FileError::read(path))?;
        if Self::of(&content) == *self { Ok(content) } else { Err(FileError::Changed { path: path.to_owned() }) }
    }
}

/// Where a named file lies: inside the folder.
fn path_of(folder: &Path, name: &str) -> Result<PathBuf, FileError> {
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let outside = || FileError::Outside { folder: folder.to_owned(), name: name.to_owned() };
    (is_inside && !name.is_empty()).then(|| folder.join(name)).ok_or_else(outside)
}
