//! Files as the lab reads and writes them: regular files only, replaced whole or not at all, sealed with a checksum.

mod manifest;
mod reading;
mod sealed;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

pub use self::manifest::{FileSum, Manifest};
pub use self::reading::{MOST_OF_A_CONFIGURATION, open, read, read_all, read_text, regular};
pub use self::sealed::{hexadecimal, read_sealed, read_sealed_if_there, sha256, write_sealed};
pub use crate::FileError;

/// Opens a file of the program's own, such as a log that grows; one that is missing is made. Unlike where people put their
/// data, a link at its place is not followed: what it leads to is not ours to change.
pub fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(found) => regular(found.file_type()).and_then(|()| options.open(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match options.clone().create_new(true).open(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_own(path, options),
            made => made,
        },
        Err(error) => Err(error),
    }
}

/// The whole content of a regular file; `None` where there is none.
///
/// # Errors
/// [`FileError::Read`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(FileError::read(path)),
    }
}

/// Replaces `path` by `bytes` in one rename; on any error the file is as it was. A link at `path` is itself replaced.
///
/// # Errors
/// [`FileError::Write`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes).map_err(FileError::write(path))
}

/// [`write_atomically`], for callers with an error of their own.
///
/// # Errors
/// What the operating system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; a result is as readable as any other file (the umask applies).
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = loop {
        let file = builder.prefix(WRITING).tempfile_in(folder)?;
        // Tells `remove_abandoned` of another process that it is in use; which may have been faster.
        let _ = file.as_file().lock();
        if file.path().exists() {
            break file;
        }
    };
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// How the names of files begin that are being written.
const WRITING: &str = ".writing";

/// Removes what killed processes were writing into a folder. Files that another process is writing stay.
pub fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(WRITING.as_bytes());
        if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            // What cannot be removed costs space, not truth.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and renames are durable without it.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a folder and those above it.
///
/// # Errors
/// [`FileError::NotAFolder`], or [`FileError::Write`].
pub fn create_folder(folder: &Path) -> Result<(), FileError> {
    fs::create_dir_all(folder).map_err(|source| {
        match folder.ancestors().find(|above| above.exists() && !above.is_dir()) {
            Some(other) => FileError::NotAFolder { path: other.to_owned() },
            None => FileError::Write { path: folder.to_owned(), source },
        }
    })
}
