//! The folder of each run among TensorBoard's: what no file system minds, and people can read.

use std::collections::BTreeSet;

use super::super::{Group, Run};

/// The most bytes of panel and label in a name; file systems take 255.
const LONGEST: usize = 160;

/// The names so far, in lower case: some file systems tell no more apart.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The folder of a run: panel, label and seed, and what else it needs to be another than all before it.
    pub(super) fn of(&mut self, group: &Group, run: &Run) -> String {
        let seed = run.seed().map_or_else(|| run.id.clone(), |seed| format!("seed{seed}"));
        let words: Vec<&str> =
            [group.panel.as_str(), &group.label].into_iter().filter(|word| !word.is_empty()).collect();
        let words = plain(&words.join("-"));
        let first = format!("{words}-{seed}");
        let others = (2_u64..).map(|number| format!("{words}-{seed}-{}-{number}", run.id));
        let mut names = [first, format!("{words}-{seed}-{}", run.id)].into_iter().chain(others);
        // There are more names than runs.
        names.find(|name| self.0.insert(name.to_lowercase())).unwrap_or_default()
    }
}

/// The beginning of a text in letters that no file system minds.
fn plain(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.,=()+ ".contains(letter);
    let mut plain = String::new();
    for letter in text.chars().map(|letter| if is_plain(letter) { letter } else { '_' }) {
        if plain.len() + letter.len_utf8() > LONGEST {
            plain.push('…');
            break;
        }
        plain.push(letter);
    }
    // A name that begins with a dot is hidden; `..` would lead out of the folder.
    if plain.starts_with('.') {
        plain.replace_range(..1, "_")
    }
    plain
}
