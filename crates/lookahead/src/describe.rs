//! What an optimizer is, as a value that snapshots and records carry: kinds, and hyperparameters by name.

use std::fmt::{self, Display, Formatter};

use crate::{Alpha, Error, OuterMomentum, OuterRate, Schedule, SyncPeriod};

/// An optimizer that can say what it is.
pub trait Describe {
    /// Its kind, its hyperparameters and what is inside it.
    fn describe(&self) -> Description;
}

/// An optimizer's kind, its hyperparameters by name, and the optimizers inside it.
///
/// Two descriptions are of one optimizer if [`compare`](Self::compare) finds no difference. A hyperparameter that only
/// one of them knows, because it was added in a later version, counts as the default that stands with it.
///
/// ```
/// use lookahead::{Describe, Lookahead, rules::Sgd};
/// let optimizer = Lookahead::new(Sgd::new().with_momentum(0.9)?);
/// let text = optimizer.describe().to_string();
/// assert!(text.starts_with("Lookahead(sync_period 5, alpha 0.5,") && text.contains("Sgd(momentum 0.9,"), "{text}");
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Description {
    // A tree, each layer before those inside it. Flat, so that damaged bytes cannot nest it without end.
    layers: Vec<Layer>,
}

/// One optimizer of a [`Description`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Layer {
    depth: u32,
    kind: String,
    hyperparameters: Vec<Hyperparameter>,
}

#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Hyperparameter {
    name: String,
    value: Value,
    // What it stands for where a description does not have it yet.
    default: Option<Value>,
    // Whether the state is of another form under another value.
    shapes_state: bool,
}

/// The value of a hyperparameter.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A number, kept as its bits.
    Number(#[cfg_attr(feature = "serde", serde(with = "bits"))] f64),
    /// One of several choices, or a schedule.
    Word(String),
}

/// A number by its bits, in any format.
#[cfg(feature = "serde")]
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

impl Description {
    /// An optimizer of this kind, without hyperparameters yet.
    #[must_use]
    pub fn of(kind: impl Into<String>) -> Self {
        Self { layers: vec![Layer { depth: 0, kind: kind.into(), hyperparameters: Vec::new() }] }
    }

    /// Adds a hyperparameter of the outermost optimizer.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.push(name, value.into(), None, false)
    }

    /// Adds one that descriptions written before this version lack: there it was `default`.
    #[must_use]
    pub fn with_new(self, name: &str, value: impl Into<Value>, default: impl Into<Value>) -> Self {
        self.push(name, value.into(), Some(default.into()), false)
    }

    /// Adds one by which the state has its form, so that no state goes over to another value.
    #[must_use]
    pub fn with_form(self, name: &str, value: impl Into<Value>) -> Self {
        self.push(name, value.into(), None, true)
    }

    fn push(mut self, name: &str, value: Value, default: Option<Value>, shapes_state: bool) -> Self {
        if let Some(outermost) = self.layers.first_mut() {
            let name = name.to_owned();
            outermost.hyperparameters.push(Hyperparameter { name, value, default, shapes_state });
        }
        self
    }

    /// Adds an optimizer inside the outermost one.
    #[must_use]
    pub fn around(mut self, inside: Self) -> Self {
        let deeper = |layer: Layer| Layer { depth: layer.depth.saturating_add(1), ..layer };
        self.layers.extend(inside.layers.into_iter().map(deeper));
        self
    }

    /// The optimizers, each before those inside it.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter()
    }

    /// Whether `found` describes the same optimizer as this.
    ///
    /// # Errors
    /// [`Error::OtherOptimizer`] naming the first hyperparameter that differs, and both values.
    pub fn compare(&self, found: &Self) -> Result<(), Error> {
        self.first_difference(found, |_| true).map_or(Ok(()), Err)
    }

    /// Whether a state of `found` can go on under the hyperparameters of this one.
    ///
    /// # Errors
    /// [`Error::OtherOptimizer`] where kinds differ, or a hyperparameter by which a state has its form.
    pub fn compare_form(&self, found: &Self) -> Result<(), Error> {
        self.first_difference(found, |hyperparameter| hyperparameter.shapes_state).map_or(Ok(()), Err)
    }

    /// The first difference in kinds or in a hyperparameter that matters.
    fn first_difference(&self, found: &Self, matters: impl Fn(&Hyperparameter) -> bool) -> Option<Error> {
        let kind = |layers: &[Layer], index: usize| {
            layers.get(index).map_or_else(|| "nothing".to_owned(), |layer| layer.kind.clone())
        };
        for index in 0..self.layers.len().max(found.layers.len()) {
            let (here, there) = (self.layers.get(index), found.layers.get(index));
            let (Some(here), Some(there)) = (here, there) else {
                let (expected, found) = (kind(&self.layers, index), kind(&found.layers, index));
                return Some(Error::OtherOptimizer { name: self.path_to(index, "optimizer"), expected, found });
            };
            if (here.depth, &here.kind) != (there.depth, &there.kind) {
                let (expected, found) = (here.kind.clone(), there.kind.clone());
                return Some(Error::OtherOptimizer { name: self.path_to(index, "optimizer"), expected, found });
            }
            let names = here.hyperparameters.iter().chain(&there.hyperparameters).filter(|one| matters(one));
            for name in names.map(|hyperparameter| &hyperparameter.name) {
                if let Some((expected, found)) = here.difference(there, name) {
                    return Some(Error::OtherOptimizer { name: self.path_to(index, name), expected, found });
                }
            }
        }
        None
    }

    /// "momentum of Lookahead / Sgd"
    fn path_to(&self, index: usize, name: &str) -> String {
        let end = index.min(self.layers.len());
        let depth = self.layers.get(index).map_or(u32::MAX, |layer| layer.depth);
        let mut path: Vec<&str> = Vec::new();
        for layer in self.layers[..end].iter().filter(|layer| layer.depth < depth) {
            path.truncate(layer.depth as usize);
            path.push(&layer.kind);
        }
        if name != "optimizer" {
            path.extend(self.layers.get(index).map(|layer| &layer.kind[..]));
        }
        match path.is_empty() {
            true => name.to_owned(),
            false if name == "optimizer" => format!("{name} in {}", path.join(" / ")),
            false => format!("{name} of {}", path.join(" / ")),
        }
    }
}

impl Layer {
    /// Its kind: the name of the type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// How many optimizers are around it.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Its hyperparameters.
    pub fn hyperparameters(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.hyperparameters.iter().map(|hyperparameter| (&hyperparameter.name[..], &hyperparameter.value))
    }

    /// Both values of a hyperparameter, as text, if they differ.
    fn difference(&self, other: &Self, name: &str) -> Option<(String, String)> {
        let of = |layer: &Self| layer.hyperparameters.iter().find(|one| one.name == name).cloned();
        let (here, there) = (of(self), of(other));
        let value_in = |one: &Option<Hyperparameter>, other: &Option<Hyperparameter>| match (one, other) {
            (Some(known), _) => Some(known.value.clone()),
            (None, other) => other.as_ref().and_then(|other| other.default.clone()),
        };
        let values = [value_in(&here, &there), value_in(&there, &here)];
        let [here, there] =
            values.each_ref().map(|value| value.as_ref().map_or_else(|| "not known".to_owned(), Value::to_string));
        (values[0] != values[1]).then_some((here, there))
    }
}

impl Display for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut depth = None;
        for layer in &self.layers {
            match depth {
                None => {}
                Some(depth) if layer.depth > depth => f.write_str(" around ")?,
                Some(_) => f.write_str(" and ")?,
            }
            depth = Some(layer.depth);
            f.write_str(&layer.kind)?;
            let values = layer.hyperparameters().map(|(name, value)| format!("{name} {value}"));
            let values = values.collect::<Vec<_>>().join(", ");
            if !values.is_empty() {
                write!(f, "({values})")?;
            }
        }
        Ok(())
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.write_str("on"),
            Self::Flag(false) => f.write_str("off"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl From<Alpha> for Value {
    fn from(alpha: Alpha) -> Self {
        Self::Number(alpha.get())
    }
}

impl From<OuterRate> for Value {
    fn from(rate: OuterRate) -> Self {
        Self::Number(rate.get())
    }
}

impl From<OuterMomentum> for Value {
    fn from(momentum: OuterMomentum) -> Self {
        Self::Number(momentum.get())
    }
}

impl From<SyncPeriod> for Value {
    fn from(period: SyncPeriod) -> Self {
        Self::Count(period.get().into())
    }
}

impl<T: Copy + Into<Value>> From<&Schedule<T>> for Value {
    fn from(schedule: &Schedule<T>) -> Self {
        let mut values: Vec<(u64, Self)> = schedule.stretches().map(|(from, _, value)| (from, value.into())).collect();
        values.dedup_by(|(_, later), (_, earlier)| later == earlier);
        match &values[..] {
            [(_, constant)] => constant.clone(),
            _ => {
                let from = |(from, value): &(u64, Self)| match from {
                    0 => value.to_string(),
                    from => format!("{value} from outer step {from}"),
                };
                Self::Word(values.iter().map(from).collect::<Vec<_>>().join(" then "))
            }
        }
    }
}
