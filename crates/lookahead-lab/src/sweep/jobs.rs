//! Does the runs of a sweep, several at once where that is asked for, each on its share of the cores.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use rayon::ThreadPoolBuilder;

use super::PlannedRun;
use crate::Error;
use crate::config::RunConfig;
use crate::data::Data;
use crate::report::RunResult;
use crate::run::{folder, run};
use crate::task::{ForTask, Task, with_task};
use crate::train::Observer;

/// A run with its data.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is, for people.
    pub label: String,
    /// Its configuration.
    pub config: RunConfig,
    /// Its data, which jobs share.
    pub data: Arc<Data>,
}

impl Job {
    /// Reads the data of all runs, each set once.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn load(runs: Vec<PlannedRun>) -> Result<Vec<Self>, Error> {
        let mut jobs: Vec<Self> = Vec::new();
        for PlannedRun { label, config } in runs {
            let data = match jobs.iter().find(|job| job.config.data == config.data) {
                Some(job) => Arc::clone(&job.data),
                None => Arc::new(Data::load(&config.data)?),
            };
            jobs.push(Self { label, config, data });
        }
        Ok(jobs)
    }

    /// The gradient steps of the whole run.
    #[must_use]
    pub fn steps(&self) -> u64 {
        // The data is the configuration's own.
        with_task(&self.config, &self.data, Steps(self.config.epochs)).unwrap_or(0)
    }
}

/// The steps of so many epochs.
struct Steps(NonZeroU32);

impl ForTask for Steps {
    type Output = u64;

    fn with<T: Task>(self, task: &T) -> u64 {
        (0..self.0.get()).map(|epoch| u64::from(task.steps(epoch))).sum()
    }
}

/// Follows a sweep as it goes.
pub trait Follow: Sync {
    /// A run begins; what follows it.
    fn begin(&self, job: &Job) -> Box<dyn Observer + '_>;
    /// A run had been finished before.
    fn skip(&self, job: &Job);
    /// A run is at its end.
    fn end(&self, job: &Job, result: &RunResult);
}

/// Does the runs in order, `at_once` at a time; each computes with its share of the processor's cores.
///
/// # Errors
/// The first error of a run. The others then stop with a checkpoint, as they do after `stop`.
pub fn do_runs(
    jobs: &[Job],
    out: &Path,
    at_once: NonZeroUsize,
    follow: &dyn Follow,
    stop: &AtomicBool,
) -> Result<(), Error> {
    let at_once = at_once.get().min(jobs.len().max(1));
    let threads = (available_parallelism().map_or(1, NonZeroUsize::get) / at_once).max(1);
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = do_run(job, out, follow, stop) {
                first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                stop.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    };
    std::thread::scope(|scope| -> Result<(), Error> {
        for _ in 0..at_once {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| Error::io(out)(std::io::Error::other(error)))?;
            scope.spawn(move || pool.install(work));
        }
        Ok(())
    })?;
    let first_error = first_error.into_inner().unwrap_or_else(PoisonError::into_inner);
    first_error.map_or(Ok(()), Err)
}

fn do_run(job: &Job, out: &Path, follow: &dyn Follow, stop: &AtomicBool) -> Result<(), Error> {
    let folder = folder(out, &job.config);
    let was_finished = folder.join("result.json").is_file();
    let result = run(&job.config, &job.data, &folder, &mut *follow.begin(job), stop)?;
    if was_finished {
        follow.skip(job);
    } else {
        follow.end(job, &result);
    }
    Ok(())
}
