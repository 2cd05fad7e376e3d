//! `metrics.jsonl`: one line for each evaluation, without gap or double line however often a run is continued.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::report::MetricsRow;

/// The append-only log of a run folder.
#[derive(Debug)]
pub(crate) struct MetricsLog {
    path: PathBuf,
}

impl MetricsLog {
    pub(crate) fn at(folder: &Path) -> Self {
        Self { path: folder.join("metrics.jsonl") }
    }

    /// Drops what was written after the checkpoint that the run continues from.
    pub(crate) fn truncate(&self, bytes: u64) -> Result<(), Error> {
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path);
        let length = |file: std::fs::File| Ok((file.metadata()?.len(), file));
        let (found, file) = open.and_then(length).map_err(Error::io(&self.path))?;
        if found < bytes {
            let reason = format!("the checkpoint was made after {bytes} bytes of metrics, but there are {found}");
            return Err(Error::DamagedCheckpoint { path: self.path.clone(), reason });
        }
        file.set_len(bytes).map_err(Error::io(&self.path))
    }

    /// Adds a line and gives the length of the log.
    pub(crate) fn append(&self, row: &MetricsRow) -> Result<u64, Error> {
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
