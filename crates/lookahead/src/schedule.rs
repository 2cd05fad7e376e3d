//! A hyperparameter that changes over the outer steps.

use crate::{Error, SyncPeriod};

/// A value for each outer step (cycle) t = 0, 1, 2, …; written as the value alone where it never changes.
///
/// ```
/// use lookahead::{Alpha, Schedule};
/// let alpha = Schedule::steps(Alpha::new(0.5)?, [(100, Alpha::new(0.8)?)])?;
/// assert_eq!(alpha.at(99).get(), 0.5);
/// assert_eq!(alpha.at(100).get(), 0.8);
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Schedule<T> {
    /// The same value for ever.
    Constant(T),
    /// A first value and its changes; see [`Schedule::steps`].
    Steps(Steps<T>),
}

/// The changes of a [`Schedule::steps`], in rising order of the outer step.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked<T>"))]
pub struct Steps<T> {
    first: T,
    changes: Vec<(u64, T)>,
}

/// [`Steps`] as they are read, in any order.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct Unchecked<T> {
    first: T,
    changes: Vec<(u64, T)>,
}

impl<T> TryFrom<Unchecked<T>> for Steps<T> {
    type Error = Error;
    fn try_from(Unchecked { first, changes }: Unchecked<T>) -> Result<Self, Error> {
        let mut after = 0;
        for (position, &(at, _)) in changes.iter().enumerate() {
            if at <= after {
                return Err(Error::UnorderedSchedule { position, at, after });
            }
            after = at;
        }
        Ok(Self { first, changes })
    }
}

impl<T: Copy> Schedule<T> {
    /// `first` from outer step 0 on, then each value of `changes` from its outer step on.
    ///
    /// # Errors
    /// [`Error::UnorderedSchedule`] unless the outer steps rise, from at least 1.
    pub fn steps(first: T, changes: impl IntoIterator<Item = (u64, T)>) -> Result<Self, Error> {
        Unchecked { first, changes: changes.into_iter().collect() }.try_into().map(Self::Steps)
    }

    /// The value during outer step `outer`.
    #[must_use]
    pub fn at(&self, outer: u64) -> T {
        match self {
            Self::Constant(value) => *value,
            Self::Steps(steps) => {
                let begun = steps.changes.partition_point(|&(at, _)| at <= outer);
                begun.checked_sub(1).map_or(steps.first, |last| steps.changes[last].1)
            }
        }
    }

    /// The same with each value made another.
    #[must_use]
    pub fn map<V: Copy>(&self, map: impl Fn(T) -> V) -> Schedule<V> {
        match self {
            Self::Constant(value) => Schedule::Constant(map(*value)),
            Self::Steps(Steps { first, changes }) => {
                let changes = changes.iter().map(|&(at, value)| (at, map(value))).collect();
                Schedule::Steps(Steps { first: map(*first), changes })
            }
        }
    }

    /// Every value it takes.
    pub fn values(&self) -> impl Iterator<Item = T> + '_ {
        let (first, changes) = match self {
            Self::Constant(value) => (*value, &[][..]),
            Self::Steps(steps) => (steps.first, &steps.changes[..]),
        };
        std::iter::once(first).chain(changes.iter().map(|&(_, value)| value))
    }
}

impl<T: Copy> Schedule<T> {
    /// Each value with the outer steps that have it: the first of them, and the one after the last if there is an end.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = (u64, Option<u64>, T)> {
        let (first, changes) = match self {
            Self::Constant(value) => (*value, &[][..]),
            Self::Steps(steps) => (steps.first, &steps.changes[..]),
        };
        let ends = changes.iter().map(|&(at, _)| Some(at)).chain([None]);
        let begins = std::iter::once((0, first)).chain(changes.iter().copied());
        begins.zip(ends).map(|((begin, value), end)| (begin, end, value))
    }
}

impl Schedule<SyncPeriod> {
    /// Syncs after gradient steps `first`, `first + k`, `first + 2 k`, …: those of sources that count from another
    /// step.
    ///
    /// ```
    /// use lookahead::{Schedule, SyncClock, SyncPeriod, Tick};
    /// let periods = Schedule::syncs_from(SyncPeriod::new(1)?, SyncPeriod::new(3)?);
    /// let mut clock = SyncClock::default();
    /// let syncs = (1..=8).filter(|_| clock.tick(&periods) != Tick::Inner);
    /// assert_eq!(syncs.collect::<Vec<_>>(), [1, 4, 7]);
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    #[must_use]
    pub fn syncs_from(first: SyncPeriod, k: SyncPeriod) -> Self {
        Self::Steps(Steps { first, changes: vec![(1, k)] })
    }

    /// The periods that `count` cycles of this schedule take together, one group of them after the other.
    pub(crate) fn in_groups_of(&self, count: u32) -> Self {
        let size = u64::from(count);
        let period = |group: u64| {
            let steps = (0..size).map(|cycle| self.at((group.saturating_mul(size)).saturating_add(cycle)).get());
            // a sum of periods is not 0
            SyncPeriod::new(steps.fold(0, u32::saturating_add)).unwrap_or_default()
        };
        // a change falls into one group, and the one after it is the first that has only the new value
        let groups = self.stretches().skip(1).flat_map(|(at, ..)| [at / size, at / size + 1]);
        let (first, mut changes) = (period(0), Vec::<(u64, SyncPeriod)>::new());
        for group in groups {
            let (after, before) = changes.last().copied().unwrap_or((0, first));
            if group > after && period(group) != before {
                changes.push((group, period(group)));
            }
        }
        if changes.is_empty() { first.into() } else { Self::Steps(Steps { first, changes }) }
    }
}

impl<T> From<T> for Schedule<T> {
    fn from(value: T) -> Self {
        Self::Constant(value)
    }
}

#[cfg(feature = "serde")]
mod written {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::value::MapAccessDeserializer;
    use serde::de::{Error, IntoDeserializer, MapAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Schedule, Steps, Unchecked};

    impl<T: Serialize> Serialize for Schedule<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                // where nothing says what comes next
                Self::Constant(value) if !serializer.is_human_readable() => {
                    (value, &[] as &[(u64, T)]).serialize(serializer)
                }
                Self::Steps(Steps { first, changes }) if !serializer.is_human_readable() => {
                    (first, changes).serialize(serializer)
                }
                Self::Constant(value) => value.serialize(serializer),
                Self::Steps(steps) => steps.serialize(serializer),
            }
        }
    }

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Schedule<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                return deserializer.deserialize_any(NumberOrSteps(PhantomData));
            }
            let (first, changes) = <(T, Vec<(u64, T)>)>::deserialize(deserializer)?;
            if changes.is_empty() {
                return Ok(Self::Constant(first));
            }
            Unchecked { first, changes }.try_into().map(Self::Steps).map_err(D::Error::custom)
        }
    }

    struct NumberOrSteps<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for NumberOrSteps<T> {
        type Value = Schedule<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a map of `first` and `changes`")
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Schedule<T>, E> {
            T::deserialize(value.into_deserializer()).map(Schedule::Constant)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Schedule<T>, E> {
            T::deserialize(value.into_deserializer()).map(Schedule::Constant)
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Schedule<T>, E> {
            T::deserialize(value.into_deserializer()).map(Schedule::Constant)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Schedule<T>, A::Error> {
            Steps::deserialize(MapAccessDeserializer::new(map)).map(Schedule::Steps)
        }
    }
}
