//! [`PrimalAveraging`](super::PrimalAveraging) as text: each key has its default where it is left out, and is checked.

use serde::Deserialize;

use super::{Gpa, PublishedDecay, ScheduleFree};
use crate::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleFreeKeys {
    beta: Option<f64>,
    power: Option<f64>,
    rate_power: Option<f64>,
    #[serde(default)]
    warm_up: u64,
    weight_decay: Option<f64>,
    corrected: Option<f64>,
}

impl TryFrom<ScheduleFreeKeys> for ScheduleFree {
    type Error = Error;
    fn try_from(keys: ScheduleFreeKeys) -> Result<Self, Error> {
        let default = Self::new().with_warm_up(keys.warm_up);
        let averaging = default
            .with_beta(keys.beta.unwrap_or(default.beta))?
            .with_power(keys.power.unwrap_or(default.power))?
            .with_rate_power(keys.rate_power.unwrap_or(default.rate_power))?
            .with_weight_decay(keys.weight_decay.unwrap_or(default.weight_decay))?;
        keys.corrected.map_or(Ok(averaging), |beta2| averaging.with_corrected_rate(beta2))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GpaKeys {
    mu_x: Option<f64>,
    mu_y: Option<f64>,
    published_decay: Option<PublishedDecay>,
}

impl TryFrom<GpaKeys> for Gpa {
    type Error = Error;
    fn try_from(keys: GpaKeys) -> Result<Self, Error> {
        let default = Self::new();
        let (mu_x, mu_y) = (keys.mu_x.unwrap_or(default.mu_x), keys.mu_y.unwrap_or(default.mu_y));
        let gpa = default.with_coefficients(mu_x, mu_y)?;
        keys.published_decay.map_or(Ok(gpa), |decay| gpa.with_published_decay(decay))
    }
}
