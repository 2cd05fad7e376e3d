//! The hyperparameters of the slow step over several workers: those of a Lookahead, and how it travels.

use lookahead::{
    InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, Schedule, SlowStorage, StepSize, SyncPeriod,
};

use crate::Error;

/// In what the mean travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wire {
    /// In the precision of the weights. The default.
    #[default]
    Full,
    /// In 8 bits with error feedback: a quarter of the bytes of f32, and other results ([`Int8Feedback`](crate::Int8Feedback)).
    Int8,
}

/// k, the outer step, and how the mean over workers travels.
///
/// ```
/// use lookahead::family;
/// use lookahead_mpi::SlowStepConfig;
/// let diloco = SlowStepConfig::new(&family::diloco())?;
/// assert_eq!(diloco.algorithm(), "slow_step");
/// assert_eq!(diloco.with_delay(20)?.algorithm(), "delayed_slow_step");
/// # Ok::<(), lookahead_mpi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SlowStepConfig {
    every: Schedule<SyncPeriod>,
    step: OuterStep,
    delay: u32,
    wire: Wire,
    check_every: u64,
}

impl SlowStepConfig {
    /// The slow step of a Lookahead or of one of its descendants, with the mean over the workers as its fast weights. The
    /// inner optimizer and its state are each worker's own.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an adaptive alpha, bf16 slow weights, or an inner state that is not maintained.
    pub fn new(lookahead: &LookaheadConfig) -> Result<Self, Error> {
        let refused = |what| Err(Error::Unsupported { what });
        if lookahead.inner_state() != InnerStatePolicy::Maintain {
            return refused("inner state that is reset or interpolated");
        }
        if lookahead.slow_storage() != SlowStorage::Full {
            return refused("slow weights in bf16");
        }
        let step = match lookahead.step_size() {
            // a schedule without changes is saved as what it is, a constant
            StepSize::Fixed(alpha) if alpha.values().count() == 1 => {
                OuterStep::nesterov(OuterRate::from(alpha.at(0)), OuterMomentum::ZERO)
            }
            StepSize::Fixed(alpha) => OuterStep::nesterov(alpha.map(Into::into), OuterMomentum::ZERO),
            StepSize::Outer(step) => step.clone(),
            StepSize::Adaptive(_) => return refused("adaptive alpha"),
        };
        let every = lookahead.sync_period().clone();
        Ok(Self { every, step, delay: 0, wire: Wire::Full, check_every: 100 })
    }

    /// Starts the mean so many inner steps before the end of the cycle, 0 by default. That is another algorithm:
    ///
    /// ```text
    /// after step k - tau:   theta' <- theta, and the mean of theta' starts
    /// after step k:         phi <- the outer step with the mean of theta'
    ///                       theta <- phi + (theta - theta')
    /// ```
    ///
    /// What a worker does while the mean travels is its own until the next cycle's mean. Replicas agree in phi alone.
    ///
    /// # Errors
    /// [`Error::DelayTooLong`] unless it is below every k.
    pub fn with_delay(self, delay: u32) -> Result<Self, Error> {
        let period = self.every.values().map(SyncPeriod::get).min().unwrap_or(1);
        if delay >= period {
            return Err(Error::DelayTooLong { delay, period });
        }
        Ok(Self { delay, ..self })
    }

    /// In what the mean travels.
    #[must_use]
    pub fn with_wire(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// Checks at every so many outer steps that the slow weights have the same bits everywhere; 100 by default, 0 for never.
    #[must_use]
    pub fn with_check_every(self, outer_steps: u64) -> Self {
        Self { check_every: outer_steps, ..self }
    }

    /// k over the outer steps.
    #[must_use]
    pub fn sync_period(&self) -> &Schedule<SyncPeriod> {
        &self.every
    }

    /// The outer step.
    #[must_use]
    pub fn outer_step(&self) -> &OuterStep {
        &self.step
    }

    /// tau, in inner steps.
    #[must_use]
    pub fn delay(&self) -> u32 {
        self.delay
    }

    /// In what the mean travels.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// What it is, for configurations and reports: a delay is an algorithm of its own.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        if self.delay == 0 { "slow_step" } else { "delayed_slow_step" }
    }

    pub(crate) fn checks(&self, outer: u64) -> bool {
        self.check_every > 0 && outer.is_multiple_of(self.check_every)
    }
}
