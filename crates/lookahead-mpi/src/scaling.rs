//! An estimate of a step's time with many workers, from terms that were measured with few.

/// What a job is made of, in seconds and bytes.
///
/// Assumed: every rank computes equally long; each pair of ranks is as far apart as any other; a rank sends and receives at
/// `bandwidth` at the same time, whatever the others do. So no term for stragglers, shared switches or several ranks on one
/// machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// An inner step of one worker, in seconds.
    pub step: f64,
    /// The bytes of all weights on the wire.
    pub bytes: f64,
    /// A message's time without its bytes, in seconds.
    pub latency: f64,
    /// Bytes a second, each way, of one worker.
    pub bandwidth: f64,
    /// The bytes of a bucket: each bucket costs the latencies anew.
    pub bucket: f64,
}

impl Job {
    /// The time of one mean over so many workers: `2 (N - 1) (buckets * latency + bytes / (N bandwidth))`. Shares travel to
    /// their ranks and back, to each of the others in turn.
    ///
    /// ```
    /// let job = lookahead_mpi::Job { step: 0.1, bytes: 1e8, latency: 1e-5, bandwidth: 1.25e8, bucket: 1e8 };
    /// assert_eq!(job.mean(1), 0.0);
    /// assert!((job.mean(2) - 0.80002).abs() < 1e-9);
    /// assert_eq!(job.break_even(2), 9);
    /// ```
    #[must_use]
    pub fn mean(&self, workers: u32) -> f64 {
        let n = f64::from(workers);
        2.0 * (n - 1.0) * ((self.bytes / self.bucket).ceil() * self.latency + self.bytes / (n * self.bandwidth))
    }

    /// A step with averaged gradients.
    #[must_use]
    pub fn gradients(&self, workers: u32) -> f64 {
        self.step + self.mean(workers)
    }

    /// A step of the slow-step mode, the mean shared out over k steps; with a delay of `tau` steps that much of it is hidden.
    #[must_use]
    pub fn slow_step(&self, workers: u32, k: u32, tau: u32) -> f64 {
        self.step + (self.mean(workers) - f64::from(tau) * self.step).max(0.0) / f64::from(k)
    }

    /// The smallest k with `mean < k step`: from there on at least half of the time is computing, and a delay can hide all of the mean.
    #[must_use]
    pub fn break_even(&self, workers: u32) -> u32 {
        (self.mean(workers) / self.step).floor() as u32 + 1
    }
}
