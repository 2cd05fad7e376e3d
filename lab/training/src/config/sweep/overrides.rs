//! The overrides in a sweep: single ones, and the axes of a grid.

use std::collections::BTreeSet;

use super::super::set::key_of;
use super::super::{ConfigError, Place, RunConfig};
use super::MOST;
use lookahead_settings::text::short;
use lookahead_settings::{Entry, Read, Table};

/// An override `KEY=VALUE` in the file of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The override.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// A key that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The key with its dots.
    pub key: String,
    /// Its values, as an override has them; each once.
    pub values: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// The most points of a grid.
const MOST_POINTS: usize = 4096;

impl Override {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        key_of(&self.text)
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        self.text.split_once('=').map_or("", |(_, value)| value.trim())
    }

    /// Changes the key; `part` says in an error which part of the sweep wants that, such as `group "SGD"`.
    ///
    /// # Errors
    /// [`ConfigError::InSweep`].
    pub fn apply(&self, config: &mut RunConfig, part: impl FnOnce() -> String) -> Result<(), ConfigError> {
        let named = |error| ConfigError::InSweep { place: self.place.clone(), part: part(), error: Box::new(error) };
        config.set(&self.text).map_err(named)
    }
}

/// The overrides under a key of a table.
pub(super) fn read(table: &Table<'_>, name: &str) -> Read<Vec<Override>> {
    let set = table.or(name, vec![], |e| {
        e.list(MOST, "strings", |e| {
            let own = Override { text: e.text("a string KEY=VALUE")?, place: e.place() };
            refuse_seed(e, own.key())?;
            Ok(own)
        })
    })?;
    let again = |(index, own): &(usize, &Override)| set[..*index].iter().any(|other| other.key() == own.key());
    match set.iter().enumerate().find(again) {
        None => Ok(set),
        Some((_, own)) => {
            let (place, key) = (own.place.clone(), short(own.key()));
            Err(ConfigError::Sweep { place, reason: format!("`{key}` is set twice in `{name}`, but must be once") })
        }
    }
}

/// The axes of a grid, as the text orders them.
pub(super) fn read_grid(grid: &Table<'_>) -> Read<Vec<Axis>> {
    let axis = |key: &str| {
        grid.required(key, |e| {
            refuse_seed(e, key)?;
            let values = e.some(MOST, "values", |e| e.literal())?;
            let spelt_alike: BTreeSet<String> = values.iter().map(|value| spelt_alike(value)).collect();
            if spelt_alike.len() < values.len() {
                return Err(e.refuse("a list with each value once"));
            }
            Ok(Axis { key: key.to_owned(), values, place: e.place() })
        })
    };
    let axes: Vec<Axis> = grid.keys().into_iter().map(axis).collect::<Read<_>>()?;
    let points = axes.iter().try_fold(1_usize, |points, axis| points.checked_mul(axis.values.len()));
    match points.filter(|&points| points <= MOST_POINTS) {
        Some(_) => Ok(axes),
        None => {
            let sides: Vec<String> = axes.iter().map(|axis| axis.values.len().to_string()).collect();
            let reason = format!("a grid of {} points; at most {MOST_POINTS} are accepted", sides.join(" x "));
            Err(ConfigError::Sweep { place: grid.place(), reason })
        }
    }
}

/// A literal in the one spelling of its value, where it is a number.
fn spelt_alike(literal: &str) -> String {
    match literal.parse() {
        Ok(toml::Value::Integer(number)) => number.to_string(),
        // Adding 0 turns -0 into 0.
        Ok(toml::Value::Float(number)) => (number + 0.0).to_string(),
        _ => literal.to_owned(),
    }
}

fn refuse_seed(entry: &Entry<'_>, key: &str) -> Read<()> {
    match key {
        "seed" => Err(entry.refuse("an override of another key than `seed`: the sweep gives each run its seed")),
        _ => Ok(()),
    }
}
