//! Numbers by measure: what an evaluation gave, and what is made of it over seeds.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::place::Place;
use crate::{FileError, Measure};

/// Numbers by measure: in JSON each under its measure's key, in the order of [`Measure::ALL`].
///
/// What was not measured has no entry. What was, but is not finite, has an empty one: `null` in JSON.
///
/// ```
/// use lookahead_runs::{Measure, Scores};
///
/// let scores = Scores::from([(Measure::ValidAccuracy, 0.75), (Measure::ValidLoss, f64::NAN)]);
/// assert_eq!(scores.get(Measure::ValidAccuracy), Some(0.75));
/// assert_eq!(serde_json::to_string(&scores).unwrap(), r#"{"valid_loss":null,"valid_accuracy":0.75}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores<V = f64>(BTreeMap<Measure, Option<V>>);

impl<V: Copy> Scores<V> {
    /// These and others; of a measure that both have, the others' number counts.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The number of a measure; `None` if not finite, or not measured.
    pub fn get(&self, measure: Measure) -> Option<V> {
        self.0.get(&measure).copied().flatten()
    }

    /// What was measured, whether it is finite or not.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        self.0.keys().copied()
    }
}

impl Scores {
    /// Adds the number of a measure, in place of an earlier one; an empty entry if it is not finite.
    pub fn set(&mut self, measure: Measure, value: f64) {
        self.0.insert(measure, Some(value).filter(|value| value.is_finite()));
    }

    /// Sees that every number lies in the range of its measure.
    pub(crate) fn check(&self, place: &Place<'_>) -> Result<(), FileError> {
        self.0.iter().try_for_each(|(measure, value)| {
            let facts = measure.quantity().facts();
            value.map_or(Ok(()), |value| place.within(measure.key(), value, facts.range, facts.accepted))
        })
    }

    /// Sees that it has all of `required`, and nothing that follows from other numbers.
    fn having<E: de::Error>(self, required: &[Measure]) -> Result<Self, E> {
        if let Some(missing) = required.iter().find(|measure| !self.0.contains_key(measure)) {
            return Err(E::missing_field(missing.key()));
        }
        if let Some(derived) = self.0.keys().find(|measure| !measure.is_measured()) {
            return Err(E::unknown_field(derived.key(), &[]));
        }
        Ok(self)
    }
}

/// Those of the weights that are evaluated: they have both losses.
pub(crate) fn of_weights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scores, D::Error> {
    Scores::deserialize(deserializer)?.having(&[Measure::TrainLoss, Measure::ValidLoss])
}

/// Those of the fast weights: they have the validation loss.
pub(crate) fn of_fast_weights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scores>, D::Error> {
    Option::<Scores>::deserialize(deserializer)?.map(|scores| scores.having(&[Measure::ValidLoss])).transpose()
}

/// Those of a line of a trace: they have the validation loss and accuracy.
pub(crate) fn of_update<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scores, D::Error> {
    Scores::deserialize(deserializer)?.having(&[Measure::ValidLoss, Measure::ValidAccuracy])
}

/// `None` is an empty entry.
impl<V> FromIterator<(Measure, Option<V>)> for Scores<V> {
    fn from_iter<I: IntoIterator<Item = (Measure, Option<V>)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<const N: usize> From<[(Measure, f64); N]> for Scores {
    fn from(numbers: [(Measure, f64); N]) -> Self {
        let mut scores = Self::default();
        numbers.into_iter().for_each(|(measure, value)| scores.set(measure, value));
        scores
    }
}

impl<V: Serialize> Serialize for Scores<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Scores<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Flattened into other fields, a struct takes its own keys only: the others can still be refused.
        deserializer.deserialize_struct("Scores", Measure::KEYS, ByKey(PhantomData))
    }
}

struct ByKey<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for ByKey<V> {
    type Value = Scores<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers by measure")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scores<V>, A::Error> {
        let mut scores = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let measure = Measure::ALL.iter().copied().find(|measure| measure.key() == key);
            let measure = measure.ok_or_else(|| de::Error::unknown_field(&key, Measure::KEYS))?;
            let value = map.next_value().map_err(|error| de::Error::custom(format_args!("`{key}`: {error}")))?;
            if scores.insert(measure, value).is_some() {
                return Err(de::Error::duplicate_field(measure.key()));
            }
        }
        Ok(Scores(scores))
    }
}
