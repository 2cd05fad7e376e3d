//! Workers as threads of this process.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use lookahead::collective::{Collective, CollectiveError, Threads};
use rayon::ThreadPoolBuilder;

use crate::Error;

/// Does the work of each worker: the first one's here, the others' on threads of their own, each with its share of the cores.
/// Gives what the first comes to, or the error that began it all.
pub(crate) fn on_threads<R>(
    count: usize,
    first: impl FnOnce(&mut dyn Collective) -> Result<R, Error>,
    other: impl Fn(&mut dyn Collective) -> Result<(), Error> + Sync,
) -> Result<R, Error> {
    let cores = (rayon::current_num_threads() / count).max(1);
    // One that fails or panics leaves, and the others wait for it no more.
    let mut workers = Threads::workers(count, Duration::MAX).into_iter();
    let lead = workers.next();
    let other = &other;
    thread::scope(|scope| {
        let others: Vec<_> = workers
            .map(|mut worker| {
                scope.spawn(move || {
                    let pool = ThreadPoolBuilder::new().num_threads(cores).build();
                    let pool = pool.map_err(|error| Error::io("threads".as_ref())(std::io::Error::other(error)))?;
                    pool.install(|| other(&mut worker))
                })
            })
            .collect();
        let done =
            lead.map_or_else(|| Err(Error::OtherWorkers { expected: count, found: 0 }), |mut lead| first(&mut lead));
        let ended = others.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let causes: Vec<Error> = ended.filter_map(Result::err).filter(|error| !follows(error)).collect();
        match done {
            Err(error) if follows(&error) => Err(causes.into_iter().next().unwrap_or(error)),
            done => done,
        }
    })
}

/// Whether an error only says that another worker had one.
fn follows(error: &Error) -> bool {
    use lookahead_mpi::Error::Collective;
    matches!(error, Error::OfRank0 { .. } | Error::Workers(Collective(CollectiveError::Ended { .. })))
}
