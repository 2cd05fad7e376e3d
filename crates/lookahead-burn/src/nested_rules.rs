//! The per-parameter Lookaheads inside a rule, found without running it: a clone of the rule clones them, and they tell.

use std::cell::RefCell;

use lookahead::{Schedule, SyncPeriod};

thread_local! {
    /// What has been told since [`in_rule`] began to listen.
    static TOLD: RefCell<Option<Vec<Schedule<SyncPeriod>>>> = const { RefCell::new(None) };
}

/// Clones what is inside of a per-parameter Lookahead, which tells its sync period if anyone listens; those inside of it
/// keep silent.
pub(crate) fn clone_within<O: Clone>(sync_period: &Schedule<SyncPeriod>, inner: &O) -> O {
    let told = TOLD.take();
    let inner = inner.clone();
    TOLD.set(told);
    TOLD.with_borrow_mut(|told| told.iter_mut().for_each(|told| told.push(sync_period.clone())));
    inner
}

/// The sync periods of the per-parameter Lookaheads that a rule is or has, of each outermost one.
pub(crate) fn in_rule<O: Clone>(rule: &O) -> Vec<Schedule<SyncPeriod>> {
    let before = TOLD.replace(Some(Vec::new()));
    drop(rule.clone());
    TOLD.replace(before).unwrap_or_default()
}
