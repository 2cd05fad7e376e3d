//! A [`LookaheadConfig`] as text: the keys of its documentation, each with its default where it is left out.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LookaheadConfig;
use crate::{Adaptive, Alpha, InnerStatePolicy, OuterStep, Schedule, SlowStorage, StepSize, SyncPeriod};

impl Serialize for LookaheadConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // of no length, so that a format that does not write the keys refuses it
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("sync_period", &self.sync_period)?;
        match &self.step_size {
            StepSize::Fixed(alpha) => map.serialize_entry("alpha", alpha)?,
            StepSize::Adaptive(adaptive) => map.serialize_entry("adaptive", adaptive)?,
            StepSize::Outer(step) => map.serialize_entry("outer", step)?,
        }
        map.serialize_entry("inner_state", &self.inner_state)?;
        map.serialize_entry("slow_weights", &self.slow_storage)?;
        map.end()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    sync_period: Option<Schedule<SyncPeriod>>,
    alpha: Option<Schedule<Alpha>>,
    adaptive: Option<Adaptive>,
    outer: Option<OuterStep>,
    inner_state: InnerStatePolicy,
    slow_weights: SlowStorage,
}

impl<'de> Deserialize<'de> for LookaheadConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Keys { sync_period, alpha, adaptive, outer, inner_state, slow_weights } = Keys::deserialize(deserializer)?;
        let mut config = Self::new().with_inner_state(inner_state).with_slow_storage(slow_weights);
        if let Some(period) = sync_period {
            config = config.with_sync_period(period);
        }
        config = match (alpha, adaptive, outer) {
            (Some(alpha), None, None) => config.with_alpha(alpha),
            (None, Some(adaptive), None) => config.with_adaptive_alpha(adaptive),
            (None, None, Some(step)) => config.with_outer_step(step),
            (None, None, None) => config,
            (Some(_), Some(_), _) => return Err(D::Error::custom("`alpha` and `adaptive` exclude each other")),
            (Some(_), _, Some(_)) => return Err(D::Error::custom("`alpha` and `outer` exclude each other")),
            (_, Some(_), Some(_)) => return Err(D::Error::custom("`adaptive` and `outer` exclude each other")),
        };
        config.check().map_err(D::Error::custom)?;
        Ok(config)
    }
}

impl Serialize for SlowStorage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Full => Word::Full.serialize(serializer),
            Self::Bf16 { seed: 0 } => Word::Bf16.serialize(serializer),
            Self::Bf16 { seed } => Seeded { bf16: Seed { seed } }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SlowStorage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrSeed)
    }
}

struct WordOrSeed;

impl<'de> Visitor<'de> for WordOrSeed {
    type Value = SlowStorage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("slow weights that are \"full\", \"bf16\" or { bf16 = { seed = a whole number } }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<SlowStorage, E> {
        match word {
            "full" => Ok(SlowStorage::Full),
            "bf16" => Ok(SlowStorage::Bf16 { seed: 0 }),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SlowStorage, A::Error> {
        let Seeded { bf16: Seed { seed } } = Seeded::deserialize(MapAccessDeserializer::new(map))?;
        Ok(SlowStorage::Bf16 { seed })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Full,
    Bf16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seeded {
    bf16: Seed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    seed: u64,
}
