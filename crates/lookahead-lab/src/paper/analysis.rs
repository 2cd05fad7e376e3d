//! What the artifacts of Sec. 3 share: the two files that describe each, overrides of the command line, findings.

use lookahead_theory::figures::Claim;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Request, Scale};
use crate::Error;
use crate::config::{ConfigError, Place};
use crate::report::analysis::{Finding, Outcome, PaperFigure};

/// The files that describe an artifact.
pub(super) struct Files {
    /// Its name, and that of their folder.
    pub artifact: &'static str,
    /// The text of `config.toml`.
    pub config: &'static str,
    /// The text of `paper.toml`.
    pub paper: &'static str,
}

impl Files {
    /// What the paper says.
    pub fn paper(&self) -> Result<PaperFigure, Error> {
        toml::from_str(self.paper).map_err(|error| self.syntax("paper.toml", &error))
    }

    /// The parameters: those of the file, made small by `shrink` for a smoke run, then overridden.
    pub fn config<C: Serialize + DeserializeOwned>(
        &self,
        request: &Request,
        shrink: impl Fn(&mut C),
    ) -> Result<C, Error> {
        if request.seeds.is_some() {
            let (artifact, option) = (self.artifact.to_owned(), "--seeds");
            let reason = "it is computed, and nothing in it is random";
            return Err(ConfigError::OptionNotTaken { artifact, option, reason }.into());
        }
        let mut config: C = toml::from_str(self.config).map_err(|error| self.syntax("config.toml", &error))?;
        if request.scale == Scale::Smoke {
            shrink(&mut config);
        }
        for text in &request.overrides {
            config = overridden(&config, text)?;
        }
        Ok(config)
    }

    fn syntax(&self, name: &str, error: &toml::de::Error) -> Error {
        let place = Place::File { file: format!("experiments/{}/{name}", self.artifact), line: 1, column: 1 };
        ConfigError::Syntax { place, message: error.to_string() }.into()
    }
}

/// The parameters with one `KEY=VALUE` changed. The value is TOML, but a string needs no quotes.
fn overridden<C: Serialize + DeserializeOwned>(config: &C, text: &str) -> Result<C, ConfigError> {
    let malformed = || ConfigError::OverrideSyntax { text: text.to_owned() };
    let refused = |reason: String| ConfigError::OverrideRefused { text: text.to_owned(), reason };
    let (path, value) = text.split_once('=').ok_or_else(malformed)?;
    let (path, value) = (path.trim(), value.trim());
    if path.split('.').any(str::is_empty) {
        return Err(malformed());
    }
    let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
    let value = parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(value.to_owned()));

    let mut table = Table::try_from(config).map_err(|error| refused(error.to_string()))?;
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let mut place = &mut table;
    for name in tables.into_iter().flat_map(|tables| tables.split('.')) {
        let inner = place.entry(name).or_insert_with(|| Value::Table(Table::new()));
        if !inner.is_table() {
            // A choice by name can become a table, such as noise.constant=1.
            *inner = Value::Table(Table::new());
        }
        place = inner.as_table_mut().ok_or_else(malformed)?;
    }
    place.insert(key.to_owned(), value);
    table.try_into().map_err(|error: toml::de::Error| {
        let lines: Vec<String> = error.to_string().lines().map(|line| line.trim().to_owned()).collect();
        refused(lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", "))
    })
}

/// The finding about the claim `id` of the paper: its verdict counts points unless the caller knows better.
pub(super) fn finding(paper: &PaperFigure, id: &str, details: Vec<Claim>, evidence: String) -> Finding {
    let claim = paper.claim.iter().find(|claim| claim.id == id);
    let (says, place) = claim.map(|claim| (claim.says.clone(), claim.place.clone())).unwrap_or_default();
    let (count, n) = details.iter().fold((0, 0), |(count, n), claim| (count + claim.count, n + claim.of));
    let verdict = Outcome::of(count, n);
    Finding {
        id: id.to_owned(),
        says,
        place,
        setting: None,
        verdict,
        holds: verdict != Outcome::DoesNotHold,
        holds_everywhere: verdict == Outcome::Holds,
        count,
        n,
        evidence,
        details,
    }
}

/// The notes that every analysis of a request has.
pub(super) fn notes(request: &Request, smoke: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if request.scale == Scale::Smoke {
        notes.push(format!("Scale smoke: {smoke}, to see that everything works; no result."));
    }
    if !request.overrides.is_empty() {
        notes.push(format!("Changed on the command line: {}.", request.overrides.join(", ")));
    }
    notes
}
