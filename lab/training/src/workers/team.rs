//! One worker's side of a run: when it meets the others, and what they tell each other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::TensorData;
use lookahead::collective::Collective;
use lookahead_models::{TensorError, load_weights, named_weights};
use lookahead_mpi::{Checkpoints, News, Shared, SlowStep, average_batch_norm, begin_together, check_replicas};
use lookahead_runs::WorkersResult;
use serde::{Deserialize, Serialize};

use super::gradients;
use super::parameters::{Parameters, put};
use crate::Error;
use crate::config::{RunConfig, WorkersConfig, WorkersMode};

/// How many steps with averaged gradients pass from one comparison of the replicas to the next.
const CHECK_EVERY: u64 = 100;

/// This worker, and what it knows of the others.
pub(crate) struct Team<'w> {
    pub(super) workers: &'w mut dyn Collective,
    pub(super) checkpoints: Checkpoints,
    /// Where they lie.
    pub(super) folder: PathBuf,
    pub(super) parameters: Parameters,
    /// `None` with averaged gradients.
    pub(super) slow_step: Option<SlowStep<f32>>,
    pub(super) totals: Totals,
    /// What the workers told each other last.
    latest: Shared,
    /// Since when this one computes by itself, and how long it has waited since the last news.
    computes: Instant,
    waited: Duration,
    /// The bytes that had been sent before this process was.
    sent_before: u64,
}

/// What a run over workers has come to; a part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Meetings: syncs, or steps with averaged gradients.
    pub meetings: u64,
    /// Elements that syncs refused.
    pub refused: u64,
    /// Bytes that this worker has sent.
    pub sent: u64,
    /// Seconds that it has waited for a slower one, and for what travels.
    pub waiting: f64,
    pub communicating: f64,
    /// Sums over the syncs: the length of the mean way, and the cosine between workers' ways where there is one.
    pub delta: f64,
    pub cosine: f64,
    pub cosines: u64,
    /// The learning rate of the last step.
    pub rate: f64,
}

impl<'w> Team<'w> {
    /// Sees that all workers begin the same run on the same data, on the weights of the first.
    pub(crate) fn begin<M: Module>(
        workers: &'w mut dyn Collective,
        config: &RunConfig,
        table: &WorkersConfig,
        (data, folder): (&str, &Path),
        model: M,
        steps_of: &dyn Fn(u32) -> u64,
    ) -> Result<(Self, M), Error> {
        let (expected, found) = (table.count.get() as usize, workers.size());
        if expected != found {
            return Err(Error::OtherWorkers { expected, found });
        }
        let mut parameters = Parameters::of(&model)?;
        let what = format!("{}# data: {data}\n", config.without_places().to_toml());
        begin_together(workers, &what, &mut parameters.values)?;
        let model = parameters.put(model);
        let slow_step = match table.mode {
            WorkersMode::Gradients => None,
            WorkersMode::SlowStep => config.optimizer.slow_step(table, steps_of)?,
        };
        let slow_step = slow_step.map(|(config, _)| SlowStep::new(config, workers, &parameters.values));
        let folder = folder.join(super::checkpoint::FOLDER);
        let team = Self {
            checkpoints: Checkpoints::new(&folder),
            folder,
            parameters,
            slow_step,
            totals: Totals::default(),
            latest: Shared::default(),
            computes: Instant::now(),
            waited: Duration::ZERO,
            sent_before: 0,
            workers,
        };
        Ok((team, model))
    }

    /// Whether this is the worker that writes what a run leaves.
    pub(crate) fn is_lead(&self) -> bool {
        self.workers.rank() == 0
    }

    pub(crate) fn workers(&mut self) -> &mut dyn Collective {
        self.workers
    }

    /// Whether the next step ends a cycle of the slow step.
    pub(crate) fn next_syncs(&self) -> bool {
        self.slow_step.as_ref().is_some_and(SlowStep::next_syncs)
    }

    /// Whether workers tell each other something after the next step.
    pub(crate) fn next_meets(&self) -> bool {
        self.slow_step.as_ref().is_none_or(SlowStep::next_syncs)
    }

    /// The mean of the workers' gradients, in the mode of that name.
    pub(crate) fn average<M: Module>(&mut self, model: &M, grads: GradientsParams) -> Result<GradientsParams, Error> {
        if self.slow_step.is_some() {
            return Ok(grads);
        }
        let begun = Instant::now();
        let mean = gradients::mean(self.workers, &self.parameters, model, grads)?;
        self.waited += begun.elapsed();
        Ok(mean)
    }

    /// After each step: what the configuration has the workers share then. Whether it was a sync, and the module on its weights.
    pub(crate) fn after_step<M: Module>(
        &mut self,
        rate: f64,
        model: M,
        (loss, stop): (f64, bool),
    ) -> Result<(M, bool), Error> {
        let news = self.news(loss, stop);
        self.totals.rate = rate;
        let Some(slow_step) = &mut self.slow_step else {
            self.totals.meetings += 1;
            if self.totals.meetings.is_multiple_of(CHECK_EVERY) {
                self.parameters.read(&model)?;
                check_replicas(self.workers, self.parameters.values.iter().map(|param| param.values()))?;
            }
            self.tell(news)?;
            return Ok((model, false));
        };
        if slow_step.next_takes_weights() {
            self.parameters.read(&model)?;
        }
        let synced = slow_step.after_step(self.workers, rate, &mut self.parameters.values, news)?;
        Ok(self.synced(synced, news, model))
    }

    /// Ends a cycle of the slow step that the end of the run cuts short.
    pub(crate) fn end_cycle<M: Module>(&mut self, model: M, (loss, stop): (f64, bool)) -> Result<(M, bool), Error> {
        let (news, rate) = (self.news(loss, stop), self.totals.rate);
        let Some(slow_step) = &mut self.slow_step else { return Ok((model, false)) };
        self.parameters.read(&model)?;
        let synced = slow_step.end_cycle(self.workers, rate, &mut self.parameters.values, news)?;
        Ok(self.synced(synced, news, model))
    }

    fn synced<M: Module>(&mut self, synced: Option<lookahead_mpi::Synced>, news: News, model: M) -> (M, bool) {
        let Some(synced) = synced else { return (model, false) };
        self.totals.meetings += 1;
        self.totals.refused += synced.refused as u64;
        self.totals.delta += synced.delta;
        self.totals.cosine += synced.cosine.unwrap_or_default();
        self.totals.cosines += u64::from(synced.cosine.is_some());
        self.waited += synced.waited;
        self.hear(news, synced.news);
        (self.parameters.put(model), true)
    }

    /// Tells the others between two meetings too: before what all of them do together.
    pub(crate) fn agree(&mut self, loss: f64, stop: bool) -> Result<(), Error> {
        let news = self.news(loss, stop);
        self.tell(news)
    }

    /// What the first of all workers has that has something: the same on each.
    pub(crate) fn first_of_all(&mut self, own: Option<String>) -> Result<Option<String>, Error> {
        let all = self.workers.gather(own.unwrap_or_default().into_bytes())?;
        let first = all.iter().enumerate().find(|(_, what)| !what.is_empty());
        Ok(first.map(|(rank, what)| format!("{} of worker {rank}", String::from_utf8_lossy(what))))
    }

    fn news(&self, loss: f64, stop: bool) -> News {
        let seconds = self.computes.elapsed().saturating_sub(self.waited).as_secs_f64();
        News { loss, seconds, stop }
    }

    fn tell(&mut self, news: News) -> Result<(), Error> {
        let begun = Instant::now();
        let shared = news.share(self.workers)?;
        self.waited += begun.elapsed();
        self.hear(news, shared);
        Ok(())
    }

    fn hear(&mut self, own: News, shared: Shared) {
        let waited = self.waited.as_secs_f64();
        let waiting = (shared.slowest_seconds - own.seconds).clamp(0.0, waited);
        self.totals.waiting += waiting;
        self.totals.communicating += waited - waiting;
        self.totals.sent = self.sent_before + self.workers.sent();
        (self.latest, self.waited, self.computes) = (shared, Duration::ZERO, Instant::now());
    }

    /// Counts none of the time since the last news: an evaluation is no part of a cycle.
    pub(crate) fn begin_anew(&mut self) {
        (self.waited, self.computes) = (Duration::ZERO, Instant::now());
    }

    pub(super) fn go_on_from(&mut self, totals: Totals) {
        self.sent_before = totals.sent;
        self.totals = totals;
    }

    /// What the workers told each other last.
    pub(crate) fn latest(&self) -> &Shared {
        &self.latest
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What the workers did together, so far.
    pub(crate) fn result(&self) -> WorkersResult {
        let Totals { meetings, sent, waiting, communicating, delta, cosine, cosines, .. } = self.totals;
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64).filter(|mean| mean.is_finite());
        let algorithm = self.slow_step.as_ref().map(|slow_step| slow_step.config().algorithm());
        WorkersResult {
            count: self.workers.size() as u32,
            algorithm: algorithm.unwrap_or("gradients").to_owned(),
            bytes_sent: sent,
            communicating,
            waiting,
            delta: algorithm.and_then(|_| mean(delta, meetings)),
            cosine: mean(cosine, cosines),
        }
    }

    /// The slow step size of the last sync; `None` before it, and without a slow step.
    pub(crate) fn alpha(&self) -> Option<f64> {
        let slow_step = self.slow_step.as_ref()?;
        let outer = slow_step.clock().outer().checked_sub(1)?;
        Some(slow_step.config().outer_step().alpha(outer).alpha.get())
    }

    /// A copy of the model on the slow weights, for evaluation; `None` without a slow step.
    pub(crate) fn slow_model<M: Module>(&self, model: &M) -> Option<M> {
        let slow = self.slow_step.as_ref()?.workers().slow();
        Some(put(model.valid(), self.parameters.ids.iter().copied().zip(slow.iter().map(|values| &values[..]))))
    }

    /// The model with the running statistics of all workers' batches in its batch norms.
    pub(crate) fn with_common_statistics<M: Module>(&mut self, model: M) -> Result<M, Error> {
        let mut weights = named_weights(&model)?;
        let places: Vec<String> =
            weights.keys().filter_map(|name| name.strip_suffix(MEAN).map(ToOwned::to_owned)).collect();
        if places.is_empty() || self.workers.size() == 1 {
            return Ok(model);
        }
        for place in places {
            let [mean, variance] = [MEAN, VARIANCE].map(|end| format!("{place}{end}"));
            let of = |name: &str| -> Result<(Vec<f32>, Vec<usize>), Error> {
                let missing = || TensorError::Missing { name: name.to_owned() };
                let data = weights.get(name).ok_or_else(missing)?;
                Ok((data.iter::<f32>().collect(), data.shape().to_vec()))
            };
            let ((mut means, shape), (mut variances, _)) = (of(&mean)?, of(&variance)?);
            average_batch_norm(self.workers, &mut means, &mut variances)?;
            weights.insert(mean, TensorData::new(means, shape.clone()));
            weights.insert(variance, TensorData::new(variances, shape));
        }
        Ok(load_weights(model, weights)?)
    }
}

const MEAN: &str = "running_mean";
const VARIANCE: &str = "running_var";
