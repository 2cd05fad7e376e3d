//! The outermost Lookahead, or descendant of it, by itself: what several workers share of an optimizer.

use lookahead::{LookaheadConfig, Schedule};
use lookahead_mpi::SlowStepConfig;

use super::{LookaheadTable, OptimizerConfig, StepSizeConfig};
use crate::Error;
use crate::config::WorkersConfig;

impl LookaheadTable {
    /// What the optimizer is told; `steps_of` counts the steps of so many epochs.
    ///
    /// # Errors
    /// [`lookahead::Error`]; never after reading from a file.
    pub fn config(&self, steps_of: &dyn Fn(u32) -> u64) -> Result<LookaheadConfig, lookahead::Error> {
        let config = LookaheadConfig::new().with_sync_period(self.sync_period);
        let config = match self.step_size {
            StepSizeConfig::Alpha(alpha) => {
                let change = self.then.map(|then| {
                    let before = steps_of(then.epoch.get() - 1);
                    (before.div_ceil(self.sync_period.get().into()), then.alpha)
                });
                config.with_alpha(Schedule::steps(alpha, change)?)
            }
            StepSizeConfig::Adaptive(adaptive) => config.with_adaptive_alpha(adaptive.estimate),
        };
        Ok(config.with_inner_state(self.inner_state).with_slow_storage(self.slow_weights.storage()))
    }
}

impl OptimizerConfig {
    /// The slow step that several workers take in the place of the outermost Lookahead, and the optimizer inside, which each of
    /// them has for itself; `None` without such an outer step.
    ///
    /// # Errors
    /// [`Error::Workers`] for what has no form with several workers, and a delay that is no part of a cycle.
    pub fn slow_step(
        &self,
        workers: &WorkersConfig,
        steps_of: &dyn Fn(u32) -> u64,
    ) -> Result<Option<(SlowStepConfig, &Self)>, Error> {
        let (config, inner) = match self {
            Self::Lookahead(table) => (table.config(steps_of)?, &table.inner),
            Self::Snoo(table) | Self::MuLoCo(table) | Self::DiLoCo(table) | Self::SlowMo(table) => {
                (table.config()?, &table.inner)
            }
            _ => return Ok(None),
        };
        let config = SlowStepConfig::new(&config)?.with_delay(workers.delay)?.with_wire(workers.wire.wire());
        Ok(Some((config, inner)))
    }
}
