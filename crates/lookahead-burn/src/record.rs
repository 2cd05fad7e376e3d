//! A saved optimizer: keyed by module path and shape, checked, and complete in both directions on load.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::TensorData;
use burn_pack::Scalar;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::traversal::ParamInfo;

/// The layout that [`Record`] writes.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"lookahed";

/// Everything that a module-level optimizer remembers: slow weights, clock, inner state.
///
/// Its entries are named by module path, never by Burn's parameter ids, which a new process draws anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    optimizer: String,
    tensors: BTreeMap<String, TensorData>,
    numbers: BTreeMap<String, Number>,
}

/// A [`Scalar`] that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Number {
    Int(i64),
    UInt(u64),
    Float(f64),
    Bool(bool),
}

impl From<Scalar> for Number {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Int(value) => Self::Int(value),
            Scalar::UInt(value) => Self::UInt(value),
            Scalar::Float(value) => Self::Float(value),
            Scalar::Bool(value) => Self::Bool(value),
        }
    }
}

impl From<Number> for Scalar {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(value) => Self::Int(value),
            Number::UInt(value) => Self::UInt(value),
            Number::Float(value) => Self::Float(value),
            Number::Bool(value) => Self::Bool(value),
        }
    }
}

impl Record {
    pub(crate) fn new(optimizer: String) -> Self {
        Self { optimizer, tensors: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    /// The hyperparameters of the optimizer it was made with, as text.
    #[must_use]
    pub fn optimizer(&self) -> &str {
        &self.optimizer
    }

    /// The names and shapes of the tensors in it.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.tensors.iter().map(|(name, data)| (name.as_str(), data.shape().to_vec()))
    }

    /// The record as bytes: a magic word, the layout's version, a checksum, the content.
    ///
    /// # Errors
    /// [`Error::DamagedRecord`] if it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let content = postcard::to_allocvec(self).map_err(damaged)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(crc32fast::hash(&content).to_le_bytes());
        bytes.extend(content);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::DamagedRecord`] where the bytes are cut off, changed or something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or_else(|| damaged("it does not begin with the magic word"))?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut off"))?;
        let (checksum, content) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut off"))?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(damaged(format!("it has layout version {version}, this crate reads {VERSION}")));
        }
        if u32::from_le_bytes(*checksum) != crc32fast::hash(content) {
            return Err(damaged("the checksum does not agree with the content"));
        }
        postcard::from_bytes(content).map_err(damaged)
    }
}

fn damaged(reason: impl ToString) -> Error {
    Error::DamagedRecord { reason: reason.to_string() }
}

/// Writes entries under a prefix such as `slow` or `inner/slow`.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    record: &'a mut Record,
    prefix: String,
}

impl<'a> RecordWriter<'a> {
    pub(crate) fn new(record: &'a mut Record) -> Self {
        Self { record, prefix: String::new() }
    }

    pub(crate) fn within(&mut self, name: &str) -> RecordWriter<'_> {
        RecordWriter { prefix: format!("{}{name}/", self.prefix), record: self.record }
    }

    pub(crate) fn tensor(&mut self, name: &str, data: TensorData) {
        self.record.tensors.insert(format!("{}{name}", self.prefix), data);
    }

    pub(crate) fn number(&mut self, name: &str, value: impl Into<Scalar>) {
        self.record.numbers.insert(format!("{}{name}", self.prefix), value.into().into());
    }
}

/// Entries by name.
pub(crate) type Named<T> = Vec<(String, T)>;

/// Reads entries under a prefix, and knows the model they must fit.
#[derive(Debug)]
pub struct RecordReader<'a> {
    record: &'a Record,
    model: &'a BTreeMap<String, ParamInfo>,
    used: &'a mut BTreeSet<String>,
    prefix: String,
    partial: bool,
}

impl<'a> RecordReader<'a> {
    pub(crate) fn new(
        record: &'a Record,
        model: &'a BTreeMap<String, ParamInfo>,
        used: &'a mut BTreeSet<String>,
    ) -> Self {
        Self { record, model, used, prefix: String::new(), partial: false }
    }

    pub(crate) fn within(&mut self, name: &str) -> RecordReader<'_> {
        let prefix = format!("{}{name}/", self.prefix);
        RecordReader { record: self.record, model: self.model, used: self.used, prefix, partial: self.partial }
    }

    /// A reader of entries that need not be there for every trainable parameter, such as of a time before one joined.
    pub(crate) fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// The prefix, without the slash at its end.
    pub(crate) fn path(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The model's parameters.
    pub(crate) fn params(&self) -> Vec<(String, ParamInfo)> {
        self.model.iter().map(|(path, param)| (path.clone(), param.clone())).collect()
    }

    /// The parameters whose tensors are to be read under this prefix: all that are there and, unless there are none,
    /// all that are trainable.
    pub(crate) fn expected(&self) -> Vec<(String, ParamInfo)> {
        let below = self.record.tensors.range(self.prefix.clone()..).next();
        let complete = !self.partial && below.is_some_and(|(name, _)| name.starts_with(&self.prefix));
        let holds = |path: &str| self.record.tensors.contains_key(&format!("{}{path}", self.prefix));
        let mut params = self.params();
        params.retain(|(path, param)| holds(path) || (complete && param.trainable));
        params
    }

    pub(crate) fn tensor(&mut self, name: &str, param: &ParamInfo) -> Result<TensorData, Error> {
        let name = format!("{}{name}", self.prefix);
        let data = self.record.tensors.get(&name).ok_or(Error::MissingInRecord { name: name.clone() })?;
        if data.shape()[..] != param.shape[..] {
            return Err(Error::OtherShape { name, expected: param.shape.clone(), found: data.shape().to_vec() });
        }
        if data.dtype() != param.dtype {
            return Err(Error::OtherPrecision { name, expected: param.dtype, found: data.dtype() });
        }
        self.used.insert(name);
        Ok(data.clone())
    }

    pub(crate) fn number<T: TryFrom<Scalar>>(&mut self, name: &str) -> Result<T, Error> {
        let name = format!("{}{name}", self.prefix);
        let number = self.record.numbers.get(&name).copied().map(Scalar::from);
        let value =
            number.and_then(|number| T::try_from(number).ok()).ok_or(Error::MissingInRecord { name: name.clone() })?;
        self.used.insert(name);
        Ok(value)
    }

    /// Takes every tensor and number under this prefix, by its name below it.
    pub(crate) fn take_all(&mut self) -> (Named<TensorData>, Named<Scalar>) {
        let below = |name: &String| name.strip_prefix(&self.prefix).map(str::to_owned);
        let tensors = self.record.tensors.iter();
        let tensors: Vec<_> = tensors.filter_map(|(name, data)| Some((below(name)?, data.clone()))).collect();
        let numbers = self.record.numbers.iter();
        let numbers: Vec<_> =
            numbers.filter_map(|(name, number)| Some((below(name)?, Scalar::from(*number)))).collect();
        let names = tensors.iter().map(|(name, _)| name).chain(numbers.iter().map(|(name, _)| name));
        let used: Vec<_> = names.map(|name| format!("{}{name}", self.prefix)).collect();
        self.used.extend(used);
        (tensors, numbers)
    }

    /// Fails on the first entry that nobody has read.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let names = self.record.tensors.keys().chain(self.record.numbers.keys());
        match names.into_iter().find(|name| !self.used.contains(*name)) {
            Some(name) => Err(Error::LeftInRecord { name: name.clone() }),
            None => Ok(()),
        }
    }
}
