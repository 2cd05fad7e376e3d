//! What the program `lookahead` can run.

#![deny(missing_docs)]

pub mod artifacts;

/// The revision of the source that it was built from.
pub const REVISION: &str = env!("LOOKAHEAD_REVISION");

/// The version, with the revision.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LOOKAHEAD_REVISION"), ")");
