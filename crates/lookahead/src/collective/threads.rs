//! Workers as threads of one process: several of them without a network.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Collective, CollectiveError, Combine, Ticket};

/// What the ranks have given to their n-th call so far.
#[derive(Debug, Default)]
struct Round {
    sent: Vec<Option<Vec<u8>>>,
    combined: Vec<Option<Vec<u8>>>,
    left: usize,
}

#[derive(Debug, Default)]
struct Meeting {
    rounds: Mutex<Rounds>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    by_call: HashMap<u64, Round>,
    /// A rank that will give nothing more.
    left: Option<usize>,
}

/// One of several workers that are threads of a process. Once one is dropped the others wait for it no more: they get
/// [`CollectiveError::Ended`].
///
/// ```
/// use lookahead::collective::{mean_over_workers, on_threads};
/// let means = on_threads(2, |worker| {
///     let mut values = [worker.rank() as f64];
///     mean_over_workers(worker, &mut values).map(|()| values)
/// });
/// assert!(means.iter().all(|mean| *mean == Ok([0.5])));
/// # use lookahead::collective::Collective;
/// ```
pub struct Threads {
    rank: usize,
    size: usize,
    deadline: Duration,
    calls: u64,
    /// What this rank has started and not finished, each with its [`Combine`] until that has run.
    combines: HashMap<u64, Option<Combine>>,
    sent: u64,
    meeting: Arc<Meeting>,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("rank", &self.rank).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Runs `work` on so many workers, each on a thread of its own, and gives what they return in order of rank. No wait may take
/// longer than a minute.
///
/// # Panics
/// Where one of them does.
pub fn on_threads<R: Send>(size: usize, work: impl Fn(&mut Threads) -> R + Sync) -> Vec<R> {
    on_threads_within(Duration::from_secs(60), size, work)
}

/// [`on_threads`] with another deadline for each wait.
///
/// # Panics
/// Where one of the workers does.
pub fn on_threads_within<R: Send>(deadline: Duration, size: usize, work: impl Fn(&mut Threads) -> R + Sync) -> Vec<R> {
    let work = &work;
    std::thread::scope(|scope| {
        let workers: Vec<_> = Threads::workers(size, deadline)
            .into_iter()
            .map(|mut worker| scope.spawn(move || work(&mut worker)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

impl Threads {
    /// So many workers, in order of rank, for threads of the caller's own. `deadline` is how long any single wait may take.
    #[must_use]
    pub fn workers(size: usize, deadline: Duration) -> Vec<Self> {
        let meeting = Arc::<Meeting>::default();
        let worker = |rank| {
            let (meeting, combines) = (meeting.clone(), HashMap::new());
            Self { rank, size, deadline, calls: 0, combines, sent: 0, meeting }
        };
        (0..size).map(worker).collect()
    }

    fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.meeting.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a call, and what this rank gives to it.
    fn give(&mut self, bytes: Vec<u8>) -> u64 {
        let (number, size) = (self.calls, self.size);
        self.calls += 1;
        let mut rounds = self.rounds();
        let round = rounds.by_call.entry(number).or_default();
        round.sent.resize(size, None);
        round.combined.resize(size, None);
        round.sent[self.rank] = Some(bytes);
        drop(rounds);
        self.meeting.changed.notify_all();
        number
    }

    /// What is found in a call; an error where nothing is and nothing will be.
    fn look<R>(rounds: &Rounds, number: u64, look: impl Fn(&Round) -> Option<R>) -> Result<Option<R>, CollectiveError> {
        let found = rounds.by_call.get(&number).and_then(look);
        let left = rounds.left.filter(|_| found.is_none());
        left.map_or(Ok(found), |rank| Err(CollectiveError::Ended { reason: format!("rank {rank} has left") }))
    }

    /// What all ranks gave, once they have.
    fn wait<R>(&self, number: u64, look: impl Fn(&Round) -> Option<R>) -> Result<R, CollectiveError> {
        let late = CollectiveError::Deadline { operation: "threads", seconds: self.deadline.as_secs_f64() };
        // none where that is beyond all clocks
        let end = Instant::now().checked_add(self.deadline);
        let mut rounds = self.rounds();
        loop {
            if let Some(found) = Self::look(&rounds, number, &look)? {
                return Ok(found);
            }
            let left = end.map_or(Some(self.deadline), |end| end.checked_duration_since(Instant::now()));
            let left = left.ok_or(late.clone())?;
            rounds = self.meeting.changed.wait_timeout(rounds, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Combines this rank's part of what all have sent, once.
    fn combine(&mut self, number: u64, sent: &[Vec<u8>]) -> Result<(), CollectiveError> {
        let Some(combine) = self.combines.get_mut(&number).and_then(Option::take) else { return Ok(()) };
        equally_long(sent)?;
        let part = sent[0].len() / self.size;
        let mine: Vec<u8> = sent.iter().flat_map(|bytes| &bytes[self.rank * part..][..part]).copied().collect();
        let combined = combine(&mine);
        if let Some(round) = self.rounds().by_call.get_mut(&number) {
            round.combined[self.rank] = Some(combined);
        }
        self.meeting.changed.notify_all();
        Ok(())
    }

    /// Forgets a call that all ranks are done with.
    fn leave(&self, number: u64) {
        let mut rounds = self.rounds();
        if let Some(round) = rounds.by_call.get_mut(&number) {
            round.left += 1;
            if round.left == self.size {
                rounds.by_call.remove(&number);
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.rounds().left.get_or_insert(self.rank);
        self.meeting.changed.notify_all();
    }
}

/// An error where ranks did not give equally many bytes.
fn equally_long(given: &[Vec<u8>]) -> Result<(), CollectiveError> {
    let are = given.iter().all(|bytes| bytes.len() == given[0].len());
    are.then_some(()).ok_or_else(|| CollectiveError::Ended { reason: "not all gave as many bytes".to_owned() })
}

fn all(given: &[Option<Vec<u8>>]) -> Option<Vec<Vec<u8>>> {
    given.iter().cloned().collect()
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, CollectiveError> {
        let mut gathered = self.gather(bytes)?;
        equally_long(&gathered)?;
        Ok(gathered.swap_remove(0))
    }

    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        self.sent += (bytes.len() * (self.size - 1)) as u64;
        let number = self.give(bytes);
        let gathered = self.wait(number, |round| all(&round.sent))?;
        self.leave(number);
        Ok(gathered)
    }

    fn start(&mut self, bytes: Vec<u8>, combine: Combine) -> Result<Ticket, CollectiveError> {
        self.sent += (bytes.len() / self.size * (self.size - 1)) as u64;
        let number = self.give(bytes);
        self.combines.insert(number, Some(combine));
        Ok(Ticket(number))
    }

    /// Combines this rank's part once all have sent theirs: the others need not wait for its [`finish`](Self::finish).
    fn poll(&mut self, Ticket(number): Ticket) -> Result<bool, CollectiveError> {
        match self.combines.get(&number) {
            None => return Ok(true),
            Some(None) => {}
            Some(Some(_)) => {
                let sent = Self::look(&self.rounds(), number, |round| all(&round.sent))?;
                sent.map_or(Ok(()), |sent| self.combine(number, &sent))?;
            }
        }
        let arrived = |round: &Round| round.combined.iter().all(Option::is_some).then_some(());
        Ok(Self::look(&self.rounds(), number, arrived)?.is_some())
    }

    fn finish(&mut self, Ticket(number): Ticket) -> Result<Vec<u8>, CollectiveError> {
        let unknown = || CollectiveError::Ended { reason: format!("nothing was started as {:?}", Ticket(number)) };
        if self.combines.get(&number).ok_or_else(unknown)?.is_some() {
            let sent = self.wait(number, |round| all(&round.sent))?;
            self.combine(number, &sent)?;
        }
        let combined = self.wait(number, |round| all(&round.combined))?;
        self.sent += (combined[self.rank].len() * (self.size - 1)) as u64;
        self.combines.remove(&number);
        self.leave(number);
        Ok(combined.concat())
    }

    fn sent(&self) -> u64 {
        self.sent
    }
}
