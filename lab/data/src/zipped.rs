//! Reads texts out of a ZIP archive.

use std::io::{self, BufReader, Read};
use std::path::Path;

use super::DataError;
use super::error::shown;
use super::lines::TextFile;
use lookahead_runs::files;

/// The most bytes of a text, uncompressed: 2^26, twelve times the Penn Treebank's training part.
const MOST_BYTES: u64 = 1 << 26;

/// A file of a ZIP archive, whichever folder of it it lies in.
pub(super) fn read_zipped(archive: &Path, name: &str, advice: &'static str) -> Result<TextFile, DataError> {
    let damaged = |source| DataError::Archive { path: archive.to_owned(), source };
    let file = files::open(archive).map_err(|source| DataError::Io { path: archive.to_owned(), source })?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(io::Error::other(error)))?;
    let ends_in_name = |index: &usize| {
        let found = zip.name_for_index(*index).and_then(Result::ok);
        found.is_some_and(|found| found.rsplit('/').next() == Some(name))
    };
    let missing = || DataError::MissingFile { path: archive.join(name), advice };
    let index = (0..zip.len()).find(ends_in_name).ok_or_else(missing)?;
    let member = zip.by_index(index).map_err(|error| damaged(io::Error::other(error)))?;
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
