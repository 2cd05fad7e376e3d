//! The one error type of this crate.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::data::DataError;

/// Why the lab could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A data set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}
