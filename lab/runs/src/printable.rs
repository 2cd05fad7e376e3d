//! Texts of others' making (names, labels, keys) as a terminal may show them: without characters that steer it.

use std::borrow::Cow;

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
