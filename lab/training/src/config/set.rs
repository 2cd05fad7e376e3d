//! Overrides of single keys, as the command line's `--set KEY=VALUE` gives them.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::RunConfig;
use lookahead_settings::ConfigError;
use lookahead_settings::text::forbidden;
use lookahead_settings::{Source, Table};

impl RunConfig {
    /// Changes one key, such as `optimizer.inner.momentum=0.8`; after an error nothing has changed.
    ///
    /// The value is TOML, but a string needs no quotes. A new `name` or `kind` puts what belongs to it to its defaults
    /// (the learning rate, limits on the data, its augmentation and optimizers inside stay); `alpha` and `adaptive` replace each other.
    ///
    /// ```
    /// # use lookahead_training::config::RunConfig;
    /// # let text = "schedule.learning_rate = 0.1\noptimizer = { name = 'lookahead', inner.name = 'sgd' }";
    /// let mut config = RunConfig::parse(text, "run.toml")?;
    /// config.set("optimizer.inner.momentum=0.8")?;
    /// config.set("optimizer.inner.name=adamw")?;
    /// assert_eq!(config.optimizer.label(), "Lookahead(AdamW)");
    /// # Ok::<(), lookahead_settings::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`], as for a file.
    pub fn set(&mut self, text: &str) -> Result<(), ConfigError> {
        let malformed = || ConfigError::OverrideSyntax { text: text.to_owned() };
        let (path, value) = text.split_once('=').ok_or_else(malformed)?;
        let (path, value) = (path.trim(), value.trim());
        let keys: Vec<&str> = path.split('.').collect();
        let is_bare =
            |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if keys.len() > LONGEST_PATH || !keys.iter().all(is_bare) || forbidden(text).is_some() {
            return Err(malformed());
        }

        let complete = self.to_toml();
        let mut document = match DeTable::parse(&complete) {
            Ok(document) => document.into_inner(),
            Err(_) => return Err(malformed()),
        };
        let value = DeValue::parse(value).map_or_else(|_| DeValue::String(value.into()), Spanned::into_inner);
        replace(&mut document, &keys, value);
        *self = Self::from_table(&Table::root(Source::Override { text }, &document))?;
        Ok(())
    }
}

/// More dots than any key has.
const LONGEST_PATH: usize = 32;

/// Puts a value where `keys` lead, making the tables on the way that are not there.
fn replace<'i>(table: &mut DeTable<'i>, keys: &[&'i str], value: DeValue<'i>) {
    let [key, rest @ ..] = keys else { return };
    match *key {
        "adaptive" => drop(table.remove("alpha")),
        "alpha" => drop(table.remove("adaptive")),
        "name" | "kind" if rest.is_empty() => choose(table, key, &value),
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
    replace(&mut inner, rest, value);
    table.insert(unplaced(DeString::Borrowed(key)), unplaced(DeValue::Table(inner)));
}

/// Drops what belongs to the former `name` or `kind` of a table, if the new one is another.
fn choose(table: &mut DeTable<'_>, key: &str, value: &DeValue<'_>) {
    if table.get(key).is_some_and(|former| former.get_ref().as_str() == value.as_str()) {
        return;
    }
    let has_inner = key == "kind" || matches!(value.as_str(), Some("lookahead" | "averaged"));
    let stays = |name: &str| match name {
        "name" | "learning_rate" | "warmup_steps" | "dir" | "train_limit" | "valid_limit" | "augmentation" => true,
        "inner" => has_inner,
        _ => false,
    };
    *table = std::mem::take(table).into_iter().filter(|(name, _)| stays(name.get_ref())).collect();
}

/// A part of a document without a place in a text.
fn unplaced<T>(part: T) -> Spanned<T> {
    Spanned::new(0..0, part)
}
