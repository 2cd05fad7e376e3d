//! The rules that the groups of a comparison keep: checked where a sweep is read, and where a report reads its artifact.

use std::collections::{HashMap, HashSet};

use lookahead_settings::text::forbidden;

/// A group of a comparison, by its names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its panel; empty where there is one.
    pub panel: &'a str,
    /// Its label.
    pub label: &'a str,
    /// The label of its baseline.
    pub baseline: Option<&'a str>,
}

/// What is wrong with groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    NoGroup,
    /// The group of this place has a label or a panel with a letter that no page can show.
    Letter {
        /// Its place.
        group: usize,
        /// The letter.
        letter: char,
    },
    /// The group of this place has the label of an earlier one of its panel, white space aside.
    Repeated {
        /// Its place.
        group: usize,
    },
    /// The baseline of the group of this place is no other group of its panel; these labels are there.
    Baseline {
        /// Its place.
        group: usize,
        /// The labels that it could name.
        labels: Vec<String>,
    },
}

/// Whether two names look the same on a page, which shows one space for any white space.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Sees that there is a group, that each label stands once in its panel, white space aside, and that each baseline is
/// another group of it.
///
/// # Errors
/// The first [`Fault`].
pub fn check(groups: &[Named<'_>]) -> Result<(), Fault> {
    if groups.is_empty() {
        return Err(Fault::NoGroup);
    }
    let mut seen: HashSet<(&str, Vec<&str>)> = HashSet::new();
    let mut labels: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (place, group) in groups.iter().enumerate() {
        if let Some(letter) = forbidden(group.label).or_else(|| forbidden(group.panel)) {
            return Err(Fault::Letter { group: place, letter });
        }
        if !seen.insert((group.panel, group.label.split_whitespace().collect())) {
            return Err(Fault::Repeated { group: place });
        }
        labels.entry(group.panel).or_default().insert(group.label);
    }
    for (place, group) in groups.iter().enumerate() {
        let is_other = |baseline: &str| baseline != group.label && labels[group.panel].contains(baseline);
        if group.baseline.is_some_and(|baseline| !is_other(baseline)) {
            let others = groups.iter().filter(|other| other.panel == group.panel && other.label != group.label);
            let labels = others.map(|other| other.label.to_owned()).collect();
            return Err(Fault::Baseline { group: place, labels });
        }
    }
    Ok(())
}
