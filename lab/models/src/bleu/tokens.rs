//! The tokens that BLEU counts: those of NIST's `mteval-v13a`, as sacrebleu reads it.

/// A sentence in tokens: punctuation by itself, but for periods and commas within numbers, hyphens and apostrophes.
///
/// ```
/// use lookahead_models::bleu::tokenize_13a;
/// assert_eq!(tokenize_13a("It's 1,000.5 (a lot)."), ["It's", "1,000.5", "(", "a", "lot", ")", "."]);
/// ```
#[must_use]
pub fn tokenize_13a(sentence: &str) -> Vec<String> {
    let mut text = sentence.trim_end_matches(is_space).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(entity, character);
    }
    let mut spaced = String::from(" ");
    for character in text.chars() {
        match character {
            ' '..='&' | '('..='+' | '/' | ':'..='@' | '['..='`' | '{'..='~' => spaced.extend([' ', character, ' ']),
            _ => spaced.push(character),
        }
    }
    spaced.push(' ');
    let is_mark = |c: char| matches!(c, '.' | ',');
    // A period or comma by itself unless a digit is before it, then unless one is after it; a hyphen after a digit.
    let spaced = replace_pairs(&spaced, |a, b| !a.is_ascii_digit() && is_mark(b), |a, b| [a, ' ', b, ' ']);
    let spaced = replace_pairs(&spaced, |a, b| is_mark(a) && !b.is_ascii_digit(), |a, b| [' ', a, ' ', b]);
    let spaced = replace_pairs(&spaced, |a, b| a.is_ascii_digit() && b == '-', |a, b| [a, ' ', b, ' ']);
    spaced.split(is_space).filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// Whitespace as Python has it: Unicode's, and the four separators among the control characters.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Replaces pairs of neighbours from left to right; no character is in two of them.
fn replace_pairs(text: &str, is_pair: impl Fn(char, char) -> bool, by: impl Fn(char, char) -> [char; 4]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match characters.next_if(|&second| is_pair(first, second)) {
            Some(second) => replaced.extend(by(first, second)),
            None => replaced.push(first),
        }
    }
    replaced
}
