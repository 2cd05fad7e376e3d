//! Fetching data sets from their official sources, and checking what is there.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::Dataset;
use super::download::{Downloaded, FetchError, check_md5, download};
use super::official::{Official, Origin, Unpacked};
use super::store::{Archive, Store};
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
    if let (Some(unpacked), Some(archive)) = (&unpacked, there.first()) {
        let folder = unpack(archive, unpacked, dir)?;
        there.push(folder);
    }
    Ok(there)
}

/// Writes the files that are needed into their folder, which is there only when it is complete.
fn unpack(archive: &Path, unpacked: &Unpacked, dir: &Path) -> Result<PathBuf, FetchError> {
    let folder = dir.join(unpacked.folder);
    let temporary = tempfile::Builder::new().prefix(".unpacking").tempdir_in(dir).map_err(FetchError::io(dir))?;
    let store = Store::Archive(Archive::read(archive)?);
    // A folder of its own in the temporary one gets the usual permissions.
    let inside = temporary.path().join(unpacked.folder);
    fs::create_dir(&inside).map_err(FetchError::io(&inside))?;
    for (name, _) in unpacked.files {
        let (_, content) = store.read(name, "the archive should hold it")?;
        let path = inside.join(name);
        fs::write(&path, content).map_err(FetchError::io(&path))?;
    }
    fs::rename(&inside, &folder).map_err(FetchError::io(&folder))?;
    Ok(folder)
}

/// Checks a data set in the folder `dir`: the MD5 of each official file that is there, the sizes of unpacked files, and
/// that all of it can be read. Gives what was checked, in words.
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
            check_md5(&path, file.md5)?;
            checked.push(format!("{}: MD5 {}", path.display(), file.md5));
        }
        let unpacked = unpacked.map(|unpacked| (root.join(unpacked.folder), unpacked.files));
        if let Some((folder, files)) = unpacked.filter(|(folder, _)| folder.exists()) {
            for &(name, expected) in files {
                let path = folder.join(name);
                let found = fs::metadata(&path).map_err(FetchError::io(&path))?.len();
                if found != expected {
                    return Err(FetchError::Size { path, found, expected });
                }
            }
            checked.push(format!("{}: the sizes of {} files", folder.display(), files.len()));
        }
    }
    // All names of data sets are names of sources.
    if let Some(source) = DataSource::named(official.name) {
        let dir = dir.map(|dir| dir.display().to_string());
        let data = Dataset::load(&DataConfig { dir, ..DataConfig::new(source) })?;
        decode_all(&data)?;
        checked.push(format!("{}: all of it can be read", data.description));
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
