//! Reads texts out of a ZIP archive.

use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use super::DataError;
use super::archive::first_bytes;
use super::error::shown;
use super::lines::TextFile;
use super::tree::{Node, Tree, member_names};
use lookahead_runs::files;

/// The most bytes of a text, uncompressed: 2^26, twelve times the Penn Treebank's training part.
const MOST_BYTES: u64 = 1 << 26;

/// Whether a file is a ZIP archive, which may be empty, as far as its first bytes show.
pub(super) fn is_zip(path: &Path) -> Result<bool, DataError> {
    let first = first_bytes(path)?;
    Ok([b"PK\x03\x04", b"PK\x05\x06"].iter().any(|magic| first.starts_with(*magic)))
}

/// A file of a ZIP archive: in the folder nearest to the root that holds it, which has to be the only one. What is hidden is
/// not looked into.
pub(super) fn read_zipped(archive: &Path, name: &str, advice: &'static str) -> Result<TextFile, DataError> {
    let damaged = |source| DataError::Archive { path: archive.to_owned(), source };
    let file = files::open(archive).map_err(|source| DataError::Io { path: archive.to_owned(), source })?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(io::Error::other(error)))?;
    let tree = tree_of(&zip).map_err(|reason| damaged(io::Error::other(reason)))?;
    let folder = tree.only_one_holding(name).map_err(|reason| damaged(io::Error::other(reason)))?;
    let missing = || DataError::MissingFile { path: archive.join(name), advice };
    let mut names = folder.ok_or_else(missing)?;
    names.push(name.into());
    let Some(Node::File(place)) = tree.get(&names) else { return Err(missing()) };
    let member = zip.by_index(place.start).map_err(|error| damaged(io::Error::other(error)))?;
    let too_long = || damaged(io::Error::other(format!("{name} has more than {MOST_BYTES} bytes")));
    // What it says of its size may be wrong.
    if member.size() > MOST_BYTES {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    member.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_long());
    }
    Ok(TextFile::Memory { name: shown(&archive.join(name)), bytes })
}

/// The files of an archive, each with its number as its place.
fn tree_of(zip: &zip::ZipArchive<impl Read + Seek>) -> Result<Tree, String> {
    let mut tree = Tree::new();
    for index in 0..zip.len() {
        let name = zip.name_for_index(index).and_then(Result::ok).unwrap_or_default();
        let node = if name.ends_with('/') { Node::Folder(Default::default()) } else { Node::File(index..index + 1) };
        tree.put(&member_names(name.as_bytes())?, node)?;
    }
    Ok(tree)
}
