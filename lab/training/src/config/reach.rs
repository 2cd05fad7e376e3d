//! What a run's configuration asks for after the run's end, and so in vain.

use std::num::NonZeroU32;

use super::{
    AveragedConfig, ConfigError, EmaNesterovTable, GpaTable, KeepConfig, OptimizerConfig, OuterTable, RunConfig,
    ScheduleFreeTable,
};

impl RunConfig {
    /// Sees that the traced epoch, the one from which another alpha holds, and the evaluations that are averaged
    /// come about; `run` names the run. Not a matter of reading: overrides come one by one, and only all together have to fit.
    ///
    /// # Errors
    /// [`ConfigError::Plan`], with the key, its value and what is accepted.
    pub fn check_reach(&self, run: &str) -> Result<(), ConfigError> {
        let refuse = |key: &str, value: NonZeroU32, most: u32, of: &str| {
            let reason = format!("`{key}` is {value}, but must be at most {most}, the number of {of} of the run");
            Err(ConfigError::Plan { sweep: run.to_owned(), reason })
        };
        let epochs = self.epochs;
        if let Some(trace) = self.trace.filter(|trace| trace.epoch > epochs) {
            return refuse("trace.epoch", trace.epoch, epochs.get(), "epochs");
        }
        if let Some((key, epoch)) = self.optimizer.then_after(epochs, "optimizer") {
            return refuse(&key, epoch, epochs.get(), "epochs");
        }
        let evaluations = epochs.get().div_ceil(self.evaluate_every.get());
        match self.keep {
            KeepConfig::Average(count) if count.get() > evaluations => {
                refuse("average_epochs", count, evaluations, "evaluations")
            }
            KeepConfig::Average(_) | KeepConfig::Best | KeepConfig::Last => Ok(()),
        }
    }
}

impl OptimizerConfig {
    /// An epoch after the last one from which another alpha would hold, and its key; `path` is this optimizer's.
    fn then_after(&self, last: NonZeroU32, path: &str) -> Option<(String, NonZeroU32)> {
        let inner = match self {
            Self::Lookahead(lookahead) => {
                if let Some(then) = lookahead.then.filter(|then| then.epoch > last) {
                    return Some((format!("{path}.then.epoch"), then.epoch));
                }
                &lookahead.inner
            }
            Self::Snoo(OuterTable { inner, .. })
            | Self::MuLoCo(OuterTable { inner, .. })
            | Self::DiLoCo(OuterTable { inner, .. })
            | Self::SlowMo(OuterTable { inner, .. })
            | Self::Averaged(AveragedConfig { inner, .. })
            | Self::ScheduleFree(ScheduleFreeTable { inner, .. })
            | Self::Gpa(GpaTable { inner, .. })
            | Self::EmaNesterov(EmaNesterovTable { inner, .. }) => inner,
            Self::Sgd(_) | Self::Adam(_) | Self::AdamW(_) | Self::AdaFactor(_) => return None,
        };
        inner.then_after(last, &format!("{path}.inner"))
    }
}
