//! Where a document's text comes from, and where in it something stands.

use std::ops::Range;

use crate::error::{ConfigError, Place};
use crate::text::short;

/// The text of a file that should be UTF-8; `file` names it in errors.
///
/// # Errors
/// [`ConfigError::Syntax`] with the place of the first byte that is not.
pub fn decoded(bytes: Vec<u8>, file: &str) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = &String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let place = Source::File { name: file, text }.place(&(valid..valid));
        ConfigError::Syntax { place, message: "it is not UTF-8".to_owned() }
    })
}

/// The text a document was parsed from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'s> {
    /// A file.
    File {
        /// Its name.
        name: &'s str,
        /// Its text.
        text: &'s str,
    },
    /// A complete configuration changed by one override.
    Override {
        /// The override.
        text: &'s str,
    },
}

impl Source<'_> {
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        match self {
            Self::Override { text } => Place::Override { text: (*text).to_owned() },
            Self::File { name, text } => {
                let before = &text.as_bytes()[..span.start.min(text.len())];
                let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                let column = 1 + String::from_utf8_lossy(&before[line_start..]).chars().count();
                Place::File { file: (*name).to_owned(), line, column }
            }
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::File { name, .. } => (*name).to_owned(),
            Self::Override { text } => format!("override {:?}", short(text)),
        }
    }
}
