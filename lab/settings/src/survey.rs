//! What reading a document asks of it: each key, with what it accepts and its default.

use std::cell::RefCell;

use toml::de::DeValue;
use toml::value::Datetime;

/// Notes what is asked. What a key accepts is what its reader says when it is given what no reader accepts.
#[derive(Debug)]
pub(crate) struct Survey {
    /// No key accepts a date.
    unacceptable: DeValue<'static>,
    notes: RefCell<Notes>,
}

/// What was asked, in order.
#[derive(Debug)]
pub(crate) struct Notes {
    /// The path of each table, with the keys that it accepts.
    pub accepts: Vec<(String, &'static [&'static str])>,
    /// The keys that were read.
    pub asked: Vec<Asked>,
}

/// A key that was read.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its path from the root.
    pub path: String,
    /// What it accepts, in words.
    pub accepted: String,
    /// What it is if it is not given, as the code that reads it writes it.
    pub default: Preset,
}

/// What a key is if it is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preset {
    /// It has to be given.
    Required,
    /// Nothing.
    Nothing,
    /// A value.
    Value(String),
}

impl Survey {
    pub(crate) fn new() -> Self {
        let no_date = Datetime { date: None, time: None, offset: None };
        Self { unacceptable: DeValue::Datetime(no_date), notes: RefCell::new(Notes { accepts: vec![], asked: vec![] }) }
    }

    pub(crate) fn unacceptable(&self) -> &DeValue<'static> {
        &self.unacceptable
    }

    pub(crate) fn accepts(&self, path: &str, keys: &'static [&'static str]) {
        self.notes.borrow_mut().accepts.push((path.to_owned(), keys));
    }

    pub(crate) fn asks(&self, path: &str, accepted: &str, default: Preset) {
        let asked = Asked { path: path.to_owned(), accepted: accepted.to_owned(), default };
        self.notes.borrow_mut().asked.push(asked);
    }

    pub(crate) fn into_notes(self) -> Notes {
        self.notes.into_inner()
    }
}
