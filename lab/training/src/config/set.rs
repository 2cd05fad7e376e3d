//! Overrides of single keys of a run.

use lookahead_settings::{ConfigError, overridden};

use super::RunConfig;

impl RunConfig {
    /// Changes one key, such as `optimizer.inner.momentum=0.8`; after an error nothing has changed.
    ///
    /// The value is TOML, but a string needs no quotes. A new `name` or `kind` puts what belongs to it to its defaults
    /// (the learning rate, limits on the data, its augmentation and optimizers inside stay); `alpha` and `adaptive`
    /// replace each other. Data of another kind put the model to the default of that kind.
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
        let changed = overridden(&self.to_toml(), "", text, stays, Self::from_table);
        *self = changed.or_else(|error| self.with_other_data(text).ok_or(error))?;
        Ok(())
    }

    /// The first of these overrides, made in this order, that the configuration is not as: another one undid it, such as
    /// `optimizer.name` after `optimizer.momentum`. The same key again, and one below a table, are meant.
    #[must_use]
    pub fn undone<'a>(&self, made: &[&'a str]) -> Option<&'a str> {
        let is_undone = |&(place, text): &(usize, &'a str)| {
            let (key, later) = (key_of(text), &made[place + 1..]);
            let below: Vec<&str> = later.iter().copied().filter(|other| is_below(key_of(other), key)).collect();
            let mut again = self.clone();
            let is_kept = match again.set(text) {
                Ok(()) => below.iter().any(|text| again.set(text).is_err()) || again == *self,
                Err(_) => !below.is_empty(),
            };
            !is_kept && !later.iter().any(|other| key_of(other) == key)
        };
        made.iter().copied().enumerate().find(is_undone).map(|(_, text)| text)
    }

    /// Refuses an override of these that another of them [undid](Self::undone).
    ///
    /// # Errors
    /// [`ConfigError::OverrideRefused`].
    pub fn check_made(&self, made: &[impl AsRef<str>]) -> Result<(), ConfigError> {
        let made: Vec<&str> = made.iter().map(AsRef::as_ref).collect();
        self.undone(&made).map_or(Ok(()), |text| {
            let reason = "has no effect: another key that is set after it undoes it".to_owned();
            Err(ConfigError::OverrideRefused { text: text.to_owned(), reason })
        })
    }

    /// The change, where it is one of the kind of data; without the model, which is of the kind before.
    fn with_other_data(&self, text: &str) -> Option<Self> {
        let key = key_of(text);
        if key != "data" && key != "data.name" {
            return None;
        }
        let mut table: toml::Table = self.to_toml().parse().ok()?;
        ["model", "decoding"].iter().for_each(|key| _ = table.remove(*key));
        overridden(&table.to_string(), "", text, stays, Self::from_table).ok()
    }
}

/// The key of an override.
pub(crate) fn key_of(text: &str) -> &str {
    text.split('=').next().unwrap_or_default().trim()
}

/// Whether a key is in the table of another one, at any depth.
pub(crate) fn is_below(key: &str, of: &str) -> bool {
    key.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a key stays when the table around it becomes another by its name or kind.
fn stays(key: &str, choice: &str) -> bool {
    match key {
        "learning_rate" | "warmup_steps" | "dir" | "train_limit" | "valid_limit" | "augmentation" => true,
        "inner" => !matches!(choice, "sgd" | "adam" | "adamw" | "adafactor"),
        _ => false,
    }
}
