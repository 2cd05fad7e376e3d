//! A saved optimizer: keyed by module path and shape, checked, and complete in both directions on load.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use burn::module::ParamId;
use burn::tensor::{DType, TensorData};
use burn_pack::Scalar;
use lookahead::Description;

use crate::{Error, Parameter, Weights, read_back};

#[cfg(feature = "serde")]
mod bytes;

/// Everything that a module-level optimizer remembers: slow weights, clock, inner state.
///
/// Its entries are named by module path, never by Burn's parameter ids, which a new process draws anew.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    optimizer: Description,
    tensors: BTreeMap<String, TensorData>,
    numbers: BTreeMap<String, Number>,
}

/// A [`Scalar`] that can be written.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    pub(crate) fn new(optimizer: Description) -> Self {
        Self { optimizer, tensors: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    /// The optimizer it was made with.
    #[must_use]
    pub fn optimizer(&self) -> &Description {
        &self.optimizer
    }

    /// The names and shapes of the tensors in it.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.tensors.iter().map(|(name, data)| (name.as_str(), data.shape().to_vec()))
    }
}

/// Writes entries under a prefix such as `slow/` or `inner/slow/`, for an optimizer of one's own as for those of this crate;
/// [`InnerOptimizer`](crate::InnerOptimizer) has an example.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    record: &'a mut Record,
    module: &'a [Parameter],
    prefix: String,
}

impl<'a> RecordWriter<'a> {
    pub(crate) fn new(record: &'a mut Record, module: &'a [Parameter]) -> Self {
        Self { record, module, prefix: String::new() }
    }

    /// A writer under this name.
    pub fn within(&mut self, name: &str) -> RecordWriter<'_> {
        RecordWriter { prefix: format!("{}{name}/", self.prefix), record: self.record, module: self.module }
    }

    /// The parameters of the module, each once: write the state of these, under their paths, and leave out what belongs to
    /// others.
    #[must_use]
    pub fn parameters(&self) -> &'a [Parameter] {
        self.module
    }

    /// Writes a tensor, as its values are now.
    ///
    /// # Errors
    /// [`Error::WrittenTwice`] where one of this name is there already, [`Error::ReadBack`] if its device fails.
    pub fn tensor(&mut self, name: &str, data: TensorData) -> Result<(), Error> {
        let name = format!("{}{name}", self.prefix);
        insert(&mut self.record.tensors, name, read_back::on_host(data)?)
    }

    /// Writes a number: an integer, a float or a bool.
    ///
    /// # Errors
    /// [`Error::WrittenTwice`] where one of this name is there already.
    pub fn number(&mut self, name: &str, value: impl Into<Scalar>) -> Result<(), Error> {
        let name = format!("{}{name}", self.prefix);
        insert(&mut self.record.numbers, name, value.into().into())
    }
}

impl RecordWriter<'_> {
    /// A number for each parameter that `known` holds, 0 where there is none.
    pub(crate) fn numbers<N: Into<Scalar> + Copy + Default>(
        &mut self,
        known: &Weights,
        numbers: &BTreeMap<ParamId, N>,
    ) -> Result<(), Error> {
        let known = self.parameters().iter().filter(|parameter| known.contains(parameter.id));
        known
            .into_iter()
            .try_for_each(|Parameter { path, id, .. }| self.number(path, numbers.get(id).copied().unwrap_or_default()))
    }
}

impl RecordReader<'_> {
    /// What [`RecordWriter::numbers`] wrote.
    pub(crate) fn numbers<N: TryFrom<Scalar>>(&mut self, known: &Weights) -> Result<BTreeMap<ParamId, N>, Error> {
        let known = self.parameters().iter().filter(|parameter| known.contains(parameter.id));
        known.map(|Parameter { path, id, .. }| Ok((*id, self.number(path)?))).collect()
    }
}

fn insert<T>(entries: &mut BTreeMap<String, T>, name: String, value: T) -> Result<(), Error> {
    match entries.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
            Ok(())
        }
        Entry::Occupied(entry) => Err(Error::WrittenTwice { name: entry.key().clone() }),
    }
}

/// Entries by name.
pub(crate) type Named<T> = Vec<(String, T)>;

/// Reads entries under a prefix, and knows the module they must fit. What nobody reads is an error of loading.
#[derive(Debug)]
pub struct RecordReader<'a> {
    record: &'a Record,
    module: &'a [Parameter],
    used: &'a mut BTreeSet<String>,
    prefix: String,
    partial: bool,
}

impl<'a> RecordReader<'a> {
    pub(crate) fn new(record: &'a Record, module: &'a [Parameter], used: &'a mut BTreeSet<String>) -> Self {
        Self { record, module, used, prefix: String::new(), partial: false }
    }

    /// A reader under this name.
    pub fn within(&mut self, name: &str) -> RecordReader<'_> {
        let prefix = format!("{}{name}/", self.prefix);
        RecordReader { record: self.record, module: self.module, used: self.used, prefix, partial: self.partial }
    }

    /// A reader of entries that need not be there for every trainable parameter, such as of a time before one joined.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// The prefix, without the slash at its end.
    pub(crate) fn path(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The parameters of the module, each once.
    #[must_use]
    pub fn parameters(&self) -> &'a [Parameter] {
        self.module
    }

    /// The parameters whose tensors are to be read under this prefix: all that are there and, unless there are none or the
    /// reader is [partial](Self::partial), all that are trainable.
    #[must_use]
    pub fn expected(&self) -> Vec<&'a Parameter> {
        let below = self.record.tensors.range(self.prefix.clone()..).next();
        let complete = !self.partial && below.is_some_and(|(name, _)| name.starts_with(&self.prefix));
        let holds = |path: &str| self.record.tensors.contains_key(&format!("{}{path}", self.prefix));
        self.module.iter().filter(|param| holds(&param.path) || (complete && param.trainable)).collect()
    }

    /// Reads a tensor of this shape and precision.
    ///
    /// # Errors
    /// [`Error::MissingInRecord`], [`Error::OtherShape`] or [`Error::OtherPrecision`].
    pub fn tensor(&mut self, name: &str, shape: &[usize], dtype: DType) -> Result<TensorData, Error> {
        let name = format!("{}{name}", self.prefix);
        let data = self.record.tensors.get(&name).ok_or(Error::MissingInRecord { name: name.clone() })?;
        if data.shape()[..] != *shape {
            return Err(Error::OtherShape { name, expected: shape.to_vec(), found: data.shape().to_vec() });
        }
        if data.dtype() != dtype {
            return Err(Error::OtherPrecision { name, expected: dtype, found: data.dtype() });
        }
        self.used.insert(name);
        Ok(data.clone())
    }

    /// Reads a number: an integer, a float or a bool.
    ///
    /// # Errors
    /// [`Error::MissingInRecord`] where it is not there, or of another kind.
    pub fn number<T: TryFrom<Scalar>>(&mut self, name: &str) -> Result<T, Error> {
        let name = format!("{}{name}", self.prefix);
        let number = self.record.numbers.get(&name).copied().map(Scalar::from);
        let value =
            number.and_then(|number| T::try_from(number).ok()).ok_or(Error::MissingInRecord { name: name.clone() })?;
        self.used.insert(name);
        Ok(value)
    }

    /// [`number`](Self::number) of an entry that need not be there.
    pub(crate) fn number_if_there<T: TryFrom<Scalar>>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let is_there = self.record.numbers.contains_key(&format!("{}{name}", self.prefix));
        is_there.then(|| self.number(name)).transpose()
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
