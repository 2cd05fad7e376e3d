//! Free text, such as labels and titles: which is taken, and how it is quoted in messages.

use std::borrow::Cow;

/// The most letters of a value in a message.
const LONGEST_SHOWN: usize = 80;

/// The beginning of a text that is quoted in a message.
#[must_use]
pub fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The first letter that no label, title or note may have: control characters, which steer terminals and which XML
/// forbids, but for tabs and line breaks; and what is no character at all.
#[must_use]
pub fn forbidden(text: &str) -> Option<char> {
    let is_space = |letter: char| matches!(letter, '\t' | '\n' | '\r');
    text.chars().find(|&letter| letter.is_control() && !is_space(letter) || matches!(letter, '\u{fffe}' | '\u{ffff}'))
}

/// A text on one line.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}
