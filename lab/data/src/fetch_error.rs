//! What can go wrong with fetching and checking data sets.

use std::path::{Path, PathBuf};

use super::DataError;
use super::error::shown;

/// Why a data set could not be fetched or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server cannot be reached.
    #[error(
        "cannot reach {url}; without a network, download it elsewhere and put it at {}; `lookahead data verify` then \
         checks it",
        shown(path)
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
    #[error("{url}: the server answers {status}; if you find the file elsewhere, put it at {}", shown(path))]
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
    /// The connection stands, but nothing comes.
    #[error("{url}: nothing came for {seconds} s, after {bytes} bytes; the same command continues there")]
    Stalled {
        /// The address.
        url: String,
        /// How much there is now.
        bytes: u64,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The server sends another part of the file than what was asked for.
    #[error(
        "{url}: asked for the bytes from {asked} on, the server sends {found}; another server may do better \
         (LOOKAHEAD_DATA_MIRROR), or delete {} to begin anew",
        shown(part)
    )]
    OtherRange {
        /// The address.
        url: String,
        /// The first byte that was asked for.
        asked: u64,
        /// What the server says that it sends.
        found: String,
        /// What was received before; it stays.
        part: PathBuf,
    },
    /// Another process holds what there is of a download.
    #[error("{}: another process is downloading this", shown(path))]
    Busy {
        /// What there is of it.
        path: PathBuf,
    },
    /// What a server sent is not the official file.
    #[error(
        "{url}: what it sends is not the official file, and was deleted; another server may do better \
         (LOOKAHEAD_DATA_MIRROR)"
    )]
    OtherFile {
        /// The address.
        url: String,
        /// What shows it.
        source: Box<FetchError>,
    },
    /// A file is not what its publisher says.
    #[error("{}: its MD5 is {found}, but {expected} was expected", shown(path))]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The MD5 it has.
        found: String,
        /// The MD5 it should have.
        expected: String,
    },
    /// What is there already is not what it should be.
    #[error("{}, which is here, is not as it should be; delete it, and the same command makes it again", shown(path))]
    NotWhole {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<FetchError>,
    },
    /// A file is not the one that its archive holds.
    #[error("{}: it differs from the file in the archive", shown(path))]
    OtherContent {
        /// The file.
        path: PathBuf,
    },
    /// A file has another size than it should.
    #[error("{}: {found} bytes, but {expected} were expected", shown(path))]
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
    /// There are more or fewer examples than the official data set has.
    #[error("{found}, but the official data set has {expected} {what}")]
    OtherCounts {
        /// What is there.
        found: String,
        /// `images`, `tokens` or `pairs`.
        what: &'static str,
        /// How many the official parts have.
        expected: String,
    },
    /// Pictures that cannot be decoded.
    #[error("{} damaged: {}", if *count == 1 { "1 picture is".to_owned() } else { format!("{count} pictures are") }, files.join("; "))]
    Damaged {
        /// How many.
        count: usize,
        /// The first of them.
        files: Vec<String>,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot read or write {}", shown(path))]
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
