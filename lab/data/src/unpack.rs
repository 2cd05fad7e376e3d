//! Unpacks the files that are needed of official archives, and compares what was unpacked with them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::DataError;
use super::error::shown;
use super::fetch_error::FetchError;
use super::gzip::Gzip;
use super::official::Unpacked;
use super::tree::{is_hidden, member_names};
use lookahead_runs::files;

const BUFFER: usize = 1 << 16;

/// A piece of a member of an archive.
enum Piece<'p> {
    /// Its beginning; of several with one name the last one counts.
    Start,
    Bytes(&'p [u8]),
}

/// Writes the files that are needed into their folder, which is there only when it is complete.
pub(super) fn unpack(archives: &[PathBuf], unpacked: &Unpacked, dir: &Path) -> Result<PathBuf, FetchError> {
    let folder = dir.join(unpacked.folder);
    let temporary = tempfile::Builder::new().prefix(".unpacking").tempdir_in(dir).map_err(FetchError::io(dir))?;
    // A folder of its own in the temporary one gets the usual permissions.
    let inside = temporary.path().join(unpacked.folder);
    fs::create_dir(&inside).map_err(FetchError::io(&inside))?;
    for archive in archives {
        extract(archive, unpacked, &inside)?;
    }
    if let Some((name, _)) = unpacked.files.iter().find(|(name, _)| !inside.join(name).exists()) {
        return Err(FetchError::NotInArchive { name, archives: archives.iter().map(|path| shown(path)).collect() });
    }
    check_sizes(&inside, unpacked)?;
    match fs::rename(&inside, &folder) {
        // Another process was faster.
        Err(_) if folder.exists() => check_unpacked(&folder, unpacked, archives)?,
        renamed => renamed.map_err(FetchError::io(&folder))?,
    }
    Ok(folder)
}

/// Writes those of the files that the archive holds into `folder`.
fn extract(archive: &Path, unpacked: &Unpacked, folder: &Path) -> Result<(), FetchError> {
    let mut current: Option<File> = None;
    each_needed(archive, unpacked, &mut |name, piece| {
        let path = folder.join(name);
        let written = match piece {
            Piece::Start => File::create(&path).map(|file| current = Some(file)),
            Piece::Bytes(bytes) => current.as_mut().map_or(Ok(()), |file| file.write_all(bytes)),
        };
        written.map_err(FetchError::io(&path))
    })
}

/// Goes through the files of an archive that are needed, each as it comes: an archive may be larger than memory.
fn each_needed(
    archive: &Path,
    unpacked: &Unpacked,
    see: &mut dyn FnMut(&'static str, Piece<'_>) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let damaged = |source: io::Error| DataError::Archive { path: archive.to_owned(), source };
    let file = files::open(archive).map_err(FetchError::io(archive))?;
    let mut tar = tar::Archive::new(Gzip::new(BufReader::with_capacity(BUFFER, file)));
    let mut buffer = vec![0; BUFFER];
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = member_names(&entry.path_bytes()).map_err(|reason| damaged(io::Error::other(reason)))?;
        let is_seen = !path.iter().any(|name| is_hidden(name));
        let is_needed = |(name, _): &&(&str, Option<u64>)| is_seen && path.last().is_some_and(|last| last == name);
        let Some(&(name, _)) = unpacked.files.iter().find(is_needed).filter(|_| entry.header().entry_type().is_file())
        else {
            continue;
        };
        see(name, Piece::Start)?;
        loop {
            match entry.read(&mut buffer).map_err(damaged)? {
                0 => break,
                count => see(name, Piece::Bytes(&buffer[..count]))?,
            }
        }
    }
    // The checksum comes after the end of the archive.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map(drop).map_err(|source| damaged(source).into())
}

/// Whether all files are there with the right size, and are those of the archives.
pub(super) fn check_unpacked(folder: &Path, unpacked: &Unpacked, archives: &[PathBuf]) -> Result<(), FetchError> {
    check_sizes(folder, unpacked)?;
    let mut hashes = BTreeMap::new();
    for archive in archives {
        each_needed(archive, unpacked, &mut |name, piece| {
            match piece {
                Piece::Start => drop(hashes.insert(name, Sha256::new())),
                Piece::Bytes(bytes) => hashes.entry(name).or_insert_with(Sha256::new).update(bytes),
            }
            Ok(())
        })?;
    }
    for (name, expected) in hashes {
        let path = folder.join(name);
        let (mut found, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
        let mut file = files::open(&path).map_err(FetchError::io(&path))?;
        loop {
            match file.read(&mut buffer).map_err(FetchError::io(&path))? {
                0 => break,
                count => found.update(&buffer[..count]),
            }
        }
        if found.finalize() != expected.finalize() {
            return Err(FetchError::OtherContent { path });
        }
    }
    Ok(())
}

fn check_sizes(folder: &Path, unpacked: &Unpacked) -> Result<(), FetchError> {
    for &(name, expected) in unpacked.files {
        let path = folder.join(name);
        let metadata = fs::metadata(&path).map_err(FetchError::io(&path))?;
        files::regular(metadata.file_type()).map_err(FetchError::io(&path))?;
        let found = metadata.len();
        if let Some(expected) = expected.filter(|&expected| found != expected) {
            return Err(FetchError::Size { path, found, expected });
        }
    }
    Ok(())
}
