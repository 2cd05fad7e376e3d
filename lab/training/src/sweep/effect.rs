//! What a group sets of its runs, and whether they are so.

use crate::config::{GroupConfig, Override, RunConfig, is_below};
use lookahead_runs::Scale;

/// The overrides of a group at a point of its grid, in their order: without those that a scale, a point or a grid is to
/// replace.
pub(super) fn of<'a>(group: &'a GroupConfig, scale: Scale, point: &'a [Override]) -> Vec<&'a Override> {
    let at_scale: Vec<&Override> = group.at(scale).collect();
    let is_replaced = |own: &&Override, by: &Override| own.key() == by.key() || is_below(own.key(), by.key());
    let stays = |own: &&Override| !at_scale.iter().any(|by| is_replaced(own, by));
    let (set, at_scale) = (group.set.iter().filter(stays), at_scale.iter().copied());
    let stays = |own: &&Override| !point.iter().any(|by| is_replaced(own, by));
    set.chain(at_scale).filter(stays).chain(point).collect()
}

/// The first of them that the configuration is not as.
pub(super) fn undone<'a>(config: &RunConfig, own: &[&'a Override]) -> Option<&'a Override> {
    let texts: Vec<&str> = own.iter().map(|own| own.text.as_str()).collect();
    let undone = config.undone(&texts)?;
    own.iter().copied().find(|own| own.text == undone)
}
