//! `checkpoint/current.json`: which files count of a run that is not finished, with their sizes and checksums.
//!
//! It is there before anything else of a run's progress and is replaced in one rename, so a run folder that holds progress
//! but not this file has lost it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{FileError, Manifest, read_sealed_if_there, write_sealed};
use crate::json_log::LOGS;

/// The content of `current.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// The run's id.
    pub run: String,
    /// Whether the run has come to its end, and `result.json` is written.
    pub finished: bool,
    /// The folder in `checkpoint` that holds the run's state; `None` for a run at its start.
    #[serde(deserialize_with = "Option::deserialize")]
    pub folder: Option<String>,
    /// The files in that folder.
    pub checkpoint: Manifest,
    /// The files of the run folder that belong to the same moment: logs as far as they go, kept weights.
    pub files: Manifest,
}

impl Current {
    /// A run at its start.
    #[must_use]
    pub fn start(run: String, files: Manifest) -> Self {
        Self { run, finished: false, folder: None, checkpoint: Manifest::default(), files }
    }

    /// Reads it; `None` for a run folder without any progress.
    ///
    /// # Errors
    /// [`FileError::LostCurrent`] where there is progress and yet no such file; [`FileError`] for one that is damaged.
    pub fn read(run_folder: &Path) -> Result<Option<Self>, FileError> {
        let current = Self::read_as_it_is(run_folder)?;
        match progress(run_folder).filter(|_| current.is_none()) {
            // A run in progress may have begun in between.
            Some(found) => match Self::read_as_it_is(run_folder)? {
                None => Err(FileError::LostCurrent { folder: run_folder.to_owned(), found }),
                current => Ok(current),
            },
            None => Ok(current),
        }
    }

    /// Reads it; `None` where there is no such file, whatever else is there.
    ///
    /// # Errors
    /// [`FileError`] for a file that is damaged.
    pub fn read_as_it_is(run_folder: &Path) -> Result<Option<Self>, FileError> {
        read_sealed_if_there(&file(run_folder))
    }

    /// Writes it, in one rename.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&self, run_folder: &Path) -> Result<(), FileError> {
        let path = file(run_folder);
        let made = fs::create_dir_all(run_folder.join("checkpoint"));
        made.map_err(FileError::write(&path))?;
        write_sealed(&path, self)
    }

    /// All files that it names, by their paths in the run folder.
    #[must_use]
    pub fn all_files(&self) -> Manifest {
        let mut files = self.files.clone();
        if let Some(folder) = &self.folder {
            let inside = self.checkpoint.clone().into_iter();
            files.extend(inside.map(|(name, sum)| (format!("checkpoint/{folder}/{name}"), sum)));
        }
        files
    }
}

fn file(run_folder: &Path) -> PathBuf {
    run_folder.join("checkpoint").join("current.json")
}

/// What shows that a run was begun, by its name in the run folder.
fn progress(run_folder: &Path) -> Option<String> {
    let log = LOGS.into_iter().filter(|name| fs::metadata(run_folder.join(name)).is_ok_and(|log| log.len() > 0));
    let folders = ["checkpoint", "kept", "path"].into_iter().filter_map(|name| {
        let entries = fs::read_dir(run_folder.join(name)).ok()?.flatten();
        let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        Some(format!("{name}/{}", names.find(|name| !name.starts_with('.'))?))
    });
    log.map(str::to_owned).chain(folders).next()
}

/// The run folder that a path means: itself, or the one that the folder `checkpoint` at this path lies in.
#[must_use]
pub fn run_folder_of(folder: &Path) -> PathBuf {
    if folder.join("checkpoint").is_dir() {
        return folder.to_owned();
    }
    let named = folder.canonicalize().ok().filter(|path| path.ends_with("checkpoint"));
    named.and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_else(|| folder.to_owned())
}
