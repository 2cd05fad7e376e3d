//! The language that configurations are written in: TOML, read key by key, so that every error says where it stands, what
//! is there and what is accepted.

#![deny(missing_docs)]

mod error;
mod reader;
mod reference;
mod set;
mod source;
mod survey;
pub mod text;

pub use error::{ConfigError, Place, nearest};
pub use reader::{Choices, Entry, Read, Table, read_document};
pub use reference::{Key, Preset, Section, reference};
pub use set::overridden;
pub use source::{Source, decoded};
