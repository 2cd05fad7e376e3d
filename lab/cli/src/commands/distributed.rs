//! `--distributed`: several workers, as the ranks of an MPI job or as threads of this process.

use std::num::NonZeroUsize;

use clap::ValueEnum;
use lookahead::collective::Collective;
use lookahead_runs::Stop;
use lookahead_training::config::{RunConfig, WorkersMode};

use super::count;

#[derive(Debug, clap::Args)]
pub struct Distributed {
    /// Train with several workers, each with a share of the training examples: `slow-step` takes k steps alone, then one step
    /// of the outermost lookahead, snoo, muloco, diloco or slowmo together; `gradients` averages gradients at each step. They are
    /// the ranks of an MPI job (mpirun -n 4 lookahead ..., in a build with --features mpi), or threads (--workers). It is
    /// part of what a run is.
    #[arg(long, value_enum, value_name = "MODE")]
    distributed: Option<Mode>,
    /// How many workers, as threads of this process, at most 1024. Under mpirun the ranks are the workers.
    #[arg(long, value_name = "N", requires = "distributed",
        value_parser = count::<1024>, allow_negative_numbers = true)]
    workers: Option<NonZeroUsize>,
    /// Seconds that a rank waits for the others before the job ends (exit code 75): longer than an evaluation takes, which the
    /// first one makes.
    #[arg(long, value_name = "SECONDS", requires = "distributed", default_value = "3600",
        value_parser = count::<1_000_000>, allow_negative_numbers = true)]
    deadline: NonZeroUsize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    SlowStep,
    Gradients,
}

/// An option that cannot be what it is here.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongOption(&'static str);

const NO_WORKERS: &str = "--distributed needs workers: start it with mpirun -n N, or give --workers N for threads";
const NO_MPI: &str = "this program was built without MPI: build it with the feature `mpi` (cargo build --release --features mpi, \
                      which needs an MPI library and libclang), or give --workers N for threads, without mpirun";
const TWO_NUMBERS: &str = "--workers is for threads of one process: under mpirun its -n is the number of workers";
const TWO_MODES: &str =
    "--set gives other workers than --distributed: leave `workers.mode` and `workers.count` out of it";
const ONE_JOB: &str = "--jobs is for one process: the ranks of an MPI job do one run after another together";

/// What several workers are, for the work of one process.
pub struct Together<'w> {
    /// The ranks of the job that this process is one of.
    pub ranks: Option<&'w mut dyn Collective>,
    /// What the command line asks for: what they share, and how many they are.
    asked: Option<(WorkersMode, usize)>,
}

impl Together<'_> {
    /// How runs are changed to have several workers.
    pub fn set(&self) -> Option<String> {
        self.asked.map(|(mode, count)| format!("workers={{ mode = \"{}\", count = {count} }}", mode.name()))
    }

    /// # Errors
    /// [`WrongOption`] where another option has changed what [`set`](Self::set) has set.
    pub fn check(&self, config: &RunConfig) -> Result<(), WrongOption> {
        let found = config.workers.map(|workers| (workers.mode, workers.count.get() as usize));
        if self.asked.is_none() || found == self.asked { Ok(()) } else { Err(WrongOption(TWO_MODES)) }
    }

    /// Whether this process shows and writes what is done.
    pub fn is_lead(&self) -> bool {
        self.ranks.as_ref().is_none_or(|ranks| ranks.rank() == 0)
    }
}

/// Whether a launcher of MPI has started this process.
fn is_launched() -> bool {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

impl Distributed {
    /// How a reader would type it, behind the number of workers where that is not said otherwise.
    pub fn words(&self) -> Option<String> {
        let mode = self.distributed?.of_workers().name();
        Some(match self.workers {
            Some(workers) => format!("--distributed {mode} --workers {workers}"),
            None => format!("--distributed {mode}"),
        })
    }

    /// Does the work as it is asked for; `jobs` is how many runs at once.
    pub fn with(
        &self,
        jobs: NonZeroUsize,
        stop: &Stop,
        work: impl FnOnce(Together<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(mode) = self.distributed else { return work(Together { ranks: None, asked: None }) };
        let asked = |count: usize| Some((mode.of_workers(), count));
        match (self.workers, is_launched()) {
            (Some(_), true) if cfg!(feature = "mpi") => Err(WrongOption(TWO_NUMBERS).into()),
            (_, true) | (None, _) if !cfg!(feature = "mpi") => Err(WrongOption(NO_MPI).into()),
            (Some(workers), _) => work(Together { ranks: None, asked: asked(workers.get()) }),
            (None, false) => Err(WrongOption(NO_WORKERS).into()),
            (None, true) if jobs.get() > 1 => Err(WrongOption(ONE_JOB).into()),
            (None, true) => self.with_mpi(stop, |ranks| {
                let asked = asked(ranks.size());
                work(Together { ranks: Some(ranks), asked })
            }),
        }
    }

    #[cfg(not(feature = "mpi"))]
    fn with_mpi(&self, _: &Stop, _: impl FnOnce(&mut dyn Collective) -> anyhow::Result<()>) -> anyhow::Result<()> {
        Err(WrongOption(NO_MPI).into())
    }

    /// As a rank of an MPI job, which an error of this rank alone ends.
    #[cfg(feature = "mpi")]
    fn with_mpi(
        &self,
        stop: &Stop,
        work: impl FnOnce(&mut dyn Collective) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // The process may not end before it has left the job.
        let _unsaved = stop.unsaved();
        let deadline = std::time::Duration::from_secs(self.deadline.get() as u64);
        let mut ranks = lookahead_mpi::Mpi::start(deadline)?;
        if let Some(here) =
            std::env::var("OMPI_COMM_WORLD_LOCAL_SIZE").ok().and_then(|ranks| ranks.parse::<usize>().ok())
        {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            // Whoever has set the pool's threads by RAYON_NUM_THREADS has them.
            if std::env::var_os("RAYON_NUM_THREADS").is_none() {
                rayon::ThreadPoolBuilder::new().num_threads((cores / here.max(1)).max(1)).build_global().ok();
            }
        }
        let rank = ranks.rank();
        match work(&mut ranks) {
            Err(error) if !matches!(error.downcast_ref(), Some(lookahead_training::Error::Interrupted)) => {
                super::complain(&format!("error on rank {rank}: {error:#}"));
                lookahead_mpi::abort(crate::code_of(&error))
            }
            done => done,
        }
    }
}

impl Mode {
    fn of_workers(self) -> WorkersMode {
        match self {
            Self::SlowStep => WorkersMode::SlowStep,
            Self::Gradients => WorkersMode::Gradients,
        }
    }
}
