//! Texts of others' making (names, labels, keys) as a terminal may show them: without characters that steer it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// A text with control characters, and those that turn the direction of writing, as `\u001b`; line ends and tabs stay.
///
/// JSON stays the same JSON.
///
/// ```
/// use lookahead_runs::printable;
/// assert_eq!(printable("two\nlines"), "two\nlines");
/// assert_eq!(printable("\u{1b}[2J"), "\\u001b[2J");
/// assert_eq!(printable("a\u{200f}b"), "a\\u200fb");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| steers(c) && !matches!(c, '\n' | '\t'))
}

/// The same for a name that has to stay in its line.
#[must_use]
pub fn printable_name(name: &str) -> Cow<'_, str> {
    escaped(name, steers)
}

/// A path in its line; bytes that are no UTF-8 as `\xe9`.
///
/// ```
/// use lookahead_runs::printable::printable_path;
/// assert_eq!(printable_path("a\nb/c".as_ref()), "a\\u000ab/c");
/// ```
#[must_use]
pub fn printable_path(path: &Path) -> String {
    printable_os_name(path.as_os_str())
}

/// The same of the name of a file.
#[must_use]
pub fn printable_os_name(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&printable_name(chunk.valid()));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// Whether a character does something else than to stand there.
fn steers(c: char) -> bool {
    let unseen = matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}');
    c.is_control() || unseen || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if is_escaped(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(text.chars().map(escaped).collect())
}
