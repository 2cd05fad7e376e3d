//! Opens files that a user names: what is no regular file is refused instead of waited for, and sizes have a bound.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The most bytes of a configuration: 2^24.
pub const MOST_OF_A_CONFIGURATION: u64 = 1 << 24;

/// Opens a regular file, or a link to one.
///
/// # Errors
/// What the operating system says; for a folder, a pipe, a socket or a device what it is. A pipe that nobody writes to
/// would never be opened, and a device may never end.
pub fn open(path: &Path) -> io::Result<File> {
    regular(fs::metadata(path)?.file_type())?;
    File::open(path)
}

/// Whether something on the disk is a regular file.
///
/// # Errors
/// What it is instead.
pub fn regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, format!("this is {}, where a file is expected", in_words(kind))))
}

/// The content of a regular file.
///
/// # Errors
/// As [`open`], and if it has more than `most` bytes; so many are never held.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_long = || io::Error::other(format!("it has more than {most} bytes, the most that are read here"));
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    // No file of 2^64 bytes passes the check above.
    bytes.try_reserve_exact(length as usize)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_long()) } else { Ok(bytes) }
}

/// The whole content of a regular file.
///
/// # Errors
/// As [`open`], and what reading meets.
pub fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content of a regular file in UTF-8.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let not_utf8 = |_| io::Error::new(ErrorKind::InvalidData, "it is not valid UTF-8");
    String::from_utf8(read(path, most)?).map_err(not_utf8)
}

#[cfg(unix)]
fn in_words(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_symlink() => "a link",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn in_words(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "no regular file" }
}
