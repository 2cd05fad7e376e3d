//! The outer step of Lookahead's descendants: SGD with momentum on the way that a cycle has gone.

use std::num::NonZeroU64;

use crate::kernels::momentum::Coefficients;
use crate::{Alpha, ChosenAlpha, Description, Error, OuterMomentum, OuterRate, Schedule};

/// What a sync makes of the way `delta = phi - theta` that the fast weights have gone in a cycle:
///
/// ```text
/// b   <- mu rho b + delta
/// phi <- phi - eta d,  theta <- phi      d = delta without momentum, b for the heavy ball, delta + mu b for Nesterov
/// ```
///
/// with the outer learning rate eta, the outer momentum mu, and rho as [`BufferUnit`] says: 1 by default. The buffer b
/// begins at 0 and takes as much memory as the slow weights. Without momentum it is Eq. 1 with alpha = eta: where mu is
/// 0 and eta at most 1 for all time, it is kept as that alpha, and is today's Lookahead in every bit and byte.
///
/// # What converges
/// On a quadratic where k inner steps leave c of a weight, and the inner optimizer forgets at a sync, it converges if
/// and only if `eta (1 - c)` is above 0 and below `2 (1 + mu) / (1 + 2 mu)`, for the heavy ball below `2 (1 + mu)`. Around
/// momentum that is maintained it can diverge far below that: with eta = 0.7 and mu = 0.9 around SGD with momentum
/// 0.9 some learning rates do for each k of 1 to 6. `largest_stable_rate` of the package `lookahead-theory`, and `lookahead theory rate`, tell the
/// border.
///
/// # The inner state
/// For "interpolate" the inner state moves by eta, by 1 where eta is above it. A tensor whose gradients end coasts on
/// until b has died away.
///
/// ```
/// use lookahead::{Lookahead, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, SyncPeriod, rules::AdamW};
/// let step = OuterStep::nesterov(OuterRate::new(0.7)?, OuterMomentum::new(0.9)?);
/// let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(20)?).with_outer_step(step);
/// let optimizer = Lookahead::with_config(AdamW::new(), config)?;
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct OuterStep {
    rate: Schedule<OuterRate>,
    momentum: Schedule<OuterMomentum>,
    #[cfg_attr(feature = "serde", serde(default))]
    form: OuterForm,
    #[cfg_attr(feature = "serde", serde(default))]
    buffer: BufferUnit,
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "read_restarts"))]
    restart_every: Option<NonZeroU64>,
}

/// Which momentum an [`OuterStep`] has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OuterForm {
    /// Nesterov's as PyTorch has it, `d = delta + mu b` with the new b. The default (DiLoCo, SNOO, MuLoCo).
    #[default]
    Nesterov,
    /// The heavy ball's, `d = b` (SlowMo).
    HeavyBall,
}

/// In what an [`OuterStep`] measures its buffer, and so the factor rho for what is left of it when that changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum BufferUnit {
    /// The ways delta themselves: rho = 1 (DiLoCo, SNOO). The default.
    #[default]
    Delta,
    /// Ways over the learning rate gamma, `u <- mu u + delta / gamma`, `phi <- phi - eta gamma u` (SlowMo): with b =
    /// gamma u, rho is the learning rate of this sync's step over that of the last one's. A learning rate of 0 counts
    /// as the one before.
    DeltaOverLearningRate,
    /// Outer steps, `u <- mu u + eta delta`, `phi <- phi - (mu u + eta delta)` (MuLoCo): with b = u / eta, rho is the
    /// last outer learning rate over this one. So an old step keeps its length when eta changes.
    OuterStep,
}

/// What an [`OuterStep`] remembers from one sync to the next beside its buffers, for an engine of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BufferScale {
    /// In what the buffers were measured at the last sync.
    pub unit: BufferUnit,
    /// How large that was; 0 before the first sync.
    pub size: f64,
    /// The learning rate of the last gradient step.
    pub lr: f64,
}

fn restarts(outer_steps: u64) -> Result<NonZeroU64, Error> {
    let refused = Error::OutOfRange { name: "restart_every", value: 0.0, accepted: "at least 1" };
    NonZeroU64::new(outer_steps).ok_or(refused)
}

#[cfg(feature = "serde")]
fn read_restarts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU64>, D::Error> {
    let read: Option<u64> = serde::Deserialize::deserialize(deserializer)?;
    read.map(restarts).transpose().map_err(serde::de::Error::custom)
}

impl OuterStep {
    /// Nesterov momentum. Each of the two may be a schedule over the outer steps.
    #[must_use]
    pub fn nesterov(rate: impl Into<Schedule<OuterRate>>, momentum: impl Into<Schedule<OuterMomentum>>) -> Self {
        let (form, buffer) = (OuterForm::Nesterov, BufferUnit::Delta);
        Self { rate: rate.into(), momentum: momentum.into(), form, buffer, restart_every: None }
    }

    /// The heavy ball. Each of the two may be a schedule over the outer steps.
    #[must_use]
    pub fn heavy_ball(rate: impl Into<Schedule<OuterRate>>, momentum: impl Into<Schedule<OuterMomentum>>) -> Self {
        Self { form: OuterForm::HeavyBall, ..Self::nesterov(rate, momentum) }
    }

    /// Sets in what the buffer is measured.
    #[must_use]
    pub fn with_buffer_unit(self, buffer: BufferUnit) -> Self {
        Self { buffer, ..self }
    }

    /// Starts the buffer afresh at every so many outer steps. See also
    /// [`restart_momentum`](crate::LookaheadState::restart_momentum).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if `outer_steps` is 0.
    pub fn with_restarts(self, outer_steps: u64) -> Result<Self, Error> {
        Ok(Self { restart_every: Some(restarts(outer_steps)?), ..self })
    }

    /// The outer learning rate eta.
    #[must_use]
    pub fn rate(&self) -> &Schedule<OuterRate> {
        &self.rate
    }

    /// The outer momentum mu.
    #[must_use]
    pub fn momentum(&self) -> &Schedule<OuterMomentum> {
        &self.momentum
    }

    /// Nesterov's or the heavy ball's.
    #[must_use]
    pub fn form(&self) -> OuterForm {
        self.form
    }

    /// In what the buffer is measured.
    #[must_use]
    pub fn buffer_unit(&self) -> BufferUnit {
        self.buffer
    }

    /// After how many outer steps the buffer starts afresh.
    #[must_use]
    pub fn restart_every(&self) -> Option<u64> {
        self.restart_every.map(NonZeroU64::get)
    }

    /// The alphas that make Eq. 1 the same, where mu is 0 and eta at most 1 for all time.
    #[must_use]
    pub fn as_alpha(&self) -> Option<Schedule<Alpha>> {
        let without_momentum = self.momentum.values().all(|mu| mu == OuterMomentum::ZERO);
        let is_alpha = without_momentum && self.rate.values().all(|rate| rate.get() <= 1.0);
        is_alpha.then(|| self.rate.map(|rate| rate.as_alpha().alpha))
    }

    /// How far the inner state goes in outer step `outer` under "interpolate": eta, clipped to 1.
    #[must_use]
    pub fn alpha(&self, outer: u64) -> ChosenAlpha {
        self.rate.at(outer).as_alpha()
    }

    /// The numbers of outer step `outer`, of the sync that comes now: `scale` is as the last one left it, and learns of
    /// this one.
    #[must_use]
    pub fn coefficients(&self, outer: u64, scale: &mut BufferScale) -> Coefficients<f64> {
        let (rate, momentum) = (self.rate.at(outer).get(), self.momentum.at(outer).get());
        let now = match self.buffer {
            BufferUnit::Delta => 1.0,
            BufferUnit::DeltaOverLearningRate => scale.lr,
            BufferUnit::OuterStep => 1.0 / rate,
        };
        let mut rho = 1.0;
        if now > 0.0 && now.is_finite() {
            // measured otherwise until now, it holds its ways
            rho = if scale.unit == self.buffer && scale.size > 0.0 { now / scale.size } else { 1.0 };
            (scale.unit, scale.size) = (self.buffer, now);
        }
        let restarts = self.restart_every.is_some_and(|every| outer.is_multiple_of(every.get()));
        let kept = if restarts { 0.0 } else { momentum * rho };
        Coefficients { rate, momentum, kept, nesterov: self.form == OuterForm::Nesterov }
    }

    /// Adds its hyperparameters to those of a Lookahead.
    pub(crate) fn describe_in(&self, lookahead: Description) -> Description {
        let form = match self.form {
            OuterForm::Nesterov => "nesterov",
            OuterForm::HeavyBall => "heavy_ball",
        };
        let buffer = match self.buffer {
            BufferUnit::Delta => "delta",
            BufferUnit::DeltaOverLearningRate => "delta_over_learning_rate",
            BufferUnit::OuterStep => "outer_step",
        };
        lookahead
            .with("outer_rate", &self.rate)
            .with("outer_momentum", &self.momentum)
            .with("outer_form", form)
            .with("outer_buffer", buffer)
            .with("restart_every", self.restart_every.map_or(0, NonZeroU64::get))
    }
}
