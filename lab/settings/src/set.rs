//! Overrides of single keys, as the command line's `--set KEY=VALUE` gives them.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::text::forbidden;
use crate::{ConfigError, Read, Source, Table};

/// What `read` makes of the complete document after one key was changed, such as `optimizer.inner.momentum=0.8`.
///
/// The value is TOML, but a string needs no quotes. What a table lacks it takes from `defaults`, a document. A new `name` or `kind` puts what belongs to it to its defaults: of the
/// keys beside it only those stay for which `stays` holds, given the key and the new value. `alpha` and `adaptive` replace
/// each other.
///
/// # Errors
/// [`ConfigError`], as for a file; [`ConfigError::OverrideSyntax`].
pub fn overridden<T>(
    complete: &str,
    defaults: &str,
    text: &str,
    stays: impl Fn(&str, &str) -> bool,
    read: impl FnOnce(&Table<'_>) -> Read<T>,
) -> Read<T> {
    let malformed = || ConfigError::OverrideSyntax { text: text.to_owned() };
    let (path, value) = text.split_once('=').ok_or_else(malformed)?;
    let (path, value) = (path.trim(), value.trim());
    let keys: Vec<&str> = path.split('.').collect();
    let is_bare = |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if keys.len() > LONGEST_PATH || !keys.iter().all(is_bare) || forbidden(text).is_some() {
        return Err(malformed());
    }
    let document = |text| DeTable::parse(text).map(Spanned::into_inner).map_err(|_| malformed());
    let (mut document, defaults) = (document(complete)?, document(defaults)?);
    let mut value = DeValue::parse(value).map_or_else(|_| DeValue::String(value.into()), Spanned::into_inner);
    if let (DeValue::Table(given), Some(defaults)) = (&mut value, table_at(&defaults, &keys)) {
        complete_with(given, defaults, &stays);
    }
    replace(&mut document, &keys, value, &stays);
    read(&Table::root(Source::Override { text }, &document))
}

/// More dots than any key has.
const LONGEST_PATH: usize = 32;

/// The table where `keys` lead, if there is one.
fn table_at<'t, 'i>(table: &'t DeTable<'i>, keys: &[&str]) -> Option<&'t DeTable<'i>> {
    keys.iter().try_fold(table, |table, key| table.get(*key)?.get_ref().as_table())
}

/// Gives a table what it lacks; if its `name` or `kind` is not the default one, only what stays.
fn complete_with<'i>(given: &mut DeTable<'i>, defaults: &DeTable<'i>, stays: &impl Fn(&str, &str) -> bool) {
    let mut defaults = defaults.clone();
    for key in ["name", "kind"] {
        if let Some(choice) = given.get(key) {
            choose(&mut defaults, key, &choice.get_ref().clone(), stays);
        }
    }
    for (key, default) in defaults {
        match (given.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), default.get_ref()) {
            (Some(DeValue::Table(given)), DeValue::Table(default)) => complete_with(given, default, stays),
            (Some(_), _) => {}
            (None, _) => drop(given.insert(key, default)),
        }
    }
}

/// Puts a value where `keys` lead, making the tables on the way that are not there.
fn replace<'i>(table: &mut DeTable<'i>, keys: &[&'i str], value: DeValue<'i>, stays: &impl Fn(&str, &str) -> bool) {
    let [key, rest @ ..] = keys else { return };
    match *key {
        "adaptive" => drop(table.remove("alpha")),
        "alpha" => drop(table.remove("adaptive")),
        "name" | "kind" if rest.is_empty() => choose(table, key, &value, stays),
        _ => {}
    }
    if rest.is_empty() {
        table.insert(unplaced(DeString::Borrowed(key)), unplaced(value));
        return;
    }
    let mut inner = match table.remove(*key).map(Spanned::into_inner) {
        Some(DeValue::Table(inner)) => inner,
        _ => DeTable::new(),
    };
    replace(&mut inner, rest, value, stays);
    table.insert(unplaced(DeString::Borrowed(key)), unplaced(DeValue::Table(inner)));
}

/// Drops what belongs to the former `name` or `kind` of a table, if the new one is another.
fn choose(table: &mut DeTable<'_>, key: &str, value: &DeValue<'_>, stays: &impl Fn(&str, &str) -> bool) {
    if table.get(key).is_some_and(|former| former.get_ref().as_str() == value.as_str()) {
        return;
    }
    let value = value.as_str().unwrap_or_default();
    let kept = |name: &str| (key == "kind" && name == "name") || stays(name, value);
    *table = std::mem::take(table).into_iter().filter(|(name, _)| kept(name.get_ref())).collect();
}

/// A part of a document without a place in a text.
fn unplaced<T>(part: T) -> Spanned<T> {
    Spanned::new(0..0, part)
}
