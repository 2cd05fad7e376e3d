//! Averages that train where they evaluate: Schedule-Free and GPA.

use lookahead::{Gpa, ScheduleFree};
use lookahead_settings::{ConfigError, Read, Table};
use serde::Serialize;

use super::OptimizerConfig;

/// Schedule-Free around another optimizer: gradients at `y = (1 - beta) z + beta x`, x the mean of all z.
///
/// Around `adamw` with `beta1 = 0` and `weight_decay = 0` it is the authors' `AdamWScheduleFree`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleFreeTable {
    /// beta, from 0.01 to 1 (default 0.9); `power` r (0) and `rate_power` p (2), from 0 to 10, of the weights
    /// `t^r gamma^p`; `warm_up` steps (0) of the learning rate; `weight_decay` (0) at y.
    #[serde(flatten)]
    pub averaging: ScheduleFree,
    /// The inner optimizer, which steps z.
    pub inner: Box<OptimizerConfig>,
}

/// Generalized primal averaging around another optimizer: gradients at `y = mu_y x + (1 - mu_y) z`, x an exponential
/// average of z.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpaTable {
    /// mu_x, at least 0 and below 1 (default 0.9967); mu_y, from 0.01 to 1 (0.7).
    #[serde(flatten)]
    pub averaging: Gpa,
    /// The inner optimizer, which steps z.
    pub inner: Box<OptimizerConfig>,
}

impl ScheduleFreeTable {
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        table.accept(&["name", "beta", "power", "rate_power", "warm_up", "weight_decay", "inner"])?;
        let default = ScheduleFree::new();
        let warm_up = table.or("warm_up", 0, |e| e.whole(0..=u64::MAX))?;
        let beta = table.or("beta", 0.9, |e| e.checked(|x| default.with_beta(x)))?;
        let power = table.or("power", 0.0, |e| e.checked(|x| default.with_power(x)))?;
        let rate_power = table.or("rate_power", 2.0, |e| e.checked(|x| default.with_rate_power(x)))?;
        let decay = table.or("weight_decay", 0.0, |e| e.checked(|x| default.with_weight_decay(x)))?;
        let averaging = default.with_warm_up(warm_up).with_beta(beta);
        let averaging = averaging.and_then(|of| of.with_power(power)).and_then(|of| of.with_rate_power(rate_power));
        let averaging = averaging.and_then(|of| of.with_weight_decay(decay)).map_err(|error| refused(table, &error))?;
        Ok(Self { averaging, inner: OptimizerConfig::read_inner(table, depth)? })
    }
}

impl GpaTable {
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        table.accept(&["name", "mu_x", "mu_y", "inner"])?;
        let default = Gpa::new();
        let mu_x = table.or("mu_x", 0.9967, |e| e.checked(|x| default.with_coefficients(x, 1.0)))?;
        let mu_y = table.or("mu_y", 0.7, |e| e.checked(|y| default.with_coefficients(0.0, y)))?;
        let averaging = default.with_coefficients(mu_x, mu_y).map_err(|error| refused(table, &error))?;
        Ok(Self { averaging, inner: OptimizerConfig::read_inner(table, depth)? })
    }
}

/// Numbers that are right each by itself.
fn refused(table: &Table<'_>, error: &lookahead::Error) -> ConfigError {
    table.refuse("name", "this average", format!("one for which this holds: {error}"))
}
