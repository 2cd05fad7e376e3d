//! `metrics.jsonl` and `trace.jsonl`: lines that are only added, without gap or double however often a run is continued.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::files::{FileError, FileSum, hexadecimal, open_own, sync_folder};

/// The logs of a run folder, by their names.
pub(crate) const LOGS: [&str; 2] = ["metrics.jsonl", "trace.jsonl"];

/// The append-only log of a run folder, with the checksum of all its lines.
#[derive(Debug)]
pub struct JsonLog {
    path: PathBuf,
    bytes: u64,
    digest: Sha256,
}

impl JsonLog {
    /// A log before its first line.
    #[must_use]
    pub fn at(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name), bytes: 0, digest: Sha256::new() }
    }

    /// Goes on where the checkpoint was made that the run continues from: what was written after it is dropped.
    ///
    /// # Errors
    /// [`FileError::Write`], [`FileError::Changed`].
    pub fn continue_at(&mut self, sum: Option<&FileSum>) -> Result<(), FileError> {
        self.bytes = sum.map_or(0, |sum| sum.bytes);
        let mut lines = Vec::new();
        let open = open_own(&self.path, OpenOptions::new().read(true).write(true));
        let read = open.and_then(|file| (&file).take(self.bytes).read_to_end(&mut lines).map(|_| file));
        let file = read.map_err(FileError::write(&self.path))?;
        if sum.is_some_and(|sum| *sum != FileSum::of(&lines)) {
            return Err(FileError::Changed { path: self.path.clone() });
        }
        self.digest = Sha256::new_with_prefix(&lines);
        // A checkpoint may name it from now on.
        let folder = self.path.parent().unwrap_or(Path::new("."));
        file.set_len(self.bytes).and_then(|()| sync_folder(folder)).map_err(FileError::write(&self.path))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn append(&mut self, row: &impl Serialize) -> Result<(), FileError> {
        let mut append = || -> io::Result<()> {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            let mut file = open_own(&self.path, OpenOptions::new().append(true))?;
            if file.metadata()?.len() != self.bytes {
                return Err(io::Error::other("something else has changed it while the run was going on"));
            }
            file.write_all(&line)?;
            file.sync_all()?;
            self.bytes += line.len() as u64;
            self.digest.update(&line);
            Ok(())
        };
        append().map_err(FileError::write(&self.path))
    }

    /// What it holds so far.
    #[must_use]
    pub fn sum(&self) -> FileSum {
        FileSum { bytes: self.bytes, sha256: hexadecimal(self.digest.clone()) }
    }
}
