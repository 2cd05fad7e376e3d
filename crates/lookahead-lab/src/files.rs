//! Files as the lab reads and writes them: regular files only, replaced whole or not at all, sealed with a checksum.

mod error;
mod manifest;
mod sealed;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::Error;

pub use self::error::FileError;
pub use self::manifest::{FileSum, Manifest};
pub(crate) use self::sealed::hexadecimal;
pub use self::sealed::{read_sealed, read_sealed_if_there, write_sealed};

/// Opens a regular file for reading; links are followed. A folder, a FIFO or a device is refused, where opening it could
/// wait for ever and reading it never end.
///
/// # Errors
/// What the operating system says, or that it is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    match other_kind(fs::metadata(path)?.file_type()) {
        None => File::open(path),
        Some(kind) => Err(irregular(kind)),
    }
}

/// The content of a regular file, opened as [`open_regular`] does.
///
/// # Errors
/// As [`open_regular`], and what reading meets.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file of the program's own, such as a log that grows; one that is missing is made. Unlike where people put their
/// data, a link at its place is not followed: what it leads to is not ours to change.
pub(crate) fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(found) => match other_kind(found.file_type()) {
            None => options.open(path),
            Some(kind) => Err(irregular(kind)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => match options.clone().create_new(true).open(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_own(path, options),
            made => made,
        },
        Err(error) => Err(error),
    }
}

fn irregular(kind: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {kind}, not a regular file"))
}

/// What a path is, where it is no regular file.
fn other_kind(kind: fs::FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        for (is_it, name) in [
            (kind.is_fifo(), "a FIFO"),
            (kind.is_socket(), "a socket"),
            (kind.is_char_device() || kind.is_block_device(), "a device"),
        ] {
            if is_it {
                return Some(name);
            }
        }
    }
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some("a folder"),
        _ if kind.is_symlink() => Some("a link"),
        _ => Some("something else"),
    }
}

/// Replaces `path` by `bytes` in one rename; on any error the file is as it was. A link at `path` is itself replaced.
///
/// # Errors
/// [`Error::Io`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes).map_err(Error::io(path))
}

/// [`write_atomically`], for callers with an error of their own.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
pub(crate) fn remove_abandoned(folder: &Path) {
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
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and renames are durable without it.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a folder and those above it.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(folder))
}
