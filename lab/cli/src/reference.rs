//! The reference of every key of every configuration that the program takes: read off the code that reads them, with a
//! sentence for each.

use lookahead_settings::{Preset, Section, Table, reference};
use lookahead_training::config::{RunConfig, SweepConfig};
use serde::Serialize;

use crate::artifacts::{ARTIFACTS, Kind};

/// The sentences: for each kind of document by the key's path; where a choice by name makes another of it, that name
/// follows after a slash.
const WORDS: &str = include_str!("reference.toml");

/// A kind of document.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// What `lookahead config` calls it.
    pub name: &'static str,
    /// What it describes.
    pub describes: String,
    /// Its tables.
    pub tables: Vec<Described>,
}

/// A table with these keys.
#[derive(Debug, Clone, Serialize)]
pub struct Described {
    /// Its path from the root, such as `optimizer.adaptive`; empty for the top of the document.
    pub path: String,
    /// Whether there are several of it, one after another.
    pub is_list: bool,
    /// The choices that it has these keys for, such as `name = "sgd"`; none if it has them always.
    pub choices: Vec<String>,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// The key.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// What it accepts.
    pub accepted: String,
    /// Whether it has to be given.
    pub required: bool,
    /// Its default, as TOML; `None` if it has none.
    pub default: Option<String>,
}

/// Every kind of document.
#[must_use]
pub fn documents() -> Vec<Document> {
    let words: toml::Table = WORDS.parse().unwrap_or_default();
    let document = |name, describes: &str, sections: Vec<Section>| Document {
        name,
        describes: describes.to_owned(),
        tables: sections.iter().map(|section| described(&words, name, section)).collect(),
    };
    let analyses = ARTIFACTS.iter().filter_map(|entry| match entry.kind {
        Kind::Analysis(_, reference) => Some(document(entry.name, entry.shows, reference())),
        Kind::Training { .. } => None,
    });
    [document("run", "One run, for `lookahead train`; in a sweep the table `[run]`.", run())]
        .into_iter()
        .chain([document("sweep", "A sweep, for `lookahead run`.", sweep())])
        .chain(analyses)
        .collect()
}

fn run() -> Vec<Section> {
    let fillings =
        [("optimizer.inner.name", "\"sgd\""), ("schedule.learning_rate", "0.1"), ("workers.mode", "\"gradients\"")];
    reference(&[], &fillings, &|table| RunConfig::from_table(table).map(|config| config.to_toml()))
}

fn sweep() -> Vec<Section> {
    let base = [
        ("title", "\"A sweep\""),
        ("run", "{ optimizer.name = \"sgd\", schedule.learning_rate = 0.1 }"),
        ("panel", "[{ name = \"P\" }]"),
        ("group", "[{ label = \"A\", grid = { \"schedule.learning_rate\" = [0.1] } }]"),
        ("scale.small", "{}"),
    ];
    let complete = |table: &Table<'_>| SweepConfig::from_table(table, "").map(|sweep| format!("{sweep:?}"));
    let sections = reference(&base, &[], &complete);
    let is_elsewhere =
        |table: &str| matches!(table, "run" | "scale.smoke" | "scale.paper") || table.starts_with("run.");
    sections.into_iter().filter(|section| !is_elsewhere(&section.table)).collect()
}

/// A section with its sentences.
fn described(words: &toml::Table, document: &str, section: &Section) -> Described {
    // The scales have the same keys.
    let path = section.table.replace("scale.small", "scale.NAME");
    let (path, is_list) = path.strip_suffix("[0]").map_or((path.as_str(), false), |path| (path, true));
    let choice = |choice: &Vec<(String, String)>| {
        choice.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    };
    let names = || section.choices.iter().flatten().map(|(_, value)| value.trim_matches('"'));
    let key = |key: &lookahead_settings::Key| {
        let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
        Key {
            name: key.name.clone(),
            about: about(words, document, &path, names()).unwrap_or_default().to_owned(),
            accepted: in_short(&key.accepted),
            required: key.default == Preset::Required,
            default: match &key.default {
                Preset::Value(value) => Some(value.clone()),
                Preset::Required | Preset::Nothing => None,
            },
        }
    };
    Described {
        choices: section.choices.iter().map(choice).filter(|choice| !choice.is_empty()).collect(),
        keys: section.keys.iter().map(key).collect(),
        path: path.to_owned(),
        is_list,
    }
}

impl Described {
    /// Its header in a file, such as `[optimizer]`; empty for the top of the document.
    #[must_use]
    pub fn header(&self) -> String {
        match (self.path.as_str(), self.is_list) {
            ("", _) => String::new(),
            (path, true) => format!("[[{path}]]"),
            (path, false) => format!("[{path}]"),
        }
    }
}

/// The sentence about a key. The panels of Fig. 11 have the keys of Fig. 3.
fn about<'w>(
    words: &'w toml::Table,
    document: &str,
    path: &str,
    mut names: impl Iterator<Item = &'w str>,
) -> Option<&'w str> {
    let sentences = words.get(document)?;
    let sentence = |path: &str| sentences.get(path)?.as_str();
    let here = names.find_map(|name| sentence(&format!("{path}/{name}"))).or_else(|| sentence(path));
    here.or_else(|| {
        let (panel, of_panel) = path.split_once('.')?;
        matches!(panel, "a" | "b").then(|| about(words, "fig03_noisy_quadratic", of_panel, std::iter::empty()))?
    })
}

/// What is accepted, without the largest numbers that there are.
fn in_short(accepted: &str) -> String {
    accepted
        .replace(&format!(" to {}", u32::MAX), "")
        .replace(&format!(" to {}", u64::MAX), "")
        .replace("\" or \"", "\", \"")
}
