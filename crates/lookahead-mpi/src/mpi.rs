//! The collective over MPI. A thread of its own makes all calls, so that the buffers of what travels are its, and the caller's
//! waits have deadlines; what ends a job ends it on all ranks.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lookahead::collective::{Collective, CollectiveError, Combine, Ticket};
use mpi::Threading;
use mpi::request::{LocalScope, Request};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use crate::Error;

/// How long a thread that only moves messages on sleeps between two looks.
const LOOK_EVERY: Duration = Duration::from_micros(100);
/// How long MPI has to end the job before the process ends by itself, which a launcher takes for a failure too.
const TO_ABORT: Duration = Duration::from_secs(2);
/// The exit code of a panic.
const PANIC: u8 = 101;

/// All ranks of an MPI job.
///
/// Reductions are an all-to-all of shares, [`Combine`] in order of rank, and an all-gather: MPI moves bytes and adds nothing. So
/// results depend neither on timing nor on the algorithm that MPI chooses, and are those of any other [`Collective`].
#[derive(Debug)]
pub struct Mpi {
    rank: usize,
    size: usize,
    deadline: Duration,
    sent: u64,
    tickets: u64,
    arriving: HashMap<Ticket, Arriving>,
    jobs: Option<Sender<Job>>,
    awaited: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    failed: bool,
}

/// A reduction on its way, or its result.
#[derive(Debug)]
enum Arriving {
    Not(Receiver<Vec<u8>>),
    Has(Vec<u8>),
}

/// What the thread is to do, and where its result goes.
enum Job {
    Broadcast(Vec<u8>, Sender<Vec<u8>>),
    /// As many bytes on each rank.
    Gather(Vec<u8>, Sender<Vec<u8>>),
    Reduce(Vec<u8>, Combine, Sender<Vec<u8>>),
}

impl Mpi {
    /// Joins the job that a launcher has started; a process without one is a job of one rank. Once in a process. From now on
    /// a panic on any thread ends the whole job with exit code 101.
    ///
    /// `deadline` is how long any single wait may take, so longer than the slowest rank can be behind the fastest one.
    ///
    /// # Errors
    /// [`Error::NotStarted`].
    pub fn start(deadline: Duration) -> Result<Self, Error> {
        let (jobs, to_do) = channel();
        let (report, reported) = channel();
        let awaited = Arc::<AtomicBool>::default();
        let seen = awaited.clone();
        let failed = |reason: String| Error::NotStarted { reason };
        let name = thread::Builder::new().name("mpi".to_owned());
        let work = move || serve(&report, &to_do, &seen);
        let thread = name.spawn(work).map_err(|error| failed(error.to_string()))?;
        let joined = reported.recv().map_err(|_| failed("it ended while it began".to_owned()))?;
        let (rank, size) = joined.ok_or_else(|| failed("it was started already in this process".to_owned()))?;
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            hook(panic);
            eprintln!("rank {rank} of {size} panicked: the job ends");
            abort(PANIC)
        }));
        Ok(Self {
            rank,
            size,
            deadline,
            sent: 0,
            tickets: 0,
            arriving: HashMap::new(),
            jobs: Some(jobs),
            awaited,
            thread: Some(thread),
            failed: false,
        })
    }

    /// Hands the thread a job, and gives where its result will be.
    fn ask(&mut self, job: impl FnOnce(Sender<Vec<u8>>) -> Job) -> Result<Receiver<Vec<u8>>, CollectiveError> {
        let (give, result) = channel();
        let ended = CollectiveError::Ended { reason: "after an error nothing more can be asked".to_owned() };
        let jobs = self.jobs.as_ref().filter(|_| !self.failed).ok_or(ended.clone())?;
        jobs.send(job(give)).map_err(|_| ended)?;
        Ok(result)
    }

    fn wait(&mut self, result: &Receiver<Vec<u8>>, operation: &'static str) -> Result<Vec<u8>, CollectiveError> {
        self.awaited.store(true, Ordering::Relaxed);
        self.wake();
        let received = result.recv_timeout(self.deadline);
        self.awaited.store(false, Ordering::Relaxed);
        self.failed |= received.is_err();
        received.map_err(|error| match error {
            RecvTimeoutError::Timeout => CollectiveError::Deadline { operation, seconds: self.deadline.as_secs_f64() },
            RecvTimeoutError::Disconnected => thread_has_ended(),
        })
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// The bytes of each rank, of equal length.
    fn gather_equal(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        let length = bytes.len();
        if length == 0 {
            return Ok(vec![bytes; self.size]);
        }
        self.sent += (length * (self.size - 1)) as u64;
        let result = self.ask(|give| Job::Gather(bytes, give))?;
        Ok(self.wait(&result, "gather")?.chunks(length).map(<[u8]>::to_vec).collect())
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, CollectiveError> {
        if self.rank == 0 {
            self.sent += (bytes.len() * (self.size - 1)) as u64;
        }
        let result = self.ask(|give| Job::Broadcast(bytes, give))?;
        self.wait(&result, "broadcast")
    }

    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        let lengths = self.gather_equal((bytes.len() as u64).to_le_bytes().to_vec())?;
        let lengths: Vec<usize> = lengths.iter().map(|length| length_of(length)).collect();
        let mut padded = bytes;
        padded.resize(lengths.iter().copied().max().unwrap_or_default(), 0);
        let mut gathered = self.gather_equal(padded)?;
        gathered.iter_mut().zip(lengths).for_each(|(bytes, length)| bytes.truncate(length));
        Ok(gathered)
    }

    fn start(&mut self, bytes: Vec<u8>, combine: Combine) -> Result<Ticket, CollectiveError> {
        // its parts to the others, and what is combined of them, which is as long as a part, to the others
        self.sent += (2 * bytes.len() / self.size * (self.size - 1)) as u64;
        let result = self.ask(|give| Job::Reduce(bytes, combine, give))?;
        let ticket = Ticket::new(self.tickets);
        self.tickets += 1;
        self.arriving.insert(ticket, Arriving::Not(result));
        Ok(ticket)
    }

    fn poll(&mut self, ticket: Ticket) -> Result<bool, CollectiveError> {
        self.wake();
        let Some(Arriving::Not(result)) = self.arriving.get(&ticket) else { return Ok(true) };
        match result.try_recv() {
            Ok(bytes) => self.arriving.insert(ticket, Arriving::Has(bytes)),
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => return Err(thread_has_ended()),
        };
        Ok(true)
    }

    fn finish(&mut self, ticket: Ticket) -> Result<Vec<u8>, CollectiveError> {
        let unknown = || CollectiveError::Ended { reason: format!("nothing was started as {ticket:?}") };
        match self.arriving.remove(&ticket).ok_or_else(unknown)? {
            Arriving::Has(bytes) => Ok(bytes),
            Arriving::Not(result) => self.wait(&result, "reduction"),
        }
    }

    fn sent(&self) -> u64 {
        self.sent
    }
}

impl Drop for Mpi {
    /// Leaves the job together with the other ranks; alone if it has failed.
    fn drop(&mut self) {
        drop(self.jobs.take());
        let Some(thread) = self.thread.take().filter(|_| !self.failed && !thread::panicking()) else { return };
        self.awaited.store(true, Ordering::Relaxed);
        let end = Instant::now() + self.deadline;
        while !thread.is_finished() && Instant::now() < end {
            thread.thread().unpark();
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Runs a program as one rank of an MPI job, and ends the job with all its ranks where one of them fails: with the
/// [`exit_code`](Error::exit_code) of an [`Error`], or 1 for others.
///
/// [`Error::Stopped`] comes to all ranks at once: they leave the job in order, with 130.
pub fn run(deadline: Duration, program: impl FnOnce(&mut Mpi) -> Result<(), Box<dyn StdError>>) -> ExitCode {
    let mut workers = match Mpi::start(deadline) {
        Ok(workers) => workers,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    let Err(error) = program(&mut workers) else { return ExitCode::SUCCESS };
    let known = error.downcast_ref::<Error>().cloned();
    let known = known.or_else(|| error.downcast_ref::<CollectiveError>().cloned().map(Error::from));
    let code = known.as_ref().map_or(1, Error::exit_code);
    if known == Some(Error::Stopped) {
        return ExitCode::from(code);
    }
    eprintln!("error on rank {} of {}: {error}", workers.rank, workers.size);
    abort(code)
}

/// Ends the job on all ranks with this exit code, by `MPI_Abort`; where that does not return, this process alone, for the
/// launcher to see.
pub fn abort(code: u8) -> ! {
    thread::spawn(move || SimpleCommunicator::world().abort(i32::from(code)));
    thread::sleep(TO_ABORT);
    std::process::exit(i32::from(code))
}

/// The thread that makes all calls of MPI, until nobody has a job for it.
fn serve(report: &Sender<Option<(usize, usize)>>, to_do: &Receiver<Job>, awaited: &AtomicBool) {
    // several threads: `abort` calls from any
    let universe = mpi::initialize_with_threading(Threading::Multiple).map(|(universe, _)| universe);
    let world = universe.as_ref().map(mpi::environment::Universe::world);
    let place = world.as_ref().map(|world| (world.rank() as usize, world.size() as usize));
    let (Ok(()), Some(world)) = (report.send(place), world) else { return };
    let ranks = place.map_or(1, |(_, size)| size);
    let mut next = to_do.recv().ok();
    // a result that nobody waits for any more is dropped
    while let Some(job) = next {
        next = None;
        match job {
            Job::Broadcast(mut bytes, give) => {
                mpi::request::scope(|scope| {
                    complete(world.process_at_rank(0).immediate_broadcast_into(scope, &mut bytes[..]), awaited);
                });
                give.send(bytes).ok();
            }
            Job::Gather(bytes, give) => {
                let mut gathered = vec![0; bytes.len() * ranks];
                mpi::request::scope(|scope| {
                    complete(world.immediate_all_gather_into(scope, &bytes[..], &mut gathered[..]), awaited);
                });
                give.send(gathered).ok();
            }
            Job::Reduce(bytes, combine, give) => {
                let mut parts = vec![0; bytes.len()];
                mpi::request::scope(|scope| {
                    complete(world.immediate_all_to_all_into(scope, &bytes[..], &mut parts[..]), awaited);
                });
                next = share(&world, combine(&parts), give, to_do, awaited);
            }
        }
        next = next.or_else(|| to_do.recv().ok());
    }
}

/// The second half of a reduction: what each rank has combined goes to all. The parts of the next one travel at the same time,
/// if it is there already. Gives a job that was found instead.
///
/// On every rank an operation of one reduction is begun before those of the next, whatever is there when.
fn share(
    world: &SimpleCommunicator,
    mut combined: Vec<u8>,
    mut give: Sender<Vec<u8>>,
    to_do: &Receiver<Job>,
    awaited: &AtomicBool,
) -> Option<Job> {
    let ranks = world.size() as usize;
    loop {
        let mut gathered = vec![0; combined.len() * ranks];
        let found = to_do.try_recv().ok();
        let Some(Job::Reduce(bytes, combine, its_give)) = found else {
            mpi::request::scope(|scope| {
                complete(world.immediate_all_gather_into(scope, &combined[..], &mut gathered[..]), awaited);
            });
            give.send(gathered).ok();
            return found;
        };
        let mut parts = vec![0; bytes.len()];
        mpi::request::scope(|scope| {
            let gather = world.immediate_all_gather_into(scope, &combined[..], &mut gathered[..]);
            let exchange = world.immediate_all_to_all_into(scope, &bytes[..], &mut parts[..]);
            complete(gather, awaited);
            complete(exchange, awaited);
        });
        give.send(gathered).ok();
        (combined, give) = (combine(&parts), its_give);
    }
}

/// Moves an operation on until it is done: at once where the caller waits for it, else leaving the processor to its computing.
fn complete<'a, D: ?Sized>(mut request: Request<'a, D, &LocalScope<'a>>, awaited: &AtomicBool) {
    while let Err(not_yet) = request.test() {
        request = not_yet;
        if awaited.load(Ordering::Relaxed) { thread::yield_now() } else { thread::park_timeout(LOOK_EVERY) }
    }
}

fn thread_has_ended() -> CollectiveError {
    CollectiveError::Ended { reason: "MPI's thread has ended".to_owned() }
}

fn length_of(bytes: &[u8]) -> usize {
    bytes.try_into().map_or(0, |bytes| u64::from_le_bytes(bytes) as usize)
}
