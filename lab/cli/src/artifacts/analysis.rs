//! What the artifacts of Sec. 3 share: the two files that describe each, overrides of the command line, findings.

use lookahead_theory::figures::Claim;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use lookahead_report::analysis::{Finding, Outcome, PaperFigure};
use lookahead_runs::Scale;
use lookahead_runs::format::as_given;
use lookahead_settings::text::forbidden;
use lookahead_settings::{ConfigError, Place};
use lookahead_training::Error;
use lookahead_training::sweep::Request;

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

/// The most names of a dotted key: tables within tables within tables are nowhere deeper.
const MOST_NAMES: usize = 8;

/// The parameters with one `KEY=VALUE` changed. The value is TOML, but a string needs no quotes.
fn overridden<C: Serialize + DeserializeOwned>(config: &C, text: &str) -> Result<C, ConfigError> {
    let malformed = || ConfigError::OverrideSyntax { text: text.to_owned() };
    let refused = |reason: String| ConfigError::OverrideRefused { text: cut(text), reason };
    let (path, value) = text.split_once('=').ok_or_else(malformed)?;
    let (path, value) = (path.trim(), value.trim());
    if path.split('.').any(str::is_empty) || forbidden(text).is_some() {
        return Err(malformed());
    }
    if path.split('.').count() > MOST_NAMES {
        let (text, reason) = (cut(text), format!("a key has at most {MOST_NAMES} names with dots between them"));
        return Err(ConfigError::OverrideRefused { text, reason });
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

/// The keys of a configuration whose values an error of the library is about, by the library's name of each.
pub(super) type Keys = [(&'static str, &'static [&'static str])];

/// An error of the library as one about keys of the configuration, with their values. Keys begin with `prefix`.
pub(super) fn naming(keys: &Keys, prefix: &str, config: &impl Serialize, error: lookahead_theory::Error) -> Error {
    use lookahead_theory::Error as Refused;
    let subject = match &error {
        Refused::OutOfRange { name, .. } | Refused::ListedOutOfRange { name, .. } | Refused::Empty { name } => *name,
        Refused::TooMuchWork { what, .. } | Refused::NotFinite { what, .. } => *what,
        Refused::NoiseCount { .. } => "noise variance",
        Refused::StepsEndInsideCycle { .. } => "the number of steps",
        Refused::DistanceTooSmall { .. } => "the distance",
        _ => "",
    };
    let Some((_, keys)) = keys.iter().find(|(name, _)| *name == subject) else { return error.into() };
    let config = Table::try_from(config).map_or_else(|_| Value::Table(Table::new()), Value::Table);
    let given = |key: &&str| {
        let value = key.split('.').try_fold(&config, |table, key| table.get(key))?;
        Some(format!("{prefix}{key}={}", cut(&shown(value))))
    };
    let text = keys.iter().filter_map(given).collect::<Vec<_>>().join(" ");
    ConfigError::OverrideRefused { text, reason: error.to_string() }.into()
}

/// A value as people write it, numbers without rows of zeros.
fn shown(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Float(number) => as_given(*number),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", joined(values.iter().map(shown).collect())),
        Value::Table(table) => {
            let pair = |(key, value): (&String, &Value)| format!("{key} = {}", shown(value));
            format!("{{{}}}", joined(table.iter().map(pair).collect()))
        }
        Value::Integer(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    }
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
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
        holds: verdict.holds(),
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
