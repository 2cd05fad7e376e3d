//! Fetching data sets from their official sources, and checking what is there.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::download::{Downloaded, Server, check, download};
use super::error::shown;
use super::fetch_error::FetchError;
use super::official::{Official, Origin};
use super::unpack::{check_unpacked, unpack};
use super::{Data, Dataset};
use crate::config::{DataConfig, DataSource};

/// Downloads what is missing of a data set into the folder `dir`, and unpacks it; gives the files and folders.
///
/// What is there already is checked: checksums and sizes, and unpacked files against their archive where that is there
/// too. `progress` is told the name of a file and how far it is.
///
/// # Errors
/// [`FetchError`]; what is complete stays, and the next call continues. What is not as it should be is not replaced:
/// it is the user's.
pub fn fetch(
    official: &Official,
    dir: &Path,
    server: &Server,
    progress: &mut dyn FnMut(&'static str, Downloaded),
) -> Result<Vec<PathBuf>, FetchError> {
    let (folder, files, unpacked) = match official.origin {
        Origin::Embedded => return Ok(Vec::new()),
        Origin::ByHand { advice } => return Err(FetchError::ByHand { name: official.name, advice }),
        Origin::Download { folder, files, unpacked } => (dir.join(folder), files, unpacked),
    };
    let there_is = unpacked.as_ref().map(|unpacked| (unpacked, dir.join(unpacked.folder)));
    if let Some((unpacked, place)) = there_is.filter(|(_, place)| place.exists()) {
        let mut archives = Vec::new();
        for file in files.iter().filter(|file| folder.join(file.name).exists()) {
            // It is there, so that nothing is downloaded.
            archives.push(download(file, &folder, server, &mut |_| ())?);
        }
        return match check_unpacked(&place, unpacked, &archives) {
            Ok(()) => Ok(vec![place]),
            Err(source) => Err(FetchError::NotWhole { path: place, source: Box::new(source) }),
        };
    }
    let mut there = Vec::new();
    for file in files {
        there.push(download(file, &folder, server, &mut |done| progress(file.name, done))?);
    }
    if let Some(unpacked) = &unpacked {
        there.push(unpack(&there, unpacked, dir)?);
    }
    Ok(there)
}

/// What was found of a data set in which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was checked, in words.
    pub checked: Vec<String>,
    /// What this proves, in a sentence: that the files are the official ones only where an official checksum says so.
    pub conclusion: String,
}

/// Checks a data set in the folder `dir`: the checksum of each official file that is there, the sizes of unpacked
/// files and, where their archive is there, their content; that all of it can be read; and that it has as many examples
/// as the official one. Pictures are decoded, but JPEG has no checksum: damage inside of one that keeps it long enough is
/// not seen.
///
/// # Errors
/// [`FetchError`] with the first thing that is wrong.
pub fn verify(official: &Official, dir: Option<&Path>) -> Result<Verified, FetchError> {
    let (mut checked, mut with_md5) = (Vec::new(), Vec::new());
    let root = dir.unwrap_or(Path::new(super::DEFAULT_FOLDER));
    if let Origin::Download { folder, files, unpacked } = official.origin {
        let folders = if folder.is_empty() { vec![root.to_owned()] } else { vec![root.to_owned(), root.join(folder)] };
        let places = files.iter().flat_map(|file| folders.iter().map(move |folder| (file, folder.join(file.name))));
        let mut archives = Vec::new();
        for (file, path) in places.filter(|(_, path)| path.exists()) {
            check(&path, file)?;
            let what =
                file.md5.map_or("gzip's checksum; no official one is published".into(), |md5| format!("MD5 {md5}"));
            checked.push(format!("{}: {what}", shown(&path)));
            with_md5.extend(file.md5.map(|_| path.clone()));
            archives.push(path);
        }
        let unpacked = unpacked.map(|unpacked| (root.join(unpacked.folder), unpacked));
        if let Some((folder, unpacked)) = unpacked.filter(|(folder, _)| folder.exists()) {
            check_unpacked(&folder, &unpacked, &archives)?;
            let sized = unpacked.files.iter().filter(|(_, bytes)| bytes.is_some()).count();
            checked.push(format!("{}: {} files, {sized} of known size", shown(&folder), unpacked.files.len()));
            if with_md5.len() == files.len() {
                with_md5.push(folder);
            }
        }
    }
    // All names of data sets are names of sources.
    let Some(source) = DataSource::named(official.name) else {
        return Ok(Verified { checked, conclusion: String::new() });
    };
    let dir = dir.map(in_a_configuration).transpose()?;
    let config = DataConfig { dir, ..DataConfig::new(source) };
    let data = Data::load(&config)?;
    if let Data::Images(images) = &data {
        decode_all(images)?;
    }
    checked.push(format!("{}: all of it can be read", data.description()));
    if let Some(error) = data.other_counts(official, &config) {
        return Err(error);
    }
    let is_official = match (official.origin, Data::find(&config)?) {
        (Origin::Embedded, _) => true,
        (Origin::Download { files, .. }, Some(place)) => {
            with_md5.contains(&place) || files.iter().all(|file| with_md5.contains(&place.join(file.name)))
        }
        _ => false,
    };
    let (name, unit) = (official.name, data.unit());
    let conclusion = match is_official {
        true => format!("{name} is as it should be"),
        false if official.counts.is_empty() => {
            format!("{name} can be read; there is no official number of {unit} or checksum to compare it with")
        }
        false => format!(
            "{name} has as many {unit} as the official data set; no official checksum was compared, so that its content \
             may be another"
        ),
    };
    Ok(Verified { checked, conclusion })
}

/// A folder as a configuration names it.
fn in_a_configuration(dir: &Path) -> Result<String, FetchError> {
    let not_utf8 = || std::io::Error::new(ErrorKind::InvalidInput, "the name of the data folder is not UTF-8");
    dir.to_str().map(str::to_owned).ok_or_else(|| FetchError::io(dir)(not_utf8()))
}

/// Makes every example once: pictures in files are not decoded before.
fn decode_all(data: &Dataset) -> Result<(), FetchError> {
    const SHOWN: usize = 10;
    let mut damaged = Vec::new();
    for part in [&data.train, &data.valid] {
        let indices = 0..part.len() as u32;
        let failed = indices.into_par_iter().filter_map(|index| part.batch(&[index], None).err());
        damaged.extend(failed.map(|error| with_causes(&error)).collect::<Vec<_>>());
    }
    if damaged.is_empty() {
        return Ok(());
    }
    let count = damaged.len();
    damaged.truncate(SHOWN);
    Err(FetchError::Damaged { count, files: damaged })
}

/// An error and what led to it, each after a colon.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
