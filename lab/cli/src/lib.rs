//! What the program `lookahead` can run.

#![deny(missing_docs)]

pub mod artifacts;
pub mod reference;

/// The revision of the source that it was built from.
pub const REVISION: &str = env!("LOOKAHEAD_REVISION");

/// The version, with the revision.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LOOKAHEAD_REVISION"), ")");

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
