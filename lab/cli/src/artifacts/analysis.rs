//! What the artifacts of Sec. 3 share: the two files that describe each, overrides of the command line, findings.

use lookahead::SyncPeriod;
use lookahead_theory::figures::Claim;
use serde::Serialize;
use serde_json::Value;

use lookahead_report::analysis::{Finding, Outcome, PaperFigure};
use lookahead_runs::Scale;
use lookahead_runs::format::as_given;
use lookahead_settings::{
    ConfigError, Entry, Place, Preset, Read, Section, Table, overridden, read_document, reference,
};
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

    /// The parameters: what `read` makes of the file, made small by `shrink` for a smoke run, then overridden.
    pub fn config<C: Serialize>(
        &self,
        request: &Request,
        read: fn(&Table<'_>) -> Read<C>,
        shrink: impl Fn(&mut C),
    ) -> Result<C, Error> {
        if request.seeds.is_some() {
            let (artifact, option) = (self.artifact.to_owned(), "--seeds");
            let reason = "it is computed, and nothing in it is random";
            return Err(ConfigError::OptionNotTaken { artifact, option, reason }.into());
        }
        let mut config = read_document(self.config, &format!("experiments/{}/config.toml", self.artifact), read)?;
        if request.scale == Scale::Smoke {
            shrink(&mut config);
        }
        // Serialising fails only for what TOML lacks: none here.
        let defaults = toml::to_string(&config).unwrap_or_default();
        for text in &request.overrides {
            let complete = toml::to_string(&config).unwrap_or_default();
            config = overridden(&complete, &defaults, text, stays, read)?;
        }
        Ok(config)
    }

    /// The reference of its parameters: their defaults are those of the file.
    pub fn reference<C: Serialize>(&self, read: fn(&Table<'_>) -> Read<C>) -> Vec<Section> {
        let file: toml::Table = self.config.parse().unwrap_or_default();
        let mut base = vec![];
        flatten(&file, "", &mut base);
        let borrowed: Vec<(&str, &str)> = base.iter().map(|(path, literal)| (&**path, &**literal)).collect();
        let complete = |table: &Table<'_>| Ok(toml::to_string(&read(table)?).unwrap_or_default());
        let mut sections = reference(&borrowed, &[], &complete);
        for section in &mut sections {
            for key in &mut section.keys {
                let path = [&*section.table, &*key.name].join(".");
                let given = base.iter().find(|(other, _)| *other == path.trim_start_matches('.'));
                key.default = given.map_or(key.default.clone(), |(_, literal)| Preset::Value(literal.clone()));
            }
        }
        sections
    }

    fn syntax(&self, name: &str, error: &toml::de::Error) -> Error {
        let place = Place::File { file: format!("experiments/{}/{name}", self.artifact), line: 1, column: 1 };
        ConfigError::Syntax { place, message: error.to_string() }.into()
    }
}

/// Each key of a document by its path, with its literal.
fn flatten(table: &toml::Table, path: &str, keys: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let path = format!("{path}{key}");
        match value {
            toml::Value::Table(inner) => flatten(inner, &format!("{path}."), keys),
            other => keys.push((path, other.to_string())),
        }
    }
}

/// A number that one of the theory's constructors takes; its error says what is accepted.
pub(super) fn number<T>(entry: &Entry<'_>, make: impl FnOnce(f64) -> Result<T, lookahead_theory::Error>) -> Read<T> {
    // What is no number is in no range.
    let number = entry.number("", |_| true).unwrap_or(f64::NAN);
    make(number).map_err(|error| match error {
        lookahead_theory::Error::OutOfRange { accepted, .. } => entry.refuse(format!("a number {accepted}")),
        other => entry.refuse(format!("a number for which this holds: {other}")),
    })
}

/// A whole number from 1 to `most`.
pub(super) fn whole(entry: &Entry<'_>, most: u64) -> Read<usize> {
    let value = entry.whole(1..=most)?;
    usize::try_from(value).map_err(|_| entry.refuse(format!("at most {}", usize::MAX)))
}

/// The key `sync_period`.
pub(super) fn sync_period(table: &Table<'_>) -> Read<SyncPeriod> {
    table.required("sync_period", |e| {
        SyncPeriod::new(e.count()?.get()).map_err(|_| e.refuse("a whole number, at least 1"))
    })
}

/// Whether a key stays when the table around it becomes another by its kind.
fn stays(key: &str, kind: &str) -> bool {
    key == "dim" || (key == "condition_number" && kind != "harmonic")
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
    let config = serde_json::to_value(config).unwrap_or_default();
    let given = |key: &&str| {
        let value = key.split('.').try_fold(&config, |table, key| table.get(key)).filter(|value| !value.is_null())?;
        Some(format!("{prefix}{key}={}", cut(&shown(value))))
    };
    let text = keys.iter().filter_map(given).collect::<Vec<_>>().join(" ");
    ConfigError::OverrideRefused { text, reason: error.to_string() }.into()
}

/// A value as people write it, numbers without rows of zeros.
fn shown(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map(as_given).unwrap_or_default(),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", joined(values.iter().map(shown).collect())),
        Value::Object(table) => {
            let pair = |(key, value): (&String, &Value)| format!("{key} = {}", shown(value));
            format!("{{{}}}", joined(table.iter().filter(|(_, value)| !value.is_null()).map(pair).collect()))
        }
        Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
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
