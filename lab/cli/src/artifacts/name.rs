//! The name of a sweep of the user's own: it becomes that of a folder, beside those of the program's artifacts.

use super::ARTIFACTS;
use lookahead_settings::text::forbidden;

/// The names that something else has in an output folder.
const TAKEN: [&str; 4] = ["runs", "index.html", "screenshots", "advise"];

/// The most bytes of a name; file systems take 255, and a scale comes after it.
const LONGEST: usize = 200;

/// Whether a sweep may be called so; if not, why.
pub(super) fn check(name: &str) -> Result<(), String> {
    let lower = name.to_lowercase();
    let owner = ARTIFACTS.iter().map(|entry| entry.name).find(|own| is_of(&lower, own));
    if let Some(owner) = owner {
        return Err(format!("the folder {name:?} belongs to the artifact {owner}"));
    }
    if let Some(taken) = TAKEN.into_iter().find(|taken| lower == *taken) {
        return Err(format!("{taken:?} is something else in an output folder"));
    }
    let is_at_edge = |letter: char| letter == '.' || letter.is_whitespace();
    if name.is_empty() || name.starts_with(is_at_edge) || name.ends_with(is_at_edge) {
        return Err(format!("{name:?} is no name for a folder: it is empty, or begins or ends with a dot or a space"));
    }
    if name.len() > LONGEST {
        return Err(format!("its name has {} bytes, but that of a folder may have {LONGEST}", name.len()));
    }
    let is_wrong =
        |letter: char| "/\\:*?\"<>|\t\n\r".contains(letter) || forbidden(letter.encode_utf8(&mut [0; 4])).is_some();
    match name.chars().find(|&letter| is_wrong(letter)) {
        Some(letter) => Err(format!("{name:?} is no name for a folder: it has a {letter:?}")),
        None => Ok(()),
    }
}

/// Whether a folder's name is that of an artifact, of its tuning, or of one of them at another scale.
fn is_of(name: &str, artifact: &str) -> bool {
    let Some(rest) = name.strip_prefix(artifact) else { return false };
    let rest = rest.strip_prefix("_tuning").unwrap_or(rest);
    matches!(rest, "" | "_smoke" | "_small" | "_paper")
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_are_those_of_folders_of_their_own() {
        for name in
            ["lr", "my sweep", "lr.v2", "Größe 1", "quickstarts", "quickstart_2", "runs_2", "-x", &"a".repeat(200)]
        {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
        let long = "a".repeat(201);
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a.",
            " a",
            "a ",
            "a/b",
            "a\\b",
            "a\u{1b}b",
            "a\nb",
            "con:",
            "runs",
            "Runs",
            "index.html",
            "quickstart",
            "QUICKSTART",
            "quickstart_smoke",
            "quickstart_tuning",
            "quickstart_tuning_paper",
            &long,
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
