//! Gradients where the average of the steps leads: EMA-Nesterov.

use lookahead::EmaNesterovConfig;
use lookahead_settings::{Read, Table};
use serde::Serialize;

use super::OptimizerConfig;

/// EMA-Nesterov around another optimizer: gradients at `p = theta + beta m`, m an exponential average of the steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmaNesterovTable {
    /// beta (default 0.3) and gamma (0.99), both at least 0 and below 1; the steps before it looks ahead, `prefill` (0), and
    /// those after which it does no longer, `rest` (never); `reference_rate`, at which beta is what is given: it follows
    /// the learning rate then (by default it does not).
    #[serde(flatten)]
    pub config: EmaNesterovConfig,
    /// The inner optimizer, which steps from p.
    pub inner: Box<OptimizerConfig>,
}

impl EmaNesterovTable {
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Read<Self> {
        table.accept(&["name", "beta", "gamma", "prefill", "rest", "reference_rate", "inner"])?;
        let default = EmaNesterovConfig::new();
        let beta = table.or("beta", 0.3, |e| e.checked(|x| default.with_beta(x)))?;
        let gamma = table.or("gamma", 0.99, |e| e.checked(|x| default.with_gamma(x)))?;
        let prefill = table.or("prefill", 0, |e| e.whole(0..=u64::MAX))?;
        let rest = table.optional("rest", |e| e.whole(1..=u64::MAX))?;
        let rate = table.optional("reference_rate", |e| e.checked(|x| default.with_reference_rate(x)))?;
        let config = default.with_beta(beta).and_then(|config| config.with_gamma(gamma));
        let config = config.and_then(|config| config.with_prefill(prefill));
        let config = config.and_then(|config| rate.map_or(Ok(config), |rate| config.with_reference_rate(rate)));
        let config = config.and_then(|config| rest.map_or(Ok(config), |rest| config.with_rest(rest)));
        // all else is right by itself
        let refused = |_| table.refuse("rest", rest.unwrap_or_default(), format!("above prefill, which is {prefill}"));
        Ok(Self { config: config.map_err(refused)?, inner: OptimizerConfig::read_inner(table, depth)? })
    }
}
