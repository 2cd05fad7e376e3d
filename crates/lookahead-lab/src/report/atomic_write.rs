//! Writing a file whole or not at all: a temporary file in the same folder, then a rename.

use std::{io::Write, path::Path};

use super::ReportError;

/// Replaces `path` by `text`; on any error, the file is as it was.
pub(super) fn atomic_write(path: &Path, text: &str) -> Result<(), ReportError> {
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // Temporary files are private by default; a report is as readable as any other file (the umask applies).
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
