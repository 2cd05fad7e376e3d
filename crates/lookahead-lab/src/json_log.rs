//! `metrics.jsonl` and `trace.jsonl`: lines that are only added, without gap or double however often a run is continued.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Error;

/// The append-only log of a run folder.
#[derive(Debug)]
pub(crate) struct JsonLog {
    path: PathBuf,
}

impl JsonLog {
    pub(crate) fn at(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name) }
    }

    /// Drops what was written after the checkpoint that the run continues from.
    pub(crate) fn truncate(&self, bytes: u64) -> Result<(), Error> {
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path);
        let length = |file: std::fs::File| Ok((file.metadata()?.len(), file));
        let (found, file) = open.and_then(length).map_err(Error::io(&self.path))?;
        if found < bytes {
            let reason = format!("the checkpoint was made after {bytes} bytes of it, but there are {found}");
            return Err(Error::DamagedCheckpoint { path: self.path.clone(), reason });
        }
        file.set_len(bytes).map_err(Error::io(&self.path))
    }

    /// Adds a line and gives the length of the log.
    pub(crate) fn append(&self, row: &impl Serialize) -> Result<u64, Error> {
        let append = || -> std::io::Result<u64> {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().append(true).open(&self.path)?;
            file.write_all(&line)?;
            file.sync_all()?;
            Ok(file.metadata()?.len())
        };
        append().map_err(Error::io(&self.path))
    }
}
