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

    /// The change, where it is one of the kind of data; without the model, which is of the kind before.
    fn with_other_data(&self, text: &str) -> Option<Self> {
        let key = text.split('=').next()?.trim();
        if key != "data" && key != "data.name" {
            return None;
        }
        let mut table: toml::Table = self.to_toml().parse().ok()?;
        ["model", "decoding"].iter().for_each(|key| _ = table.remove(*key));
        overridden(&table.to_string(), "", text, stays, Self::from_table).ok()
    }
}

/// Whether a key stays when the table around it becomes another by its name or kind.
fn stays(key: &str, choice: &str) -> bool {
    match key {
        "learning_rate" | "warmup_steps" | "dir" | "train_limit" | "valid_limit" | "augmentation" => true,
        "inner" => !matches!(choice, "sgd" | "adam" | "adamw" | "adafactor"),
        _ => false,
    }
}
