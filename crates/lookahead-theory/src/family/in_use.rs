//! The outer steps in use, with the numbers of their sources.

use lookahead::family::{diloco, muloco, slowmo, snoo};
use lookahead::{OuterForm, OuterMomentum, OuterRate};

/// Whose it is, its form, eta and mu, those of a constant schedule.
pub(crate) fn steps_in_use() -> Vec<(&'static str, OuterForm, OuterRate, OuterMomentum)> {
    let sources = [("SNOO", snoo()), ("MuLoCo", muloco()), ("DiLoCo", diloco()), ("SlowMo", slowmo())];
    let numbers = |(source, config): &(&'static str, lookahead::LookaheadConfig)| {
        let step = config.outer_step()?;
        Some((*source, step.form(), step.rate().at(0), step.momentum().at(0)))
    };
    sources.iter().filter_map(numbers).collect()
}
