//! Reads a parsed TOML document key by key, so that every error can say where the key stands and what it accepts.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{ConfigError, Place, nearest};
use crate::source::Source;
use crate::survey::{Preset, Survey};
use crate::text::forbidden;

/// What `read` makes of a document; `file` names it in errors.
pub fn read_document<T>(text: &str, file: &str, read: impl FnOnce(&Table<'_>) -> Read<T>) -> Read<T> {
    read_surveyed(text, file, None, read)
}

/// As [`read_document`]; what is asked of the document is noted.
pub(crate) fn read_surveyed<T>(
    text: &str,
    file: &str,
    survey: Option<&Survey>,
    read: impl FnOnce(&Table<'_>) -> Read<T>,
) -> Read<T> {
    let source = Source::File { name: file, text };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        place: source.place(&error.span().unwrap_or(text.len()..text.len())),
        message: error.message().to_owned(),
    })?;
    read(&Table { survey, ..Table::root(source, document.get_ref()) })
}

/// A table and its path from the root (empty for the root itself). A table that is not there reads as an empty one.
#[derive(Debug, Clone)]
pub struct Table<'s> {
    source: Source<'s>,
    path: String,
    key_span: Range<usize>,
    entries: Option<&'s DeTable<'s>>,
    survey: Option<&'s Survey>,
}

impl<'s> Table<'s> {
    /// A whole document.
    #[must_use]
    pub fn root(source: Source<'s>, entries: &'s DeTable<'s>) -> Self {
        Self { source, path: String::new(), key_span: 0..0, entries: Some(entries), survey: None }
    }

    /// The full path of one of its keys.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Refuses every key that is not one of `accepted`; the first in the text is reported.
    pub fn accept(&self, accepted: &'static [&'static str]) -> Result<(), ConfigError> {
        if let Some(survey) = self.survey {
            survey.accepts(&self.path, accepted);
        }
        let unknown =
            self.entries.into_iter().flat_map(DeTable::keys).filter(|key| !accepted.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => Err(ConfigError::UnknownKey {
                place: self.source.place(&key.span()),
                key: self.path_of(key.get_ref()),
                nearest: nearest(key.get_ref(), accepted.iter().copied()),
                accepted,
            }),
            None => Ok(()),
        }
    }

    /// What a key has.
    pub fn get(&self, key: &str) -> Option<Entry<'s>> {
        let (name, value) = self.entries?.get_key_value(key)?;
        let (value, span) = (value.get_ref(), value.span());
        Some(Entry { source: self.source, path: self.path_of(key), name: Some(name), value, span, survey: self.survey })
    }

    /// Its keys, as the text orders them.
    pub fn keys(&self) -> Vec<&'s str> {
        let mut keys: Vec<_> = self.entries.into_iter().flat_map(DeTable::keys).collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter().map(|key| key.get_ref().as_ref()).collect()
    }

    /// The table under a key.
    pub fn table(&self, key: &str) -> Read<Self> {
        if let Some(survey) = self.survey {
            survey.asks(&self.path_of(key), A_TABLE, Preset::Nothing);
        }
        match self.get(key) {
            Some(entry) => entry.table(),
            None => Ok(Self { path: self.path_of(key), entries: None, ..self.clone() }),
        }
    }

    /// Where the table's key stands; for a table that is not there, where that of the table around it stands.
    pub fn place(&self) -> Place {
        self.source.place(&self.key_span)
    }

    /// Its path from the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The error that refuses a value which one of the keys has, be it given or the default.
    pub fn refuse(&self, key: &str, value: impl ToString, accepted: String) -> ConfigError {
        let place = self.get(key).map_or_else(|| self.place(), |entry| entry.place());
        let (value, accepted) = (value.to_string().into(), accepted.into());
        ConfigError::WrongValue { place, key: self.path_of(key), value, accepted, nearest: None }
    }

    /// What `read` makes of a key, if the key is there.
    pub fn optional<T>(&self, key: &str, read: impl Fn(&Entry<'s>) -> Read<T>) -> Read<Option<T>> {
        self.ask(key, &read, || Preset::Nothing);
        self.get(key).map(|entry| read(&entry)).transpose()
    }

    /// What `read` makes of a key, or its default.
    pub fn or<T: Debug>(&self, key: &str, default: T, read: impl Fn(&Entry<'s>) -> Read<T>) -> Read<T> {
        self.ask(key, &read, || Preset::Value(format!("{default:?}")));
        self.get(key).map_or(Ok(default), |entry| read(&entry))
    }

    /// What `read` makes of a key that has to be there.
    pub fn required<T>(&self, key: &str, read: impl Fn(&Entry<'s>) -> Read<T>) -> Read<T> {
        self.ask(key, &read, || Preset::Required);
        let missing = || ConfigError::MissingKey { file: self.source.name(), key: self.path_of(key) };
        self.get(key).ok_or_else(missing).and_then(|entry| read(&entry))
    }

    /// Notes what `read` accepts of a key: what it says when it is given what nothing accepts.
    fn ask<T>(&self, key: &str, read: &impl Fn(&Entry<'s>) -> Read<T>, default: impl Fn() -> Preset) {
        let Some(survey) = self.survey else { return };
        let (source, path) = (self.source, self.path_of(key));
        let entry = Entry { source, path, name: None, value: survey.unacceptable(), span: 0..0, survey: self.survey };
        if let Err(ConfigError::WrongValue { accepted, .. }) = read(&entry) {
            survey.asks(&entry.path, &accepted, default());
        }
    }
}

/// What a key accepts that has keys of its own.
pub(crate) const A_TABLE: &str = "a table";

/// What reading a key gives.
pub type Read<T> = Result<T, ConfigError>;

/// The names a key accepts, each with the function that reads the rest of its table.
pub type Choices<T, const N: usize> = [(&'static str, fn(&Table<'_>) -> Read<T>); N];

/// A value with its key's full path. An element of a list has no key of its own.
#[derive(Debug, Clone)]
pub struct Entry<'s> {
    source: Source<'s>,
    path: String,
    name: Option<&'s Spanned<DeString<'s>>>,
    value: &'s DeValue<'s>,
    span: Range<usize>,
    survey: Option<&'s Survey>,
}

impl<'s> Entry<'s> {
    /// Its path from the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn key_span(&self) -> Range<usize> {
        self.name.map_or(self.span.clone(), Spanned::span)
    }

    /// Where the key stands; for an element of a list, where the value stands.
    pub fn place(&self) -> Place {
        self.source.place(&self.key_span())
    }

    /// The error that refuses this value.
    pub fn refuse(&self, accepted: impl Into<Box<str>>) -> ConfigError {
        ConfigError::WrongValue {
            place: self.source.place(&self.span),
            key: self.path.clone(),
            value: shown(self.value).into(),
            accepted: accepted.into(),
            nearest: None,
        }
    }

    /// The table that this value is.
    pub fn table(&self) -> Read<Table<'s>> {
        let entries = Some(self.value.as_table().ok_or_else(|| self.refuse(A_TABLE))?);
        let (source, path, survey) = (self.source, self.path.clone(), self.survey);
        Ok(Table { source, key_span: self.key_span(), path, entries, survey })
    }

    /// A number, a string or a flag as it is written in an override.
    pub fn literal(&self) -> Read<String> {
        match self.value {
            DeValue::String(text) => Ok(toml::Value::from(text.as_ref()).to_string()),
            DeValue::Float(_) | DeValue::Integer(_) | DeValue::Boolean(_) => Ok(shown(self.value)),
            _ => Err(self.refuse("a number, a string or true or false")),
        }
    }

    /// True or false.
    pub fn flag(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.refuse("true or false"))
    }

    /// A text; `accepted` says which.
    pub fn text(&self, accepted: &str) -> Read<String> {
        self.text_of(LONGEST_TEXT, accepted)
    }

    /// A text for people, which reports show; `what` names it.
    pub fn prose(&self, what: &str, longest: usize) -> Read<String> {
        let text = self.text_of(longest, what)?;
        match forbidden(&text) {
            None if text.trim().is_empty() => Err(self.refuse(format!("{what} with letters in it"))),
            None => Ok(text),
            Some(letter) => {
                let code = u32::from(letter);
                Err(self.refuse(format!("{what}, without control characters such as the U+{code:04X} in it")))
            }
        }
    }

    /// A label or another name that reports show.
    pub fn name(&self) -> Read<String> {
        self.prose("a name, as a string", LONGEST_NAME)
    }

    fn text_of(&self, longest: usize, accepted: &str) -> Read<String> {
        let text = self.value.as_str().ok_or_else(|| self.refuse(accepted))?;
        match text.chars().nth(longest) {
            None => Ok(text.to_owned()),
            Some(_) => Err(self.refuse(format!("{accepted}, of at most {longest} letters"))),
        }
    }

    /// A whole number of a range.
    pub fn whole(&self, range: RangeInclusive<u64>) -> Read<u64> {
        let digits = self.value.as_integer().and_then(|i| u64::from_str_radix(i.as_str(), i.radix()).ok());
        digits.filter(|value| range.contains(value)).ok_or_else(|| {
            let (min, max) = range.into_inner();
            self.refuse(format!("a whole number from {min} to {max}"))
        })
    }

    /// A whole number from 1.
    pub fn count(&self) -> Read<NonZeroU32> {
        self.count_to(u32::MAX)
    }

    /// A whole number from 1 to `max`.
    pub fn count_to(&self, max: u32) -> Read<NonZeroU32> {
        self.count_within(1..=max)
    }

    /// A whole number from `min`, which is 1 at least.
    pub fn count_from(&self, min: u32) -> Read<NonZeroU32> {
        self.count_within(min..=u32::MAX)
    }

    fn count_within(&self, range: RangeInclusive<u32>) -> Read<NonZeroU32> {
        let (min, max) = range.into_inner();
        let value = self.whole(min.into()..=max.into())?;
        let value = u32::try_from(value).ok().and_then(NonZeroU32::new);
        value.ok_or_else(|| self.refuse(format!("a whole number from {min} to {max}")))
    }

    /// A number, whole or not, for which `ok` holds; `accepted` puts `ok` in words.
    pub fn number(&self, accepted: &str, ok: impl FnOnce(f64) -> bool) -> Read<f64> {
        let number = match self.value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => None,
        };
        // Adding 0 turns -0 into 0, so that both give the same run.
        let number = number.map(|number: f64| number + 0.0);
        number.filter(|&number| ok(number)).ok_or_else(|| self.refuse(format!("a number {accepted}")))
    }

    /// A number that one of the core's constructors takes; the core's error says what is accepted.
    pub fn hyperparameter<T>(&self, make: impl FnOnce(f64) -> Result<T, lookahead::Error>) -> Read<T> {
        // What is no number is in no range.
        let number = self.number("", |_| true).unwrap_or(f64::NAN);
        make(number).map_err(|error| match error {
            lookahead::Error::OutOfRange { accepted, .. } => self.refuse(format!("a number {accepted}")),
            other => self.refuse(format!("a number for which this holds: {other}")),
        })
    }

    /// A number that one of the core's constructors takes, as it is.
    pub fn checked<T>(&self, make: impl FnOnce(f64) -> Result<T, lookahead::Error>) -> Read<f64> {
        self.hyperparameter(|number| make(number).map(|_| number))
    }

    /// One of some names, and what it stands for.
    pub fn one_of<T: Copy>(&self, choices: &[(&'static str, T)]) -> Read<T> {
        let given = self.value.as_str();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| given == Some(name)) {
            return Ok(*choice);
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        let mut error = self.refuse(names.join(" or "));
        // With one choice, a hint would only repeat it.
        if let (ConfigError::WrongValue { nearest: hint, .. }, [_, _, ..]) = (&mut error, choices) {
            *hint = given.and_then(|given| nearest(given, choices.iter().map(|&(name, _)| name)));
        }
        Err(error)
    }

    /// As [`Entry::list`], of one element at least.
    pub fn some<T>(&self, longest: usize, what: &str, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        match self.value.as_array() {
            Some(elements) if !elements.is_empty() && elements.len() <= longest => self.list(longest, what, read),
            _ => Err(self.refuse(format!("a list of 1 to {longest} {what}{}", self.each(&read)))),
        }
    }

    /// As [`Entry::some`], each value once.
    pub fn different<T: PartialEq>(&self, longest: usize, what: &str, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        let values = self.some(longest, what, read)?;
        let repeated = (1..values.len()).find(|&index| values[..index].contains(&values[index]));
        let refused = repeated.and_then(|index| self.elements()?.nth(index));
        refused.map_or(Ok(values), |element| Err(element.refuse("another value than those before it: each once")))
    }

    /// A list of at most `longest` elements; `what` names them in the plural.
    pub fn list<T>(&self, longest: usize, what: &str, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        let elements = self.elements().filter(|elements| elements.len() <= longest);
        let each = || self.each(&read);
        let elements = elements.ok_or_else(|| self.refuse(format!("a list of at most {longest} {what}{}", each())))?;
        elements.map(|element| read(&element)).collect()
    }

    /// The elements of the list that this value is.
    fn elements(&self) -> Option<impl ExactSizeIterator<Item = Self>> {
        let entry = |(index, element): (usize, &'s Spanned<DeValue<'s>>)| Self {
            source: self.source,
            path: format!("{}[{index}]", self.path),
            name: None,
            value: element.get_ref(),
            span: element.span(),
            survey: self.survey,
        };
        Some(self.value.as_array()?.iter().enumerate().map(entry))
    }

    /// What a survey is told of the elements of a list.
    fn each<T>(&self, read: &impl Fn(&Self) -> Read<T>) -> String {
        let told = self.survey.filter(|survey| std::ptr::eq(self.value, survey.unacceptable())).map(|_| read(self));
        match told {
            Some(Err(ConfigError::WrongValue { accepted, .. })) if *accepted != *A_TABLE => {
                format!(", each {accepted}")
            }
            _ => String::new(),
        }
    }
}

/// The most letters of any text.
const LONGEST_TEXT: usize = 10_000;

/// The most letters of a name.
const LONGEST_NAME: usize = 1000;

/// A value as it is quoted in an error: short, and on one line.
fn shown(value: &DeValue<'_>) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(elements) => format!("a list of {}", elements.len()),
        DeValue::Table(_) => "a table".to_owned(),
    };
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}
