//! Downloads that can be interrupted: continued where they stopped, checked, and there only when they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use md5::{Digest, Md5};

use super::DataError;
use super::official::OfficialFile;
use super::parts::hexadecimal;
use crate::files::sync_folder;

/// Why a data set could not be fetched or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server cannot be reached.
    #[error(
        "cannot reach {url}; without a network, download it elsewhere and put it at {}; `lookahead data verify` then \
         checks it",
        path.display()
    )]
    Unreachable {
        /// The address.
        url: String,
        /// Where the file belongs.
        path: PathBuf,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// The server has no such file, or does not give it.
    #[error("{url}: the server answers {status}; if you find the file elsewhere, put it at {}", path.display())]
    Refused {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// Where the file belongs.
        path: PathBuf,
    },
    /// The connection broke.
    #[error("{url}: the connection broke after {bytes} bytes; the same command continues there")]
    Cut {
        /// The address.
        url: String,
        /// How much there is now.
        bytes: u64,
        /// What went wrong, if it was not simply the end.
        source: Option<std::io::Error>,
    },
    /// A file is not what its publisher says.
    #[error("{}: its MD5 is {found}, but {expected} was expected", path.display())]
    Checksum {
        /// The file; a download is deleted.
        path: PathBuf,
        /// The MD5 it has.
        found: String,
        /// The MD5 it should have.
        expected: String,
    },
    /// A file has another size than it should.
    #[error("{}: {found} bytes, but {expected} were expected", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// How many bytes it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// A data set that cannot be fetched.
    #[error("{name} cannot be fetched: {advice}")]
    ByHand {
        /// Its name.
        name: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// A file that archives should hold is in none of them.
    #[error("{name} is not in {}", archives.join(" or "))]
    NotInArchive {
        /// The file.
        name: &'static str,
        /// The archives.
        archives: Vec<String>,
    },
    /// Pictures that cannot be decoded.
    #[error("{count} pictures are damaged: {}", files.join("; "))]
    Damaged {
        /// How many.
        count: usize,
        /// The first of them.
        files: Vec<String>,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The data set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl FetchError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Bytes there are, those of an earlier try among them.
    pub bytes: u64,
    /// Bytes there will be, if the server says so.
    pub total: Option<u64>,
}

/// Downloads a file into a folder, unless it is there.
///
/// The bytes go to `NAME.part`; a file of this name from an earlier try is continued if the server can (HTTP Range).
/// Only when all is there and has the right checksum does it get its name. `mirror` is another address to take it from.
///
/// # Errors
/// [`FetchError`]; under the file's name there is nothing then, or what was there before.
pub fn download(
    file: &OfficialFile,
    folder: &Path,
    mirror: Option<&str>,
    progress: &mut dyn FnMut(Downloaded),
) -> Result<PathBuf, FetchError> {
    let path = folder.join(file.name);
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(folder).map_err(FetchError::io(folder))?;
    let base = mirror.unwrap_or(file.base);
    let url = format!("{}/{}", base.trim_end_matches('/'), file.name);
    let part = folder.join(format!("{}.part", file.name));
    receive(&url, &part, &path, progress)?;
    if let Err(error) = check(&part, file) {
        // To continue it would not mend it.
        fs::remove_file(&part).map_err(FetchError::io(&part))?;
        return Err(error);
    }
    fs::rename(&part, &path).and_then(|()| sync_folder(folder)).map_err(FetchError::io(&path))?;
    Ok(path)
}

/// Compares the MD5, or gzip's own checksum.
pub(super) fn check(path: &Path, file: &OfficialFile) -> Result<(), FetchError> {
    match file.md5 {
        Some(md5) => check_md5(path, md5),
        None => check_gzip(path),
    }
}

fn check_gzip(path: &Path) -> Result<(), FetchError> {
    let file = File::open(path).map_err(FetchError::io(path))?;
    let read = io::copy(&mut MultiGzDecoder::new(BufReader::new(file)), &mut io::sink());
    let damaged = |source| DataError::Gzip { file: path.display().to_string(), source };
    read.map(drop).map_err(|source| damaged(source).into())
}

fn check_md5(path: &Path, expected: &str) -> Result<(), FetchError> {
    let mut file = File::open(path).map_err(FetchError::io(path))?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(FetchError::io(path))? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    let found = hexadecimal(&hash.finalize());
    if found == expected {
        return Ok(());
    }
    Err(FetchError::Checksum { path: path.to_owned(), found, expected: expected.to_owned() })
}

/// Completes the file `part`; `path` is where it will be.
fn receive(url: &str, part: &Path, path: &Path, progress: &mut dyn FnMut(Downloaded)) -> Result<(), FetchError> {
    const OK: u16 = 200;
    const PARTIAL_CONTENT: u16 = 206;
    const RANGE_NOT_SATISFIABLE: u16 = 416;
    let io = FetchError::io(part);
    let mut have = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let unreachable = |source| {
        let (url, path, source) = (url.to_owned(), path.to_owned(), Box::new(source));
        FetchError::Unreachable { url, path, source }
    };
    let mut response = request.call().map_err(unreachable)?;
    let status = response.status().as_u16();
    let range = response.headers().get("content-range").and_then(|range| range.to_str().ok());
    let continues = range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
    let mut file = match status {
        // Nothing is left to be sent; the checksum tells whether it is the right file.
        RANGE_NOT_SATISFIABLE if have > 0 => return Ok(()),
        PARTIAL_CONTENT if continues => OpenOptions::new().append(true).open(part),
        OK => {
            have = 0;
            File::create(part)
        }
        _ => return Err(FetchError::Refused { url: url.to_owned(), status, path: path.to_owned() }),
    }
    .map_err(&io)?;

    let total = response.body().content_length().map(|left| have + left);
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(Downloaded { bytes: have, total });
        let count = match body.read(&mut buffer) {
            Ok(0) if total.is_some_and(|total| have < total) => Err(None),
            Ok(count) => Ok(count),
            Err(source) => Err(Some(source)),
        };
        match count {
            Ok(0) => break,
            Ok(count) => file.write_all(&buffer[..count]).map_err(&io)?,
            Err(source) => return Err(FetchError::Cut { url: url.to_owned(), bytes: have, source }),
        }
        have += count.unwrap_or(0) as u64;
    }
    file.sync_all().map_err(&io)
}
