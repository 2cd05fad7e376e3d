//! The one training loop: steps, evaluations, checkpoints; the same bits however often it is stopped and continued.

mod ahead;
mod finish;
mod gradients;
mod kept;
mod losses;
mod meeting;
mod saving;
mod trace;

use std::fs;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use lookahead::collective::Collective;
use lookahead_burn::{InnerOptimizer, Observed};
use lookahead_mpi::Shared;

use self::ahead::Ahead;
pub use self::finish::Outcome;
use self::losses::Losses;
use self::saving::Moment;
use self::trace::Trace;
use crate::Error;
use crate::checkpoint::Position;
use crate::config::{Precision, RunConfig, WorkersMode};
use crate::device;
use crate::optimizer::AnyOptimizer;
use crate::schedule::LearningRate;
use crate::task::{Part, Score, Task};
use crate::workers::Team;
use lookahead_models::{in_precision, named_weights};
use lookahead_runs::Stop;
use lookahead_runs::Unsaved;
use lookahead_runs::files::{FileSum, Manifest};
use lookahead_runs::json_log::JsonLog;
use lookahead_runs::{Measure, MetricsRow, TraceKind};

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";

/// Follows a run as it goes.
pub trait Observer {
    /// The run stands at gradient step `step`.
    fn stepped(&mut self, step: u64);
    /// An evaluation was made.
    fn evaluated(&mut self, row: &MetricsRow);
    /// What workers told each other last, before an evaluation.
    fn met(&mut self, _shared: &Shared) {}
    /// At the end of the run `done` of `all` examples of a part are measured.
    fn measured(&mut self, _part: Part, _done: usize, _all: usize) {}
}

/// A run in progress.
pub struct Trainer<'a, 'w, T: Task> {
    config: &'a RunConfig,
    task: &'a T,
    folder: &'a Path,
    device: Device,
    model: Option<T::Model>,
    memory: T::Memory,
    optimizer: AnyOptimizer,
    schedule: LearningRate,
    position: Position,
    /// The folder's configuration, which names the device that the run began on.
    claimed: FileSum,
    /// The run folder's files at the checkpoint that the run continues from; `None` for a run at its start.
    continued: Option<Manifest>,
    metrics: JsonLog,
    trace: Option<Trace>,
    losses: Losses,
    stop: Stop,
    /// Held from a step to the checkpoint after it.
    unsaved: Option<Unsaved>,
    /// The workers that it trains with; `None` alone.
    team: Option<Team<'w>>,
    started: Instant,
    seconds_before: f64,
}

impl<'a, 'w, T: Task> Trainer<'a, 'w, T> {
    /// A run at its start, or where its last checkpoint stands, in a folder that has its `config.toml`. `stop` is looked at
    /// after every step and within all that takes long. `workers` are those of the configuration, if it has several.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`], [`Error::OtherConfig`], [`Error::NoDevice`], or what does not fit, by name; the
    /// folder stays as it is.
    pub fn new(
        config: &'a RunConfig,
        task: &'a T,
        folder: &'a Path,
        stop: &Stop,
        workers: Option<&'w mut dyn Collective>,
    ) -> Result<Self, Error> {
        let written = folder.join(CONFIG);
        let device = device::open_for(config)?.autodiff();
        let initial = || in_precision(task.initial_model(&device), config.precision.dtype());
        let steps_of = |epochs| task.steps_of(epochs);
        let (team, model) = match (&config.workers, workers) {
            (Some(table), Some(workers)) => {
                let (data, model) = (task.data_sha256(), initial());
                let (team, model) = Team::begin(workers, config, table, (&data, folder), model, &steps_of)?;
                (Some(team), model)
            }
            _ => (None, initial()),
        };
        // With a slow step over workers each has what is inside of it.
        let own = config.workers.filter(|table| table.mode == WorkersMode::SlowStep);
        let own = own.map(|table| config.optimizer.slow_step(&table, &steps_of)).transpose()?.flatten();
        let optimizer = own.map_or(&config.optimizer, |(_, inner)| inner);
        let mut trainer = Self {
            schedule: LearningRate::new(&config.schedule, task.steps_of(config.epochs.get()))?,
            optimizer: AnyOptimizer::new(optimizer, &steps_of)?,
            model: None,
            memory: T::Memory::default(),
            position: Position::start(config.id(), task.data_sha256()),
            claimed: match &team {
                // Only the first worker's folder need have it.
                Some(team) if !team.is_lead() => FileSum::of(&[]),
                _ => FileSum::of(&fs::read(&written).map_err(Error::io(&written))?),
            },
            continued: None,
            metrics: JsonLog::at(folder, METRICS),
            trace: config.trace.map(|trace| {
                let cycle = config.optimizer.sync_period().map_or(1, |period| period.get());
                Trace::new(trace, task.steps_of(trace.epoch.get() - 1), cycle, folder)
            }),
            losses: Losses::on(&device),
            stop: stop.clone(),
            unsaved: None,
            team,
            started: Instant::now(),
            seconds_before: 0.0,
            config,
            task,
            folder,
            device,
        };
        let model = match trainer.last_checkpoint()? {
            Some(checkpoint) => trainer.restore(checkpoint, model)?,
            None => model,
        };
        trainer.model = Some(model);
        if config.precision == Precision::F16 {
            trainer.position.loss_scale.get_or_insert_default();
        }
        Ok(trainer)
    }

    /// Trains to the end.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a request to stop, all steps saved; [`Error::NonFinite`]; [`Error::NothingLeft`];
    /// [`Error::Data`]; [`Error::Io`].
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.is_lead() {
            self.open_files()?;
        }
        observer.stepped(self.position.step);
        while self.position.epoch < self.config.epochs.get() {
            let mut batches = Ahead::of(self.task, &self.device, (self.position.epoch, self.position.batch));
            while let (Some(batch), waited) = batches.next() {
                let began = Instant::now();
                self.advance(&batch?)?;
                self.position.data_wait.waiting += waited.as_secs_f64();
                self.position.data_wait.stepping += began.elapsed().as_secs_f64();
                observer.stepped(self.position.step);
                if self.is_to_stop() {
                    self.save(Moment::InEpoch)?;
                    return Err(Error::Interrupted);
                }
                if self.position.step.is_multiple_of(self.config.checkpoint_every.get().into()) {
                    self.save(Moment::InEpoch)?;
                }
            }
            self.end_epoch(observer)?;
        }
        Ok(())
    }

    /// One batch further. A batch without an example keeps its place in the schedule, and changes nothing else.
    fn advance(&mut self, batch: &T::Batch) -> Result<(), Error> {
        let update = self.trace.as_ref().and_then(|trace| trace.update(self.position.step));
        // A traced step that is interrupted is done again from before it.
        if update.is_some() && self.unsaved.is_some() {
            self.save(Moment::InEpoch)?;
        }
        self.position.skipped += self.task.skipped(batch);
        if self.task.is_empty(batch) {
            self.position.empty_batches += 1;
            self.position.step += 1;
            self.position.batch += 1;
        } else {
            self.step(batch, update)?;
        }
        self.unsaved.get_or_insert_with(|| self.stop.unsaved());
        Ok(())
    }

    /// A gradient step, the traced update number `update` if it is one.
    fn step(&mut self, batch: &T::Batch, update: Option<u32>) -> Result<(), Error> {
        // `new` puts the model there, and every step puts it back.
        let model = self.model.take().expect("a trainer holds its model");
        let (task, device, step) = (self.task, &self.device.clone(), self.position.step);
        let (loss, memory) = task.loss(&model, batch, &self.memory, step, device);
        let is_looked_at = self.config.stop_on_non_finite || self.team.is_some();
        let is_time_to_look = is_looked_at && self.losses.note(step + 1, loss.clone());
        let Some(grads) = self.gradients(&model, loss)? else {
            (self.model, self.memory) = (Some(model), memory);
            self.position.step += 1;
            self.position.batch += 1;
            return if is_time_to_look { self.stop_on_non_finite() } else { Ok(()) };
        };
        let rate = self.schedule.learning_rate(step, self.position.epoch) * task.rate_factor(batch);
        let applied = rate;
        let rate = rate.into();
        let proposal = update.and_then(|_| self.optimizer.proposal(&rate, &model, &grads));
        if update == Some(1) {
            self.trace(0, TraceKind::Start, &model)?;
        }
        self.model = Some(if self.config.optimizer.asks_for_gradient() {
            let before = &self.memory;
            // Prop. 1 asks for the gradient at theta_k; it is taken on the batch of the k-th step.
            let gradient_at = |model: &T::Model| {
                // Of a copy: this pass is none that batch norm should count. `clone` would share its statistics.
                let copy = model.valid().train();
                let (loss, _) = task.loss(&copy, batch, before, step, device);
                GradientsParams::from_grads(loss.backward(), &copy)
            };
            self.optimizer.step(&rate, model, grads, gradient_at)
        } else {
            self.optimizer.advance(&rate, model, grads)
        });
        self.memory = memory;
        self.position.step += 1;
        self.position.batch += 1;
        self.meet(applied)?;
        if let Some(update) = update {
            self.trace_update(update, proposal)?;
        }
        if is_time_to_look { self.stop_on_non_finite() } else { Ok(()) }
    }

    /// After an update: theta, and phi where the update ended in a sync, from `proposal` to it.
    fn trace_update(&mut self, update: u32, proposal: Option<T::Model>) -> Result<(), Error> {
        match &proposal {
            Some(fast) => {
                self.trace(update, TraceKind::Inner, fast)?;
                let slow = self.optimizer.evaluation_model(self.model());
                self.trace(update, TraceKind::Outer, &slow)
            }
            None => {
                let fast = self.model().clone();
                self.trace(update, TraceKind::Inner, &fast)
            }
        }
    }

    fn trace(&mut self, update: u32, kind: TraceKind, model: &T::Model) -> Result<(), Error> {
        let score = self.score(&model.valid(), Part::Valid)?;
        match &mut self.trace {
            Some(trace) => trace.write(update, self.position.step, kind, score.scores, || named_weights(model)),
            None => Ok(()),
        }
    }

    /// Looks at what has come about since it last looked.
    fn stop_on_non_finite(&mut self) -> Result<(), Error> {
        if !self.config.stop_on_non_finite {
            return Ok(());
        }
        if let Some(what) = self.team.as_ref().map(Self::not_finite) {
            return what.map_or(Ok(()), |what| Err(self.non_finite(self.position.step, what)));
        }
        match self.losses.first_not_finite()? {
            Some(step) => Err(self.non_finite(step, "the loss")),
            None if self.optimizer.all_refused() > 0 => {
                let what = format!("a weight{}", self.losses.since_the_last_look());
                Err(self.non_finite(self.position.step, &what))
            }
            None => Ok(()),
        }
    }

    fn non_finite(&self, step: u64, what: &str) -> Error {
        Error::NonFinite { folder: self.folder.to_owned(), step, what: what.to_owned() }
    }

    /// Evaluates where the configuration says so. The last evaluation is of a complete cycle: a partial one is ended.
    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.position.step > 0 && self.position.empty_batches == self.position.step {
            return Err(Error::NothingLeft { part: "training", skipped: self.position.skipped });
        }
        let epoch = self.position.epoch + 1;
        let is_last = epoch == self.config.epochs.get();
        if is_last {
            self.model = self.model.take().map(|model| self.optimizer.end_partial_cycle(model));
            self.end_cycle_together()?;
        }
        self.agree()?;
        self.stop_on_non_finite()?;
        let is_evaluated = is_last || epoch.is_multiple_of(self.config.evaluate_every.get());
        let evaluation = is_evaluated.then(|| self.evaluate(epoch)).transpose();
        if let Err(Error::Interrupted) = &evaluation
            && self.unsaved.is_some()
        {
            // It continues behind the epoch's last batch; a cycle that is ended there ends only once.
            self.save(Moment::BeforeEvaluation)?;
        }
        let evaluation = evaluation?;
        self.position.epoch = epoch;
        self.position.batch = 0;
        self.memory = T::Memory::default();
        let Some((row, evaluated)) = evaluation else { return Ok(()) };
        let loss = row.scores.get(Measure::ValidLoss);
        if is_last && loss.is_none() && self.config.stop_on_non_finite {
            return Err(self.non_finite(self.position.step, "the loss"));
        }
        let loss = loss.unwrap_or(f64::INFINITY);
        self.schedule.observe_validation_loss(loss);
        self.optimizer.observe_loss(loss);
        if self.is_lead() {
            kept::keep(self.config.keep, &mut self.position.kept, (epoch, loss), self.folder, || {
                named_weights(&evaluated)
            })?;
            if let Some(team) = &self.team {
                observer.met(team.latest());
            }
            observer.evaluated(&row);
            self.metrics.append(&row)?;
        }
        self.position.last_row = Some(row);
        self.save(Moment::EpochEnd)?;
        if self.is_lead() {
            kept::remove_others(&self.position.kept, self.folder);
        }
        Ok(())
    }

    /// Both losses are of the weights to evaluate: the training loss too is taken over the whole set (App. C.1).
    fn evaluate_on(&self, epoch: u32, evaluated: T::Model) -> Result<(MetricsRow, T::Model), Error> {
        let model = self.model();
        let evaluated = self.with_own_statistics(evaluated)?;
        let train = self.score(&evaluated, Part::Train)?;
        let valid = self.score(&evaluated, Part::Valid)?;
        let has_fast = self.config.evaluate_fast && self.slow_model().is_some();
        let fast = has_fast.then(|| self.score(&model.valid(), Part::Valid)).transpose()?;
        let row = MetricsRow {
            epoch,
            step: self.position.step,
            learning_rate: self.schedule.learning_rate(self.position.step.saturating_sub(1), epoch - 1),
            scores: train.scores.and(valid.scores),
            valid_skipped: valid.skipped,
            fast: fast.map(|fast| fast.scores),
            alpha: self.alpha(),
            seconds: self.seconds(),
        };
        Ok((row, evaluated))
    }

    /// The batch-norm statistics of these weights, where they are estimated anew.
    fn with_own_statistics(&self, evaluated: T::Model) -> Result<T::Model, Error> {
        if !self.config.re_estimate_batch_norm {
            return Ok(evaluated);
        }
        Ok(self.task.re_estimate_batch_norm(&evaluated, &self.device, &self.stop)?.unwrap_or(evaluated))
    }

    fn score(&self, model: &T::Model, part: Part) -> Result<Score, Error> {
        self.task.evaluate(model, part, &self.device.clone().without_autodiff(), &self.stop)
    }

    fn model(&self) -> &T::Model {
        // As in `step`.
        self.model.as_ref().expect("a trainer holds its model")
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}
