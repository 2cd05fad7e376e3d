//! Downloads that can be interrupted: continued where they stopped, checked, and there only when they are whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};
use ureq::http::Response;

use super::DataError;
use super::error::shown;
use super::fetch_error::FetchError;
use super::gzip::{Gzip, MAGIC};
use super::official::OfficialFile;
use super::parts::hexadecimal;
use lookahead_runs::files;
use lookahead_runs::files::sync_folder;

/// Where files are taken from, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Takes the place of the official address; the checksums stay. Default: none.
    pub mirror: Option<String>,
    /// How long nothing may come before a download is given up. Default: 30 s.
    pub patience: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self { mirror: None, patience: Duration::from_secs(30) }
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

/// Downloads a file into a folder, unless it is there; what is there is checked.
///
/// The bytes go to `NAME.part`, which is locked until they are all there; a file of this name from an earlier try is continued if the server can (HTTP Range).
/// Only when all is there and has the right checksum does it get its name.
///
/// # Errors
/// [`FetchError`]; under the file's name there is nothing then, or what was there before.
pub fn download(
    file: &OfficialFile,
    folder: &Path,
    server: &Server,
    progress: &mut dyn FnMut(Downloaded),
) -> Result<PathBuf, FetchError> {
    let path = folder.join(file.name);
    if path.exists() {
        return match check(&path, file) {
            Ok(()) => Ok(path),
            Err(source) => Err(FetchError::NotWhole { path, source: Box::new(source) }),
        };
    }
    fs::create_dir_all(folder).map_err(FetchError::io(folder))?;
    let base = server.mirror.as_deref().unwrap_or(file.base);
    let url = format!("{}/{}", base.trim_end_matches('/'), file.name);
    let part = folder.join(format!("{}.part", file.name));
    let Some(mut held) = Part::hold(&part)? else {
        // Another process has ended its download of it meanwhile.
        return download(file, folder, server, progress);
    };
    let received = held.receive(&url, &path, server.patience, progress);
    let is_begun = held.file.metadata().is_ok_and(|metadata| metadata.len() > 0);
    let done = match received {
        Err(error) if is_begun => return Err(error),
        Err(error) => Err(error),
        Ok(()) => held.check(file).map_err(|source| FetchError::OtherFile { url, source: Box::new(source) }),
    };
    if let Err(error) = done {
        // To continue it would not mend it.
        fs::remove_file(&part).map_err(FetchError::io(&part))?;
        return Err(error);
    }
    fs::rename(&part, &path).and_then(|()| sync_folder(folder)).map_err(FetchError::io(&path))?;
    Ok(path)
}

/// What is there of a file; other processes leave it alone as long as this is held.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    /// `None` if it has got its name, or was removed, before it could be locked.
    fn hold(path: &Path) -> Result<Option<Self>, FetchError> {
        let file = files::open_own(path, OpenOptions::new().read(true).append(true)).map_err(FetchError::io(path))?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => Ok(Some(Self { path: path.to_owned(), file })),
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Err(FetchError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(FetchError::io(path)(error)),
        }
    }

    fn check(&mut self, file: &OfficialFile) -> Result<(), FetchError> {
        self.file.rewind().map_err(FetchError::io(&self.path))?;
        check_content(&self.file, &self.path, file)
    }

    /// Completes the file; `path` is where it will be.
    fn receive(
        &mut self,
        url: &str,
        path: &Path,
        patience: Duration,
        progress: &mut dyn FnMut(Downloaded),
    ) -> Result<(), FetchError> {
        let Self { path: part, file } = self;
        let io = FetchError::io(part);
        let mut have = file.metadata().map_err(&io)?.len();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_per_read(Some(patience))
            .timeout_per_write(Some(patience))
            .timeout_recv_response(Some(2 * patience))
            .build()
            .into();
        let mut request = agent.get(url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let stalled = |bytes| FetchError::Stalled { url: url.to_owned(), bytes, seconds: patience.as_secs_f64() };
        let mut response = request.call().map_err(|error| match error {
            ureq::Error::Timeout(phase) if !matches!(phase, ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                stalled(have)
            }
            source => {
                let (url, path, source) = (url.to_owned(), path.to_owned(), Box::new(source));
                FetchError::Unreachable { url, path, source }
            }
        })?;
        let refused = |status| FetchError::Refused { url: url.to_owned(), status, path: path.to_owned() };
        let total = match Answer::of(&response) {
            Answer::Whole { bytes } => {
                have = 0;
                file.set_len(0).map_err(&io)?;
                bytes
            }
            Answer::Part { first, total } if first == have => total,
            Answer::Part { .. } => {
                let found =
                    response.headers().get("content-range").map(|range| String::from_utf8_lossy(range.as_bytes()));
                let found = found.map_or_else(|| "some part".to_owned(), |range| range.into_owned());
                return Err(FetchError::OtherRange { url: url.to_owned(), asked: have, found, part: part.clone() });
            }
            // Nothing is left to be sent; the checksum tells whether it is the right file.
            Answer::NothingLeft { total } if have > 0 && total.is_none_or(|total| total <= have) => return Ok(()),
            Answer::NothingLeft { .. } | Answer::Other => return Err(refused(response.status().as_u16())),
        };

        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            progress(Downloaded { bytes: have, total });
            let count = match body.read(&mut buffer) {
                Ok(0) if total.is_some_and(|total| have < total) => Err(None),
                Ok(count) => Ok(count),
                Err(source) if is_timeout(&source) => return Err(stalled(have)),
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
}

/// Whether a file that was opened is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    place(file.metadata()) == place(fs::metadata(path))
}

/// Elsewhere a file of another name cannot have been opened under this one.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Compares the MD5, or gzip's own checksum.
pub(super) fn check(path: &Path, file: &OfficialFile) -> Result<(), FetchError> {
    check_content(files::open(path).map_err(FetchError::io(path))?, path, file)
}

fn check_content(content: impl Read, path: &Path, file: &OfficialFile) -> Result<(), FetchError> {
    match file.md5 {
        Some(md5) => check_md5(content, path, md5),
        None => check_gzip(content, path),
    }
}

fn check_gzip(content: impl Read, path: &Path) -> Result<(), FetchError> {
    let damaged = |source| DataError::Gzip { file: shown(path), source };
    let mut inside = Gzip::new(BufReader::new(content));
    let mut first = Vec::new();
    inside.by_ref().take(MAGIC.len() as u64).read_to_end(&mut first).map_err(damaged)?;
    if first == MAGIC {
        // Servers and mirrors do it when they send a compressed file.
        return Err(damaged(io::Error::other("it is compressed twice")).into());
    }
    io::copy(&mut inside, &mut io::sink()).map(drop).map_err(|source| damaged(source).into())
}

fn check_md5(mut content: impl Read, path: &Path, expected: &str) -> Result<(), FetchError> {
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match content.read(&mut buffer).map_err(FetchError::io(path))? {
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

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut
}

/// What a server makes of a request for the bytes from some place on.
enum Answer {
    /// It sends all of the file.
    Whole { bytes: Option<u64> },
    /// It sends the bytes from `first` on, of so many in all.
    Part { first: u64, total: Option<u64> },
    /// There are no bytes from there on.
    NothingLeft { total: Option<u64> },
    /// It sends no file.
    Other,
}

impl Answer {
    fn of(response: &Response<ureq::Body>) -> Self {
        let range = response.headers().get("content-range").and_then(|range| range.to_str().ok());
        // `bytes 5-9/10`, with `*` for what is not known.
        let (place, total) = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split_once('/')).unzip();
        let total: Option<u64> = total.and_then(|total| total.trim().parse().ok());
        let bytes = response.body().content_length();
        match response.status().as_u16() {
            200 => Self::Whole { bytes },
            206 => match place.and_then(|place| place.split_once('-')?.0.trim().parse::<u64>().ok()) {
                Some(first) => Self::Part { first, total: total.or(bytes.map(|bytes| first.saturating_add(bytes))) },
                None => Self::Part { first: u64::MAX, total },
            },
            416 => Self::NothingLeft { total },
            _ => Self::Other,
        }
    }
}
