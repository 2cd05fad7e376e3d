//! Where a document's text comes from, and where in it something stands.

use std::ops::Range;

use crate::error::Place;
use crate::text::short;

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
