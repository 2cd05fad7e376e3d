//! Does the runs of a sweep, several at once where that is asked for, each on its share of the cores.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, available_parallelism};
use std::time::Duration;

use rayon::ThreadPoolBuilder;

use super::PlannedRun;
use crate::Error;
use crate::config::RunConfig;
use crate::device;
use crate::run::{folder, run, run_as_worker};
use crate::task::{ForTask, Task, with_task};
use crate::train::Observer;
use crate::workers::Share;
use lookahead::collective::Collective;
use lookahead_data::Data;
use lookahead_runs::RunResult;
use lookahead_runs::Stop;
use lookahead_runs::files::FileError;

/// A run with its data.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is, for people.
    pub label: String,
    /// Its configuration.
    pub config: RunConfig,
    /// Its data, which jobs share.
    pub data: Arc<Data>,
    /// The gradient steps of the whole run.
    pub steps: u64,
}

impl Job {
    /// Reads the data of all runs, each set once, and sees that it can be trained on, and on which device.
    ///
    /// # Errors
    /// [`Error::Config`] of [`RunConfig::check_reach`]; [`Error::Data`]; what [`with_task`] and
    /// [`device::open_for`] refuse.
    pub fn load(runs: Vec<PlannedRun>) -> Result<Vec<Self>, Error> {
        let mut jobs: Vec<Self> = Vec::new();
        for PlannedRun { label, config } in runs {
            config.check_reach(&label)?;
            device::open_for(&config)?;
            let data = match jobs.iter().find(|job| job.config.data == config.data) {
                Some(job) => Arc::clone(&job.data),
                None => Arc::new(Data::load(&config.data)?),
            };
            // Of runs that differ by their seeds alone, the steps are counted once.
            let like = jobs.last().filter(|job| job.config == RunConfig { seed: job.config.seed, ..config.clone() });
            let steps = match like {
                Some(job) => job.steps,
                None => with_task(&config, &data, Share::of(&config, 0), Steps(config.epochs))?,
            };
            jobs.push(Self { label, config, data, steps });
        }
        Ok(jobs)
    }
}

/// The steps of so many epochs.
struct Steps(NonZeroU32);

impl ForTask for Steps {
    type Output = u64;

    fn with<T: Task>(self, task: &T) -> u64 {
        task.steps_of(self.0.get())
    }
}

/// Follows a sweep as it goes.
pub trait Follow: Sync {
    /// A run begins; what follows it.
    fn begin(&self, job: &Job) -> Box<dyn Observer + '_>;
    /// A run had been finished before.
    fn skip(&self, job: &Job);
    /// Another process is doing a run, and there is nothing else left to do: whether to wait for it.
    fn waits(&self, job: &Job) -> bool;
    /// A run is at its end.
    fn end(&self, job: &Job, result: &RunResult);
}

/// How long it is waited before a run is tried again that another process is doing.
const PAUSE: Duration = Duration::from_millis(300);

/// Does the runs in order, `at_once` at a time; each computes with its share of the processor's cores. A run that another
/// process is doing comes after all others; then it is waited for, if `follow` says so.
///
/// # Errors
/// The first error of a run, [`Error::Panic`] for a fault in it. The others then stop with a checkpoint, as they do after
/// `stop`; but a run that cannot be read ([`Error::UnreadableRun`]), or comes to values that are not finite
/// ([`Error::OfOneRun`]), stops none of them. [`Error::Interrupted`] after `stop`.
pub fn do_runs(jobs: &[Job], out: &Path, at_once: NonZeroUsize, follow: &dyn Follow, stop: &Stop) -> Result<(), Error> {
    let at_once = at_once.get().min(jobs.len().max(1));
    let threads = (available_parallelism().map_or(1, NonZeroUsize::get) / at_once).max(1);
    // Each with how often it was found busy.
    let queue: Mutex<VecDeque<(&Job, u32)>> = Mutex::new(jobs.iter().map(|job| (job, 0)).collect());
    let queue = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let first_error = Mutex::new(None);
    let stop = &stop.within();
    let work = || {
        while let Some((job, found_busy)) = { queue().pop_front() } {
            if found_busy > 0 {
                thread::sleep(PAUSE);
            }
            let done = catch_unwind(AssertUnwindSafe(|| do_run(job, out, follow, stop, None)));
            let done =
                done.unwrap_or_else(|panic| Err(Error::Panic { run: job.label.clone(), message: message(&*panic) }));
            match done {
                Ok(()) => {}
                Err(Error::Busy { .. }) if found_busy != 1 || follow.waits(job) => {
                    queue().push_back((job, found_busy.saturating_add(1)));
                }
                Err(error) => {
                    if !error.leaves_others_alone() {
                        stop.ask();
                    }
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
            if stop.is_asked() {
                break;
            }
        }
    };
    let started = thread::scope(|scope| {
        let start = || {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(io::Error::other)?;
            thread::Builder::new().spawn_scoped(scope, move || pool.install(work)).map(|_| ())
        };
        // Those that have begun do not go on alone.
        (0..at_once).try_for_each(|_| start()).inspect_err(|_| {
            stop.ask();
        })
    });
    let first_error = first_error.into_inner().unwrap_or_else(PoisonError::into_inner);
    started.map_err(Error::io(out))?;
    first_error.map_or_else(|| Ok(stop.check()?), Err)
}

/// Does the runs in order as one of the workers of all of them; each calls it, with the same runs.
///
/// # Errors
/// The first error of a run; [`Error::OtherWorkers`] for a run of another number of workers; [`Error::Interrupted`] on all of
/// them after `stop` on any.
pub fn do_runs_as_worker(
    jobs: &[Job],
    out: &Path,
    workers: &mut dyn Collective,
    follow: &dyn Follow,
    stop: &Stop,
) -> Result<(), Error> {
    jobs.iter().try_for_each(|job| do_run(job, out, follow, stop, Some(&mut *workers)))
}

fn do_run(
    job: &Job,
    out: &Path,
    follow: &dyn Follow,
    stop: &Stop,
    workers: Option<&mut dyn Collective>,
) -> Result<(), Error> {
    let folder = folder(out, &job.config);
    let was_finished = folder.join("result.json").is_file();
    let mut observer = follow.begin(job);
    let done = match workers {
        Some(workers) => run_as_worker(&job.config, &job.data, &folder, &mut *observer, stop, workers),
        None => run(&job.config, &job.data, &folder, &mut *observer, stop),
    };
    let result = done.map_err(|error| match error {
        // What cannot be written stops the other runs too.
        Error::File(FileError::Write { .. }) => error,
        Error::NonFinite { .. } | Error::File(FileError::NotAFolder { .. }) => {
            Error::OfOneRun { run: job.label.clone(), cause: Box::new(error) }
        }
        Error::File(_) | Error::DamagedCheckpoint { .. } | Error::OtherConfig { .. } => {
            Error::UnreadableRun { folder: folder.clone(), cause: Box::new(error) }
        }
        _ => error,
    })?;
    if was_finished {
        follow.skip(job);
    } else {
        follow.end(job, &result);
    }
    Ok(())
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
