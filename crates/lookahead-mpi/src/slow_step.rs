//! The slow step over several workers: k inner steps alone, then one mean and one outer step together, maybe delayed.

use std::time::{Duration, Instant};

use lookahead::collective::{Collective, MeanInFlight, fingerprint};
use lookahead::{Float, ParamSet, SyncClock, Tick, Workers};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::arithmetic::{cosine, go_on, squared_distance};
use crate::config::{SlowStepConfig, Wire};
use crate::int8::{Int8Feedback, Int8InFlight};
use crate::news::{News, Shared, combine, differing, share_words};
use crate::start::same_replicas;

/// One worker's side of Local SGD, SlowMo, DiLoCo or Lookahead with N workers.
///
/// It counts the steps. Between two syncs nothing is sent. What it remembers is saved with [`save`](Self::save); the inner
/// optimizer's state and the fast weights are the caller's.
///
/// ```
/// use lookahead::{LookaheadConfig, ParamSet, SyncPeriod, collective::OneProcess};
/// use lookahead_mpi::{News, SlowStep, SlowStepConfig};
/// let mut workers = OneProcess::default();
/// let mut params = ParamSet::new();
/// params.push("w", [1], vec![4.0_f64])?;
/// let config = SlowStepConfig::new(&LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?))?;
/// let mut slow_step = SlowStep::new(config, &workers, &params);
/// for _ in 0..2 {
///     params.slice_mut(0)[0] -= 1.0;                                  // an inner step
///     slow_step.after_step(&mut workers, 0.1, &mut params, News::default())?;
/// }
/// assert_eq!(params.slice(0), [3.0]);                                 // alpha = 0.5
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SlowStep<T> {
    config: SlowStepConfig,
    state: State<T>,
    travelling: Option<Travelling<T>>,
}

/// All that the next steps depend on, once nothing travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
struct State<T> {
    /// The number of workers that it is of.
    size: usize,
    clock: SyncClock,
    workers: Workers<T>,
    feedback: Option<Int8Feedback>,
    /// A delayed mean: this worker's weights when it started, and the mean.
    arrived: Option<(Vec<T>, Vec<T>)>,
}

#[derive(Debug)]
struct Travelling<T> {
    start: Vec<T>,
    mean: Mean<T>,
}

#[derive(Debug)]
enum Mean<T> {
    Full(MeanInFlight<T>),
    Int8(Int8InFlight),
}

/// What a sync has done: the same on every rank but `waited`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synced {
    /// The outer step that it ended, from 0.
    pub outer: u64,
    /// Elements that were not finite: they kept their slow weight.
    pub refused: usize,
    /// The length of the mean delta.
    pub delta: f64,
    /// The mean product of two workers' deltas over the mean square of their lengths: 1 where all went the same way, the mean
    /// cosine where they went equally far. `None` for one worker, or where nothing moved.
    pub cosine: Option<f64>,
    /// What the ranks told each other.
    pub news: Shared,
    /// How long this rank waited for the mean and the news.
    pub waited: Duration,
}

impl<T: Float> SlowStep<T> {
    /// Before the first step, from weights that are the same everywhere
    /// ([`begin_together`](crate::begin_together)).
    #[must_use]
    pub fn new(config: SlowStepConfig, workers: &dyn Collective, params: &ParamSet<'_, T>) -> Self {
        let slow = Workers::new(config.outer_step().clone(), params);
        Self::begin(config, workers, slow, SyncClock::default())
    }

    fn begin(config: SlowStepConfig, workers: &dyn Collective, slow: Workers<T>, clock: SyncClock) -> Self {
        let elements = slow.slow().iter().map(|tensor| tensor.len()).sum();
        let feedback = (config.wire() == Wire::Int8).then(|| Int8Feedback::new(elements, workers.size()));
        Self {
            config,
            state: State { size: workers.size(), clock, workers: slow, feedback, arrived: None },
            travelling: None,
        }
    }

    /// Counts an inner step that all ranks have made with learning rate `lr`, the same on each. After every k-th it syncs: then
    /// `params` are the slow weights (with a delay, those and this worker's way since).
    ///
    /// # Errors
    /// [`Error::WrongLength`] for other tensors than in the beginning; [`Error::Collective`], with
    /// [`Differs`](lookahead::collective::CollectiveError::Differs) if the learning rate, the number of syncs or the slow weights do.
    pub fn after_step(
        &mut self,
        workers: &mut dyn Collective,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        news: News,
    ) -> Result<Option<Synced>, Error> {
        self.check(params)?;
        let starts = self.next_starts();
        let tick = self.state.clock.tick(self.config.sync_period());
        if starts {
            self.start(workers, params)?;
        }
        let Tick::Sync { outer } = tick else {
            self.poll(workers)?;
            return Ok(None);
        };
        self.sync(workers, lr, params, news, outer).map(Some)
    }

    /// Ends a cycle before its k-th step, at the end of a run say; nothing at the beginning of a cycle. `lr` is that of the last
    /// step. All ranks call it.
    ///
    /// # Errors
    /// Those of [`after_step`](Self::after_step).
    pub fn end_cycle(
        &mut self,
        workers: &mut dyn Collective,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        news: News,
    ) -> Result<Option<Synced>, Error> {
        self.check(params)?;
        let Some(outer) = self.state.clock.end_partial_cycle() else { return Ok(None) };
        if !self.is_under_way() {
            self.start(workers, params)?;
        }
        self.sync(workers, lr, params, news, outer).map(Some)
    }

    fn check(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        let (expected, found) = (self.elements(), params.elements());
        if found != expected {
            return Err(Error::WrongLength { what: "the weights", expected, found });
        }
        Ok(())
    }

    /// Whether the next [`after_step`](Self::after_step) reads the weights, or writes them: where weights have to be brought from
    /// a device, only then.
    #[must_use]
    pub fn next_takes_weights(&self) -> bool {
        self.next_starts() || self.next_syncs()
    }

    /// Whether the next [`after_step`](Self::after_step) ends a cycle.
    #[must_use]
    pub fn next_syncs(&self) -> bool {
        self.state.clock.phase().saturating_add(1) >= self.period()
    }

    /// Whether the next step is the one after which the mean starts. A state of a shorter delay starts late.
    fn next_starts(&self) -> bool {
        let phase = self.state.clock.phase().saturating_add(1);
        !self.is_under_way() && phase >= self.period().saturating_sub(self.config.delay())
    }

    fn is_under_way(&self) -> bool {
        self.travelling.is_some() || self.state.arrived.is_some()
    }

    fn period(&self) -> u32 {
        self.config.sync_period().at(self.state.clock.outer()).get()
    }

    /// Moves a mean that travels on, between the parts of a long inner step; whether there is none, or it has arrived.
    ///
    /// # Errors
    /// [`Error::Collective`].
    pub fn poll(&mut self, workers: &mut dyn Collective) -> Result<bool, Error> {
        Ok(match &self.travelling {
            None => true,
            Some(Travelling { mean: Mean::Full(mean), .. }) => mean.has_arrived(workers)?,
            Some(Travelling { mean: Mean::Int8(mean), .. }) => mean.has_arrived(workers)?,
        })
    }

    fn start(&mut self, workers: &mut dyn Collective, params: &ParamSet<'_, T>) -> Result<(), Error> {
        let start = params.iter().map(|param| param.values()).collect::<Vec<_>>().concat();
        let mean = match &mut self.state.feedback {
            None => Mean::Full(MeanInFlight::start(workers, &start)?),
            Some(feedback) => {
                // delta = phi - theta
                let slow = self.state.workers.slow().concat();
                let delta: Vec<f32> = slow.iter().zip(&start).map(|(&phi, &theta)| (phi - theta).to_f32()).collect();
                Mean::Int8(Int8InFlight::start(workers, &delta, feedback)?)
            }
        };
        self.travelling = Some(Travelling { start, mean });
        Ok(())
    }

    /// Waits for a mean that travels.
    fn settle(&mut self, workers: &mut dyn Collective) -> Result<(), Error> {
        let Some(Travelling { start, mean }) = self.travelling.take() else { return Ok(()) };
        let mean = match (mean, &mut self.state.feedback) {
            (Mean::Full(mean), _) => mean.finish(workers)?,
            (Mean::Int8(mean), feedback) => {
                let delta = mean.finish(workers, feedback.get_or_insert_default())?;
                self.slow_values().iter().zip(delta).map(|(&phi, delta)| phi - T::from_f32(delta)).collect()
            }
        };
        self.state.arrived = Some((start, mean));
        Ok(())
    }

    fn sync(
        &mut self,
        workers: &mut dyn Collective,
        lr: f64,
        params: &mut ParamSet<'_, T>,
        news: News,
        outer: u64,
    ) -> Result<Synced, Error> {
        let begun = Instant::now();
        self.settle(workers)?;
        let mut waited = begun.elapsed();
        let (start, mut mean) = self.state.arrived.take().unwrap_or_default();
        let slow = self.slow_values();
        let (own_square, delta_square) = (squared_distance(&slow, &start), squared_distance(&slow, &mean));
        let refused = self.outer_step(lr, params, &mut mean)?;
        let (mut slow, mut start) = (&mean[..], &start[..]);
        for param in params.iter_mut() {
            let theta = param.values_mut();
            let (phi, at_start);
            ((phi, slow), (at_start, start)) = (slow.split_at(theta.len()), start.split_at(theta.len()));
            go_on(theta, phi, at_start);
        }
        let hash = if self.config.checks(outer) { self.hash() } else { 0 };
        let [loss, seconds, stop] = news.words();
        let begun = Instant::now();
        let ranks = share_words(workers, &[loss, seconds, stop, lr.to_bits(), outer, hash, own_square.to_bits()])?;
        waited += begun.elapsed();
        for (place, what) in [(3, "the learning rate"), (4, "the number of syncs")] {
            if let Some(rank) = differing(&ranks, place) {
                let value = |rank: usize| match place {
                    3 => f64::from_bits(ranks[rank][place]).to_string(),
                    _ => ranks[rank][place].to_string(),
                };
                let (what, expected, found) = (what.to_owned(), value(0), value(rank));
                return Err(lookahead::collective::CollectiveError::Differs { what, rank, expected, found }.into());
            }
        }
        same_replicas(&ranks, 5)?;
        let squares = ranks.iter().map(|words| f64::from_bits(words[6])).sum::<f64>();
        let cosine = cosine(ranks.len() as f64, delta_square, squares);
        Ok(Synced { outer, refused, delta: delta_square.sqrt(), cosine, news: combine(&ranks), waited })
    }

    /// The outer step with the mean as fast weights, in whose place the slow weights come.
    fn outer_step(&mut self, lr: f64, params: &ParamSet<'_, T>, mean: &mut [T]) -> Result<usize, Error> {
        let mut fast = ParamSet::new();
        let mut rest = mean;
        for param in params.iter() {
            let (values, others) = rest.split_at_mut(param.values().len());
            fast.push(param.name(), param.shape(), values)?;
            rest = others;
        }
        Ok(self.state.workers.sync_mean(lr, &mut fast))
    }

    /// The state, at any step and with a mean on its way, for which all ranks wait here. Changes no bit of the run.
    ///
    /// # Errors
    /// [`Error::Collective`].
    pub fn save(&mut self, workers: &mut dyn Collective) -> Result<Vec<u8>, Error> {
        self.settle(workers)?;
        postcard::to_allocvec(&self.state).map_err(damaged)
    }

    /// What [`save`](Self::save) gave on this rank; the run goes on with the same bits. Under another k or delay it goes on under
    /// those; a mean that was on its way keeps the steps since its start, under a delay of 0 too.
    ///
    /// # Errors
    /// [`Error::DamagedState`] for other bytes, or another outer step or wire; [`Error::OtherWorkers`]; [`Error::Optimizer`] for
    /// other tensors.
    pub fn restore(
        config: SlowStepConfig,
        workers: &dyn Collective,
        params: &ParamSet<'_, T>,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let state = Self::read(&config, params, bytes)?;
        let (elements, found, here) = (params.elements(), state.size, workers.size());
        if found != here {
            return Err(Error::OtherWorkers { found, here });
        }
        let fits = match (&state.feedback, config.wire()) {
            (None, Wire::Full) => true,
            (Some(feedback), Wire::Int8) => feedback.fits(elements, here),
            _ => false,
        };
        if !fits {
            return Err(damaged("it is of another wire"));
        }
        if state.arrived.as_ref().is_some_and(|(start, mean)| start.len() != elements || mean.len() != elements) {
            return Err(damaged("its delayed mean is of other tensors"));
        }
        Ok(Self { config, state, travelling: None })
    }

    /// What [`save`](Self::save) gave on rank 0 of a job with another number of workers: all go on from its slow weights and outer
    /// momentum, at the beginning of a cycle. The ways since the last sync are lost, inner states begin anew, and the run is not
    /// that of either number of workers.
    ///
    /// # Errors
    /// Those of [`restore`](Self::restore) but [`Error::OtherWorkers`].
    pub fn restore_with_other_workers(
        config: SlowStepConfig,
        workers: &dyn Collective,
        params: &mut ParamSet<'_, T>,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let State { clock, workers: slow, .. } = Self::read(&config, params, bytes)?;
        for (param, phi) in params.iter_mut().zip(slow.slow()) {
            param.values_mut().copy_from_slice(&phi);
        }
        Ok(Self::begin(config, workers, slow, SyncClock::at(0, clock.outer())))
    }

    fn read(config: &SlowStepConfig, params: &ParamSet<'_, T>, bytes: &[u8]) -> Result<State<T>, Error> {
        let (state, rest): (State<T>, _) = postcard::take_from_bytes(bytes).map_err(damaged)?;
        if !rest.is_empty() {
            return Err(damaged("bytes follow its end"));
        }
        if state.workers.step() != config.outer_step() {
            return Err(damaged("it is of another outer step"));
        }
        state.workers.fits(params)?;
        Ok(state)
    }

    /// The slow weights and outer momentum: evaluate on the former.
    #[must_use]
    pub fn workers(&self) -> &Workers<T> {
        &self.state.workers
    }

    /// The inner steps since the last sync, and the syncs so far.
    #[must_use]
    pub fn clock(&self) -> SyncClock {
        self.state.clock
    }

    /// The hyperparameters.
    #[must_use]
    pub fn config(&self) -> &SlowStepConfig {
        &self.config
    }

    fn elements(&self) -> usize {
        self.state.workers.slow().iter().map(|tensor| tensor.len()).sum()
    }

    fn slow_values(&self) -> Vec<T> {
        self.state.workers.slow().concat()
    }

    fn hash(&self) -> u64 {
        let momentum = self.state.workers.momentum().into_iter().flatten();
        let slow = self.state.workers.slow();
        fingerprint(slow.iter().map(|tensor| &tensor[..]).chain(momentum.map(|buffer| &buffer[..])))
    }
}

fn damaged(reason: impl ToString) -> Error {
    Error::DamagedState { reason: reason.to_string() }
}
