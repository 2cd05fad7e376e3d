//! Fetching data sets from their official sources, and checking what is there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::download::{Downloaded, FetchError, check, download};
use super::official::{Official, Origin, Unpacked};
use super::{Data, DataError, Dataset};
use crate::config::{DataConfig, DataSource};

/// Downloads what is missing of a data set into the folder `dir`, and unpacks it; gives the files and folders.
///
/// `mirror` replaces the official address; the checksums stay. `progress` is told the name of a file and how far it is.
///
/// # Errors
/// [`FetchError`]; what is complete stays, and the next call continues.
pub fn fetch(
    official: &Official,
    dir: &Path,
    mirror: Option<&str>,
    progress: &mut dyn FnMut(&'static str, Downloaded),
) -> Result<Vec<PathBuf>, FetchError> {
    let (folder, files, unpacked) = match official.origin {
        Origin::Embedded => return Ok(Vec::new()),
        Origin::ByHand { advice } => return Err(FetchError::ByHand { name: official.name, advice }),
        Origin::Download { folder, files, unpacked } => (dir.join(folder), files, unpacked),
    };
    if let Some(unpacked) = &unpacked
        && dir.join(unpacked.folder).exists()
    {
        return Ok(vec![dir.join(unpacked.folder)]);
    }
    let mut there = Vec::new();
    for file in files {
        there.push(download(file, &folder, mirror, &mut |done| progress(file.name, done))?);
    }
    if let Some(unpacked) = &unpacked {
        there.push(unpack(&there, unpacked, dir)?);
    }
    Ok(there)
}

/// Writes the files that are needed into their folder, which is there only when it is complete.
fn unpack(archives: &[PathBuf], unpacked: &Unpacked, dir: &Path) -> Result<PathBuf, FetchError> {
    let folder = dir.join(unpacked.folder);
    let temporary = tempfile::Builder::new().prefix(".unpacking").tempdir_in(dir).map_err(FetchError::io(dir))?;
    // A folder of its own in the temporary one gets the usual permissions.
    let inside = temporary.path().join(unpacked.folder);
    fs::create_dir(&inside).map_err(FetchError::io(&inside))?;
    for archive in archives {
        extract(archive, unpacked, &inside)?;
    }
    if let Some((name, _)) = unpacked.files.iter().find(|(name, _)| !inside.join(name).exists()) {
        let archives: Vec<String> = archives.iter().map(|archive| archive.display().to_string()).collect();
        return Err(FetchError::NotInArchive { name, archives });
    }
    fs::rename(&inside, &folder).map_err(FetchError::io(&folder))?;
    Ok(folder)
}

/// Writes those of the files that the archive holds into `folder`, each as it comes: an archive may be larger than memory.
fn extract(archive: &Path, unpacked: &Unpacked, folder: &Path) -> Result<(), FetchError> {
    let damaged = |source: io::Error| DataError::Archive { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(FetchError::io(archive))?;
    let mut tar = tar::Archive::new(MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, file)));
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let is_needed = |(name, _): &&(&str, Option<u64>)| path.rsplit('/').next() == Some(name);
        let Some((name, _)) = unpacked.files.iter().find(is_needed).filter(|_| entry.header().entry_type().is_file())
        else {
            continue;
        };
        let path = folder.join(name);
        let io = FetchError::io(&path);
        let mut file = File::create(&path).map_err(&io)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match entry.read(&mut buffer).map_err(damaged)? {
                0 => break,
                count => file.write_all(&buffer[..count]).map_err(&io)?,
            }
        }
    }
    // The checksum comes after the end of the archive.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map(drop).map_err(|source| damaged(source).into())
}

/// Checks a data set in the folder `dir`: the checksum of each official file that is there, the sizes of unpacked
/// files, and that all of it can be read. Gives what was checked, in words.
///
/// # Errors
/// [`FetchError`] with the first thing that is wrong.
pub fn verify(official: &Official, dir: Option<&Path>) -> Result<Vec<String>, FetchError> {
    let mut checked = Vec::new();
    let root = dir.unwrap_or(Path::new(super::DEFAULT_FOLDER));
    if let Origin::Download { folder, files, unpacked } = official.origin {
        let folders = if folder.is_empty() { vec![root.to_owned()] } else { vec![root.to_owned(), root.join(folder)] };
        let places = files.iter().flat_map(|file| folders.iter().map(move |folder| (file, folder.join(file.name))));
        for (file, path) in places.filter(|(_, path)| path.exists()) {
            check(&path, file)?;
            let what =
                file.md5.map_or("gzip's checksum; no official one is published".into(), |md5| format!("MD5 {md5}"));
            checked.push(format!("{}: {what}", path.display()));
        }
        let unpacked = unpacked.map(|unpacked| (root.join(unpacked.folder), unpacked.files));
        if let Some((folder, files)) = unpacked.filter(|(folder, _)| folder.exists()) {
            for &(name, expected) in files {
                let path = folder.join(name);
                let found = fs::metadata(&path).map_err(FetchError::io(&path))?.len();
                if let Some(expected) = expected.filter(|&expected| found != expected) {
                    return Err(FetchError::Size { path, found, expected });
                }
            }
            let sized = files.iter().filter(|(_, bytes)| bytes.is_some()).count();
            checked.push(format!("{}: {} files, {sized} of known size", folder.display(), files.len()));
        }
    }
    // All names of data sets are names of sources.
    if let Some(source) = DataSource::named(official.name) {
        let dir = dir.map(|dir| dir.display().to_string());
        let data = Data::load(&DataConfig { dir, ..DataConfig::new(source) })?;
        if let Data::Images(images) = &data {
            decode_all(images)?;
        }
        checked.push(format!("{}: all of it can be read", data.description()));
    }
    Ok(checked)
}

/// Makes every example once: pictures in files are not decoded before.
fn decode_all(data: &Dataset) -> Result<(), FetchError> {
    const SHOWN: usize = 10;
    let mut damaged = Vec::new();
    for part in [&data.train, &data.valid] {
        let indices = 0..part.len() as u32;
        let failed = indices.into_par_iter().filter_map(|index| part.batch(&[index], None).err());
        damaged.extend(failed.map(|error| error.to_string()).collect::<Vec<_>>());
    }
    if damaged.is_empty() {
        return Ok(());
    }
    let count = damaged.len();
    damaged.truncate(SHOWN);
    Err(FetchError::Damaged { count, files: damaged })
}
