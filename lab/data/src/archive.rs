//! Archives (.tar, .tar.gz, .tar.xz), held in memory; what is in them is what `tar -x` makes of them.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use lzma_rust2::XzReader;
use tar::EntryType;

use super::DataError;
use super::error::shown_name;
use super::gzip::{self, Gzip};
use super::tree::{Names, Node, Tree, link_to, member_names, os_string};
use lookahead_runs::files;

/// The most bytes of an archive, packed or unpacked: 2^33.
const MOST_BYTES: u64 = 1 << 33;

/// The most bytes that a file with holes may have: 2^28.
const MOST_OF_SPARSE: u64 = 1 << 28;

/// The bytes of a header of tar.
const HEADER: usize = 512;

/// How a file begins that is compressed with xz.
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// Whether a file is an archive, as far as its first bytes show.
pub(super) fn is_archive(path: &Path) -> Result<bool, DataError> {
    let first = first_bytes(path)?;
    Ok(first.starts_with(&gzip::MAGIC) || first.starts_with(&XZ) || is_tar(&first))
}

/// As many of the first bytes of a file as a header of tar has.
pub(super) fn first_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut first = Vec::new();
    let read = files::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut first));
    read.map(|_| first).map_err(|source| DataError::Io { path: path.to_owned(), source })
}

/// Whether these bytes are a header of tar: the sum of them all, its own place counted as spaces, is in it in octal digits.
fn is_tar(header: &[u8]) -> bool {
    const SUM: Range<usize> = 148..156;
    let Some(digits) = header.get(SUM).filter(|_| header.len() == HEADER) else { return false };
    let text = String::from_utf8_lossy(digits);
    let sum = header.iter().enumerate().map(|(at, &byte)| u32::from(if SUM.contains(&at) { b' ' } else { byte }));
    u32::from_str_radix(text.trim_matches([' ', '\0']), 8) == Ok(sum.sum())
}

/// An uncompressed archive and the files in it.
#[derive(Debug, PartialEq)]
pub(super) struct Archive {
    path: PathBuf,
    bytes: Vec<u8>,
    tree: Tree,
    /// The folder that paths start from.
    root: Names,
}

impl Archive {
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let damaged = |source| DataError::Archive { path: path.to_owned(), source };
        let mut bytes = uncompressed(files::read(path, MOST_BYTES).map_err(io)?).map_err(damaged)?;
        let first = &bytes[..bytes.len().min(HEADER)];
        // An empty archive begins with the zeros of its end.
        if first.len() == HEADER && !is_tar(first) && first.iter().any(|&byte| byte != 0) {
            return Err(damaged(io::Error::other("what is in it is no tar archive")));
        }
        let tree = unpacked(&mut bytes).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), bytes, tree, root: Names::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes paths start from the folder that holds `name`, the nearest one to the root; gives whether there is one.
    ///
    /// # Errors
    /// [`DataError::Archive`] if there are several, equally near.
    pub(super) fn start_where(&mut self, name: &str) -> Result<bool, DataError> {
        let damaged = |reason| DataError::Archive { path: self.path.clone(), source: io::Error::other(reason) };
        let root = self.tree.only_one_holding(name).map_err(damaged)?;
        let is_there = root.is_some();
        self.root = root.unwrap_or_default();
        Ok(is_there)
    }

    /// What a path stands for; links are followed.
    pub(super) fn get(&self, path: &Path) -> Option<&Node> {
        let below = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            _ => None,
        });
        let names: Vec<OsString> = self.root.iter().cloned().chain(below).collect();
        self.tree.get(&names)
    }

    pub(super) fn content(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

/// The bytes of a file; how they are compressed shows in the first of them.
fn uncompressed(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    if bytes.starts_with(&gzip::MAGIC) {
        Gzip::new(bytes.as_slice()).take(MOST_BYTES).read_to_end(&mut plain)?;
    } else if bytes.starts_with(&XZ) {
        XzReader::new(bytes.as_slice(), true).take(MOST_BYTES).read_to_end(&mut plain)?;
    } else {
        return Ok(bytes);
    }
    if plain.len() as u64 == MOST_BYTES {
        return Err(io::Error::other(format!("it unpacks to {MOST_BYTES} bytes or more")));
    }
    Ok(plain)
}

/// The bytes of an archive; knows when they are asked for more than there are.
struct Bytes<'a> {
    left: &'a [u8],
    are_over: &'a Cell<bool>,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.are_over.set(self.are_over.get() || (self.left.is_empty() && !buffer.is_empty()));
        self.left.read(buffer)
    }
}

/// What unpacking a tar archive makes. Files with holes are put together behind its bytes.
fn unpacked(bytes: &mut Vec<u8>) -> io::Result<Tree> {
    let (mut tree, mut behind) = (Tree::new(), Vec::new());
    let are_over = Cell::new(false);
    let mut archive = tar::Archive::new(Bytes { left: &*bytes, are_over: &are_over });
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes().into_owned();
        let wrong = |reason: String| io::Error::other(format!("{}: {reason}", shown_name(&os_string(&path))));
        let names = member_names(&path).map_err(wrong)?;
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        // Before POSIX a folder was a file whose name ends in a slash.
        let kind = match entry.header().entry_type() {
            EntryType::Regular if path.ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        let node = match kind {
            EntryType::Regular | EntryType::Continuous => {
                if has_holes(&mut entry)? {
                    return Err(wrong("its holes are described in PAX's way, which is not read".to_owned()));
                }
                let start = entry.raw_file_position();
                let end = start.checked_add(entry.size()).filter(|&end| end <= bytes.len() as u64);
                let end = end.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, wrong("it is cut off".into())))?;
                Node::File(start as usize..end as usize)
            }
            EntryType::GNUSparse => {
                let start = bytes.len() + behind.len();
                if entry.size() > MOST_OF_SPARSE || entry.read_to_end(&mut behind)? as u64 != entry.size() {
                    return Err(wrong(format!("a file with holes that is cut off or has over {MOST_OF_SPARSE} bytes")));
                }
                Node::File(start..bytes.len() + behind.len())
            }
            EntryType::Directory => Node::Folder(Default::default()),
            EntryType::Symlink => link_to(&target).map_err(wrong)?,
            EntryType::Link => {
                let target = member_names(&target).map_err(wrong)?;
                tree.put_hard_link(&names, &target).map_err(wrong)?;
                continue;
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => Node::Other,
            // What is said of the archive as a whole.
            _ => continue,
        };
        tree.put(&names, node).map_err(wrong)?;
    }
    // Without the zeros at its end nobody knows whether members are missing.
    if are_over.get() {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "its end is missing"));
    }
    bytes.append(&mut behind);
    Ok(tree)
}

fn has_holes(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(false) };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}
