//! Texts in the columns of a terminal, of which a letter may take two or none.

use unicode_width::UnicodeWidthStr;

use crate::printable;

/// The width of a terminal that everything fits.
pub const COLUMNS: u16 = 80;

/// The columns that a text takes in one line.
///
/// ```
/// assert_eq!(lookahead_runs::columns("SGD"), 3);
/// assert_eq!(lookahead_runs::columns("学習"), 4);
/// ```
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// A [`printable()`] text on lines of at most [`COLUMNS`] columns, broken between words: `first` stands before it, `next` before
/// each further line. A longer word has a line of its own.
///
/// ```
/// let text = lookahead_runs::wrapped(&"学習 ".repeat(20), "", "  ");
/// assert_eq!(text.lines().map(lookahead_runs::columns).collect::<Vec<_>>(), [79, 21]);
/// ```
#[must_use]
pub fn wrapped(text: &str, first: &str, next: &str) -> String {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_begun = false;
    for word in printable(text).split_ascii_whitespace() {
        if is_begun && columns(&line) + 1 + columns(word) > usize::from(COLUMNS) {
            lines.push(std::mem::replace(&mut line, next.to_owned()));
            is_begun = false;
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    lines.push(line);
    lines.join("\n")
}
