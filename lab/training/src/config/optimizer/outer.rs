//! Lookahead's descendants: an outer step with momentum, each with the numbers of its source.

use std::num::NonZeroU32;

use lookahead::{
    Alpha, InnerStatePolicy, LookaheadConfig, OuterForm, OuterMomentum, OuterRate, OuterStep, Schedule, SyncPeriod,
    family,
};
use lookahead_settings::{ConfigError, Entry, Read, Table};
use serde::Serialize;

use super::{OptimizerConfig, policy, sync_period};

/// Which descendant: it sets the defaults, the form of the momentum, and what its buffer is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// [`family::snoo`].
    Snoo,
    /// [`family::muloco`].
    MuLoCo,
    /// [`family::diloco`], with one worker.
    DiLoCo,
    /// [`family::slowmo`], with one worker.
    SlowMo,
}

impl Member {
    /// k and the outer step, as its source has them.
    fn preset(self) -> (SyncPeriod, OuterStep) {
        let config = match self {
            Self::Snoo => family::snoo(),
            Self::MuLoCo => family::muloco(),
            Self::DiLoCo => family::diloco(),
            Self::SlowMo => family::slowmo(),
        };
        // each of the four has an outer step
        let step = config.outer_step().cloned();
        let without = || OuterStep::nesterov(OuterRate::from(Alpha::ONE), OuterMomentum::ZERO);
        (config.sync_period().at(0), step.unwrap_or_else(without))
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Snoo => "SNOO",
            Self::MuLoCo => "MuLoCo",
            Self::DiLoCo => "DiLoCo",
            Self::SlowMo => "SlowMo",
        }
    }
}

/// An outer step with momentum around another optimizer: b <- mu b + delta, and a step eta along it, every k steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OuterTable {
    /// Which descendant; it stands in the key `name`.
    #[serde(skip)]
    pub member: Member,
    /// The gradient steps from one sync to the next. Default: 28 of `snoo`, 30 of `muloco`, 500 of `diloco`, 48 of
    /// `slowmo`. A multiple of that of a Lookahead inside.
    pub k: SyncPeriod,
    /// The step after which the first sync comes, if it is not k: 1 in SNOO's record on modded-nanogpt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sync: Option<SyncPeriod>,
    /// The outer learning rate, above 0. Default: 0.68, 0.7, 0.7, 1.
    pub eta: OuterRate,
    /// The outer momentum, at least 0 and below 1. Default: 0.37, 0.6, 0.9, 0.5.
    pub mu: OuterMomentum,
    /// The syncs after which the buffer begins afresh, again and again. Never by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_every: Option<NonZeroU32>,
    /// What becomes of the inner optimizer's state at a sync. Default `maintain`.
    pub inner_state: InnerStatePolicy,
    /// The inner optimizer.
    pub inner: Box<OptimizerConfig>,
}

impl OuterTable {
    pub(super) fn read(table: &Table<'_>, member: Member, depth: usize) -> Read<Self> {
        table.accept(&["name", "k", "first_sync", "eta", "mu", "restart_every", "inner_state", "inner"])?;
        let (k, step) = member.preset();
        let config = Self {
            member,
            k: table.or("k", k, sync_period)?,
            first_sync: table.optional("first_sync", sync_period)?,
            eta: table.or("eta", step.rate().at(0), |e| e.hyperparameter(OuterRate::new))?,
            mu: table.or("mu", step.momentum().at(0), |e| e.hyperparameter(OuterMomentum::new))?,
            restart_every: table.optional("restart_every", Entry::count)?,
            inner_state: policy(table)?,
            inner: OptimizerConfig::read_inner(table, depth)?,
        };
        if let Some(inside) = config.inner.sync_period() {
            let syncs = [("k", Some(config.k)), ("first_sync", config.first_sync)];
            for (key, period) in syncs.into_iter().filter_map(|(key, period)| Some((key, period?.get()))) {
                if !period.is_multiple_of(inside.get()) {
                    let accepted = format!("a multiple of {}, the cycle of what is inside", inside.get());
                    return Err(table.refuse(key, period, accepted));
                }
            }
        }
        match config.inner.first_sync() {
            Some(first) => Err(refuse_first_sync(table, first)?),
            None => Ok(config),
        }
    }

    /// What the optimizer is told.
    ///
    /// # Errors
    /// [`lookahead::Error`]; never after reading from a file.
    pub fn config(&self) -> Result<LookaheadConfig, lookahead::Error> {
        let (_, source) = self.member.preset();
        let step = match source.form() {
            OuterForm::Nesterov => OuterStep::nesterov(self.eta, self.mu),
            OuterForm::HeavyBall => OuterStep::heavy_ball(self.eta, self.mu),
        };
        let mut step = step.with_buffer_unit(source.buffer_unit());
        if let Some(every) = self.restart_every {
            step = step.with_restarts(every.get().into())?;
        }
        let periods = self.first_sync.map_or_else(|| self.k.into(), |first| Schedule::syncs_from(first, self.k));
        let config = LookaheadConfig::new().with_sync_period(periods).with_inner_state(self.inner_state);
        Ok(config.with_outer_step(step))
    }
}

/// A first cycle of another length is for the outermost optimizer alone: another's syncs would fall inside it.
pub(super) fn refuse_first_sync(around: &Table<'_>, first: SyncPeriod) -> Read<ConfigError> {
    let accepted = "left out inside of another optimizer that syncs".to_owned();
    let mut table = around.table("inner")?;
    while table.get("first_sync").is_none() {
        table = table.table("inner")?;
    }
    Ok(table.refuse("first_sync", first.get(), accepted))
}
