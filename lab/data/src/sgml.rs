//! The SGML of WMT's test sets: `<seg id="1">text</seg>`.

use super::DataError;

/// The texts of all segments in their order, their entities resolved and every run of whitespace one space.
///
/// `file` names the text in errors. What stands between segments is not looked at.
///
/// # Errors
/// [`DataError::Sgml`] with the line of a segment that does not end, or if there is no segment at all.
///
/// ```
/// use lookahead_data::read_segments;
/// let text = "<doc><seg id=\"1\">Salt &amp; pepper</seg>\n<seg id=\"2\">Two\nlines</seg></doc>";
/// assert_eq!(read_segments(text, "test.sgm")?, ["Salt & pepper", "Two lines"]);
/// # Ok::<(), lookahead_data::DataError>(())
/// ```
pub fn read_segments(text: &str, file: &str) -> Result<Vec<String>, DataError> {
    let wrong = |offset: usize, reason| {
        let line = 1 + text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count();
        DataError::Sgml { file: file.to_owned(), line, reason }
    };
    // Tags in any case: the letters keep their places.
    let lower = text.to_ascii_lowercase();
    let mut segments = Vec::new();
    let mut from = 0;
    while let Some(start) = next_segment(&lower, from) {
        let content = match lower[start..].find('>') {
            Some(length) => start + length + 1,
            None => return Err(wrong(start, "the tag of this segment does not end")),
        };
        let end = match lower[content..].find("</seg>") {
            Some(length) => content + length,
            None => return Err(wrong(start, "this segment has no </seg>")),
        };
        if next_segment(&lower[..end], content).is_some() {
            return Err(wrong(start, "the next segment begins before the </seg> of this one"));
        }
        // An entity may stand for whitespace.
        let words = resolved(&text[content..end]);
        segments.push(words.split_whitespace().collect::<Vec<_>>().join(" "));
        from = end;
    }
    if segments.is_empty() {
        return Err(wrong(0, "there is no <seg>"));
    }
    Ok(segments)
}

/// Where the next `<seg ...>` begins.
fn next_segment(text: &str, from: usize) -> Option<usize> {
    let mut found = text[from..].match_indices("<seg").map(|(offset, _)| from + offset);
    found.find(|start| text[start + 4..].starts_with(|next: char| next == '>' || next.is_whitespace()))
}

/// With characters in the place of entities; what is none of them stays.
fn resolved(text: &str) -> String {
    const LONGEST: usize = 10;
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    plain.extend(pieces.next());
    for piece in pieces {
        let entity = piece.find(';').filter(|&end| end <= LONGEST).map(|end| (&piece[..end], &piece[end + 1..]));
        match entity.and_then(|(name, rest)| Some((character(name)?, rest))) {
            Some((character, rest)) => {
                plain.push(character);
                plain.push_str(rest);
            }
            None => {
                plain.push('&');
                plain.push_str(piece);
            }
        }
    }
    plain
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
