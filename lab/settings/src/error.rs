//! What can be wrong with a configuration: where it stands, what it says, and what is accepted instead.

use std::fmt;

use crate::Table;
use crate::text::short;

/// Where in a configuration something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file, as it was named to the reader.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The character within the line, from 1.
        column: usize,
    },
    /// In an override such as `epochs=5`.
    Override {
        /// The override.
        text: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Override { text } => write!(f, "override {:?}", short(text)),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not TOML.
    #[error("{place}: not valid TOML: {message}")]
    Syntax {
        /// Where reading stopped.
        place: Place,
        /// What stood there and what was expected.
        message: String,
    },
    /// A key that means nothing here.
    #[error("{place}: unknown key `{}`{}; accepted here: {}", short(key), did_you_mean(*nearest), accepted.join(", "))]
    UnknownKey {
        /// Where the key stands.
        place: Place,
        /// The key with its full path.
        key: String,
        /// The accepted key closest to it, if one is close.
        nearest: Option<&'static str>,
        /// Every key accepted in this table.
        accepted: &'static [&'static str],
    },
    /// A value of the wrong type or outside its range.
    #[error("{place}: `{}` is {value}, but must be {accepted}{}", short(key), did_you_mean(*nearest))]
    WrongValue {
        /// Where the value stands.
        place: Place,
        /// The key with its full path.
        key: String,
        /// What was given.
        value: Box<str>,
        /// What would have been accepted.
        accepted: Box<str>,
        /// For a choice among names, the one closest to what was given, if one is close.
        nearest: Option<&'static str>,
    },
    /// A key without a default was not given.
    #[error("{file}: `{}` is missing; it has no default", short(key))]
    MissingKey {
        /// The file.
        file: String,
        /// The key with its full path.
        key: String,
    },
    /// Two keys that exclude each other were both given.
    #[error("{place}: `{key}` cannot be given together with `{other}`")]
    Conflict {
        /// Where the first of them stands.
        place: Place,
        /// One key with its full path.
        key: String,
        /// The other key with its full path.
        other: String,
    },
    /// Optimizers are nested too deeply.
    #[error("{place}: `{key}` is the optimizer number {} from the outside; at most {limit} can be nested", limit + 1)]
    TooDeep {
        /// Where the first optimizer over the limit stands.
        place: Place,
        /// Its key with the full path.
        key: String,
        /// How many can be nested.
        limit: usize,
    },
    /// An override of something that an artifact sets itself.
    #[error(
        "override {:?}: `{key}` is what the artifact itself sets; `lookahead train` takes any configuration",
        short(text)
    )]
    FixedKey {
        /// The override.
        text: String,
        /// The key, or the table around it.
        key: String,
    },
    /// An override of an analysis that gives it a key or a value it does not take.
    #[error("override {:?}: {reason}", short(text))]
    OverrideRefused {
        /// The override.
        text: String,
        /// What is wrong with it, and what is accepted.
        reason: String,
    },
    /// An option of the command line that an artifact does not take.
    #[error("{artifact} takes no {option}: {reason}")]
    OptionNotTaken {
        /// The artifact.
        artifact: String,
        /// The option.
        option: &'static str,
        /// Why, and what is accepted.
        reason: &'static str,
    },
    /// An override that does not have the form `KEY=VALUE`.
    #[error("override {:?}: expected KEY=VALUE with a dotted key, such as optimizer.alpha=0.8", short(text))]
    OverrideSyntax {
        /// The override.
        text: String,
    },
    /// What a part of a sweep sets makes no valid configuration.
    #[error("{place}: {part}: {error}")]
    InSweep {
        /// Where the override stands.
        place: Place,
        /// The part: `group "SGD"`, `panel "CIFAR-10"` or `scale smoke`.
        part: String,
        /// What is wrong.
        error: Box<ConfigError>,
    },
    /// A document of another kind than was expected.
    #[error("{error}; {instead}")]
    OtherDocument {
        /// What is wrong with it as one of the expected kind.
        error: Box<ConfigError>,
        /// Of which kind it is, and what takes it.
        instead: &'static str,
    },
    /// A name of which there is no reference.
    #[error("no document, table or key is called {name:?}{}; `lookahead config` prints them all", did_you_mean(nearest.as_deref()))]
    UnknownTopic {
        /// The name.
        name: String,
        /// The one closest to it, if one is close.
        nearest: Option<String>,
    },
    /// Two parts of a sweep that contradict each other, or a part that has no effect.
    #[error("{place}: {reason}")]
    Sweep {
        /// Where it stands.
        place: Place,
        /// What is wrong, and what is accepted.
        reason: String,
    },
    /// What a sweep asks for at a scale cannot be run, or not be reported.
    #[error("{sweep}: {reason}")]
    Plan {
        /// The sweep's file.
        sweep: String,
        /// What is wrong, and what is accepted.
        reason: String,
    },
    /// A report would go where it must not.
    #[error("{}: {reason}", short(file))]
    Folder {
        /// The sweep's file, or the artifact.
        file: String,
        /// What is wrong, and the way out.
        reason: String,
    },
}

impl ConfigError {
    /// The error of a root table, where one of its keys is a key of another kind of document only: it says `instead`.
    #[must_use]
    pub fn or_of_another_document(self, root: &Table<'_>, keys: &[&str], instead: &'static str) -> Self {
        match root.keys().iter().any(|key| keys.contains(key)) {
            true => Self::OtherDocument { error: Box::new(self), instead },
            false => self,
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// The candidate most like `given`, if it is like it enough to be what was meant.
pub fn nearest<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const ALIKE: f64 = 0.7;
    let likeness = |name: &'c str| (strsim::jaro_winkler(given, name), name);
    let best = candidates.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > ALIKE).then_some(best.1)
}
