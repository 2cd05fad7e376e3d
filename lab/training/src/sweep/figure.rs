//! Whether the runs of a sweep will leave what its figure is drawn from (Fig. 1, Fig. 10).

use super::{Job, PlannedRun};
use crate::config::RunConfig;
use lookahead_runs::Figure;
use lookahead_settings::ConfigError;

/// Why a figure cannot be drawn of these runs, as far as their configurations tell.
pub(super) fn check(figure: Figure, runs: &[PlannedRun]) -> Result<(), String> {
    let is_traced = |config: &RunConfig| config.trace.is_some_and(|trace| trace.epoch <= config.epochs);
    match (figure, runs.first()) {
        (Figure::Trace, Some(_)) if !runs.iter().any(|run| is_traced(&run.config)) => {
            Err("figure = \"trace\" needs a run with a [run.trace] whose epoch it trains".to_owned())
        }
        (Figure::Plane, Some(first)) => match first.config.trace {
            Some(trace) if is_traced(&first.config) && trace.keep_weights && trace.updates.get() >= 2 => Ok(()),
            _ => Err("figure = \"plane\" needs the weights of the first run: a [run.trace] with keep_weights = true, \
                      2 updates or more, and an epoch that the run trains"
                .to_owned()),
        },
        _ => Ok(()),
    }
}

/// Sees that the run is long enough for all its traced updates, so that it leaves the path that Fig. 1 is drawn from.
///
/// # Errors
/// [`ConfigError::Plan`] that names the run.
pub fn check_path(job: &Job) -> Result<(), ConfigError> {
    let Some(trace) = job.config.trace else { return Ok(()) };
    let (steps, epochs) = (job.steps, u64::from(job.config.epochs.get()));
    let cycle = job.config.optimizer.sync_period().map_or(1, |period| period.get());
    // Every epoch of pictures has as many steps.
    let before = (u64::from(trace.epoch.get()) - 1) * (steps / epochs);
    let last = before.next_multiple_of(cycle.into()) + u64::from(trace.updates.get());
    if last <= steps {
        return Ok(());
    }
    let reason = format!("its trace goes to step {last}, but it trains {steps}");
    Err(ConfigError::Plan { sweep: job.label.clone(), reason })
}
