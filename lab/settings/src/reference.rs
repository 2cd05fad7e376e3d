//! The reference of a configuration, found by reading: what the code that reads a document asks for, key by key.

use std::collections::{BTreeSet, VecDeque};

use toml::Value;

use crate::reader::{A_TABLE, read_surveyed};
pub use crate::survey::Preset;
use crate::survey::{Asked, Notes, Survey};
use crate::{ConfigError, Read, Table};

/// The keys of a table, where that depends on it for one of its choices by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The table's path from the root; empty for the root.
    pub table: String,
    /// What makes the table have these keys: `name` or `kind` with a value, of each choice that has the same ones.
    pub choices: Vec<Vec<(String, String)>>,
    /// Its keys, as an error lists them.
    pub keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// What it accepts.
    pub accepted: String,
    /// What it is if it is not given.
    pub default: Preset,
}

/// Reads documents to learn which keys there are.
struct Explorer<'r> {
    read: &'r dyn Fn(&Table<'_>) -> Read<String>,
    fillings: &'r [(&'r str, &'r str)],
    /// What was tried.
    tried: BTreeSet<String>,
    sections: Vec<(Section, &'static [&'static str])>,
}

/// A document: paths of keys and their literals. What is added comes last, so that the places of the others stay.
type Document = Vec<(String, String)>;

/// The sections of all documents that `read` takes; it gives back the complete document as TOML, or another text that is
/// the same for the same configuration alone.
///
/// It begins with `base`, keys with their literals, and tries every choice by `name` or `kind` and every optional table
/// once. Where a key is required, it takes the literal of `fillings`, or makes one up.
pub fn reference(
    base: &[(&str, &str)],
    fillings: &[(&str, &str)],
    read: &dyn Fn(&Table<'_>) -> Read<String>,
) -> Vec<Section> {
    let owned = |&(path, literal): &(&str, &str)| (path.to_owned(), literal.to_owned());
    let mut explorer = Explorer { read, fillings, tried: BTreeSet::new(), sections: vec![] };
    let mut documents = VecDeque::from([base.iter().map(owned).collect::<Document>()]);
    while let Some(document) = documents.pop_front() {
        documents.extend(explorer.explore(document));
    }
    explorer.finish()
}

impl Explorer<'_> {
    /// Notes the keys of one document; the documents to try next.
    fn explore(&mut self, given: Document) -> Vec<Document> {
        let (document, notes, complete) = self.ask_filled(given.clone());
        let values: Option<toml::Table> = complete.as_deref().ok().and_then(|text| text.parse().ok());
        let mut next = vec![];
        for (table, keys) in notes.accepts.iter().filter(|(table, _)| !is_nested(&notes, table)) {
            let Some(choices) = choices_of(&notes, table, &document, values.as_ref()) else { continue };
            let mut section = Section { table: table.clone(), choices: vec![choices], keys: vec![] };
            for name in *keys {
                let path = join(table, name);
                let Some(asked) = notes.asked.iter().find(|asked| asked.path == path) else {
                    if self.tried.insert(format!("{path} {:?}", section.choices)) && get(&document, &path).is_none() {
                        next.push(with(&given, &path, "{}"));
                    }
                    continue;
                };
                let names = quoted(&asked.accepted);
                for choice in names.iter().flatten().filter(|_| is_choice(name)) {
                    if self.tried.insert(format!("{path} = {choice}")) {
                        next.push(with(&chosen_anew(&given, table), &path, choice));
                    }
                }
                let default = match get(&given, &path) {
                    Some("{}") => Preset::Nothing,
                    _ if is_choice(name) => self.default_of(&without(&chosen_anew(&document, table), &path), asked),
                    _ => self.default_of(&without(&document, &path), asked),
                };
                let default = as_toml(default, asked);
                let accepted = match is_nested(&notes, &path) {
                    true => format!("a table such as [{table}] itself"),
                    false => asked.accepted.clone(),
                };
                section.keys.push(Key { name: (*name).to_owned(), accepted, default });
            }
            self.add(section, keys);
        }
        next
    }

    /// What is asked of a document, and the complete document.
    fn ask(&self, document: &Document) -> (Notes, Read<String>) {
        let lines: Vec<String> = document.iter().map(|(path, literal)| format!("{path} = {literal}")).collect();
        let survey = Survey::new();
        let complete = read_surveyed(&lines.join("\n"), "", Some(&survey), |table| (self.read)(table));
        (survey.into_notes(), complete)
    }

    /// As [`ask`](Self::ask), with what the document lacks.
    fn ask_filled(&self, mut document: Document) -> (Document, Notes, Read<String>) {
        loop {
            let (notes, complete) = self.ask(&document);
            let Err(ConfigError::MissingKey { key, .. }) = &complete else { return (document, notes, complete) };
            let filling = self.fillings.iter().find(|(path, _)| path == key).map(|(_, literal)| (*literal).to_owned());
            let asked = notes.asked.iter().find(|asked| asked.path == *key);
            match filling.or_else(|| asked.map(|asked| made_up(&asked.accepted))) {
                Some(literal) if get(&document, key).is_none() => {
                    // A table written `{}` takes no keys on lines of their own.
                    document.retain(|(path, literal)| literal != "{}" || !key.starts_with(&join(path, "")));
                    document.push((key.clone(), literal));
                }
                _ => return (document, notes, complete),
            }
        }
    }

    /// The default of a key: what the complete document has, or the choice that changes nothing, or what the code says.
    fn default_of(&self, document: &Document, asked: &Asked) -> Preset {
        let (document, _, complete) = self.ask_filled(document.clone());
        let choices = match asked.accepted.as_str() {
            "true or false" => Some(vec!["false".to_owned(), "true".to_owned()]),
            accepted => quoted(accepted),
        };
        let complete = match (&asked.default, complete, &choices) {
            (Preset::Required, ..) => return Preset::Required,
            (_, Ok(complete), _) => complete,
            (default, Err(_), None) => return default.clone(),
            (_, Err(_), Some(_)) => return Preset::Nothing,
        };
        if let Some(value) = complete.parse().ok().and_then(|values| lookup(&values, &asked.path).map(literal)) {
            return Preset::Value(value);
        }
        let is_same =
            |choice: &String| self.ask(&with(&document, &asked.path, choice)).1.is_ok_and(|other| other == complete);
        match choices {
            Some(choices) => choices.into_iter().find(is_same).map_or(Preset::Nothing, Preset::Value),
            None => asked.default.clone(),
        }
    }

    fn add(&mut self, section: Section, order: &'static [&'static str]) {
        let is_same = |(known, _): &&mut (Section, _)| known.table == section.table && known.choices == section.choices;
        match self.sections.iter_mut().find(is_same) {
            None => self.sections.push((section, order)),
            Some((known, _)) => {
                for key in section.keys {
                    if known.keys.iter().all(|other| other.name != key.name) {
                        known.keys.push(key);
                    }
                }
            }
        }
    }

    /// The sections, the keys of each in order, those with the same keys joined, table by table.
    fn finish(self) -> Vec<Section> {
        let mut joined: Vec<Section> = vec![];
        for (mut section, order) in self.sections {
            section.keys.sort_by_key(|key| order.iter().position(|name| *name == key.name));
            match joined.iter_mut().find(|known| known.table == section.table && known.keys == section.keys) {
                Some(known) => known.choices.append(&mut section.choices),
                None => joined.push(section),
            }
        }
        let tables: Vec<String> = joined.iter().map(|section| section.table.clone()).collect();
        joined.sort_by_key(|section| {
            let first = section.table.split('.').next().unwrap_or_default().to_owned();
            tables.iter().position(|table| *table == first)
        });
        joined
    }
}

/// Whether a key by this name chooses what else its table has.
fn is_choice(name: &str) -> bool {
    matches!(name, "name" | "kind")
}

/// Whether a table lies within one with the same choices: an optimizer within an optimizer.
fn is_nested(notes: &Notes, table: &str) -> bool {
    let names = |table: &str| {
        let path = join(table, "name");
        notes.asked.iter().find(|asked| asked.path == path).and_then(|asked| quoted(&asked.accepted))
    };
    let around = |(end, _): (usize, &str)| names(&table[..end]);
    table.match_indices('.').any(|end| around(end).is_some_and(|outer| Some(outer) == names(table)))
}

/// The choices by name that a table has in a document; `None` if one of them cannot be told.
fn choices_of(
    notes: &Notes,
    table: &str,
    document: &Document,
    values: Option<&toml::Table>,
) -> Option<Vec<(String, String)>> {
    let is_asked = |key: &&str| {
        let path = join(table, key);
        notes.asked.iter().any(|asked| asked.path == path && quoted(&asked.accepted).is_some())
    };
    let choice = |key: &str| {
        let path = join(table, key);
        let complete = || values.and_then(|values| lookup(values, &path)).map(literal);
        Some((key.to_owned(), get(document, &path).map(str::to_owned).or_else(complete)?))
    };
    ["name", "kind"].into_iter().filter(is_asked).map(choice).collect()
}

/// The names that a key accepts, in quotes, if it accepts names alone.
fn quoted(accepted: &str) -> Option<Vec<String>> {
    let is_name = |text: &str| text.len() > 2 && text.starts_with('"') && text.ends_with('"') && !text.contains(' ');
    accepted.split(" or ").map(|text| is_name(text).then(|| text.to_owned())).collect()
}

/// A literal that a key is likely to accept.
fn made_up(accepted: &str) -> String {
    let number = |text: &str| text.split_whitespace().next().map(str::to_owned);
    if let Some(names) = quoted(accepted) {
        return names[0].clone();
    }
    match accepted.strip_prefix("a whole number from ") {
        Some(range) => number(range).unwrap_or_default(),
        None if accepted.starts_with("a number") => "0.5".to_owned(),
        None if accepted.starts_with("a list") => "[]".to_owned(),
        None => "\"x\"".to_owned(),
    }
}

fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// A default that a document can have; those of a table's keys stand with them.
fn as_toml(default: Preset, asked: &Asked) -> Preset {
    match default {
        Preset::Value(_) if asked.accepted == A_TABLE => Preset::Nothing,
        Preset::Value(value) if format!("key = {value}").parse::<toml::Table>().is_err() => Preset::Nothing,
        default => default,
    }
}

fn get<'d>(document: &'d Document, path: &str) -> Option<&'d str> {
    document.iter().find(|(key, _)| key == path).map(|(_, literal)| literal.as_str())
}

/// A document with one more key. What stood below it goes, and an empty table around it.
fn with(document: &Document, path: &str, literal: &str) -> Document {
    let is_empty_around = |key: &str, literal: &str| literal == "{}" && path.starts_with(&format!("{key}."));
    let mut document = without(document, path);
    document.retain(|(key, literal)| !is_empty_around(key, literal));
    document.push((path.to_owned(), literal.to_owned()));
    document
}

/// A document without a key and what is below it.
fn without(document: &Document, path: &str) -> Document {
    let below = format!("{path}.");
    document.iter().filter(|(key, _)| key != path && !key.starts_with(&below)).cloned().collect()
}

/// A document without what a choice of a table decides about.
fn chosen_anew(document: &Document, table: &str) -> Document {
    let is_beside = |key: &str| key.rsplit_once('.').is_some_and(|(around, last)| around == table && last != "name");
    document.iter().filter(|(key, _)| !is_beside(key)).cloned().collect()
}

fn lookup<'v>(values: &'v toml::Table, path: &str) -> Option<&'v Value> {
    let mut names = path.split('.');
    let first = values.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn literal(value: &Value) -> String {
    value.to_string()
}
