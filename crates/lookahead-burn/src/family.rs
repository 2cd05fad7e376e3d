//! Lookahead's descendants around any of Burn's or our rules, with the numbers of their sources.
//!
//! Those with an outer step are configurations of [`Lookahead`](crate::Lookahead) or
//! [`LookaheadRule`](crate::LookaheadRule), EMA-Nesterov is one of [`EmaNesterov`](crate::EmaNesterov); [`lookahead::family`] has their equations and where sources differ.

pub use lookahead::family::{
    diloco, ema_nesterov_of_the_speedrun, local_sgd, muloco, slowmo, snoo, snoo_of_the_speedrun,
};

use crate::{AdamW, Error, PrimalAveraged, RuleSet};

/// [Schedule-Free AdamW as the paper has it](lookahead::family::schedule_free_adam_w), with weight decay lambda at y.
///
/// # Errors
/// [`lookahead::Error::OutOfRange`] unless lambda is finite and not negative.
pub fn schedule_free_adam_w(weight_decay: f64) -> Result<PrimalAveraged<RuleSet<AdamW>>, Error> {
    Ok(on_modules(&lookahead::family::schedule_free_adam_w(weight_decay)?))
}

/// [Schedule-Free AdamW as the authors' package has it](lookahead::family::schedule_free_adam_w_as_packaged).
///
/// # Errors
/// [`lookahead::Error::OutOfRange`] unless lambda is finite and not negative.
pub fn schedule_free_adam_w_as_packaged(weight_decay: f64) -> Result<PrimalAveraged<RuleSet<AdamW>>, Error> {
    Ok(on_modules(&lookahead::family::schedule_free_adam_w_as_packaged(weight_decay)?))
}

fn on_modules(core: &lookahead::PrimalAveraged<lookahead::rules::AdamW>) -> PrimalAveraged<RuleSet<AdamW>> {
    PrimalAveraged::new(RuleSet::new(AdamW::from(*core.inner())), *core.averaging())
}
