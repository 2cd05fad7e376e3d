//! The one training loop: steps, evaluations, checkpoints; the same bits however often it is stopped and continued.

mod finish;
mod kept;
mod losses;
mod trace;

use std::fs;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use lookahead_burn::{InnerOptimizer, Observed, clip_by_global_norm};

pub use self::finish::Outcome;
use self::losses::Losses;
use self::trace::Trace;
use crate::Error;
use crate::checkpoint::{Checkpoint, Position};
use crate::config::RunConfig;
use crate::device;
use crate::optimizer::AnyOptimizer;
use crate::schedule::LearningRate;
use crate::task::{Memory, Part, Score, Task};
use lookahead_models::{load_weights, named_weights};
use lookahead_runs::Current;
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
    /// At the end of the run `done` of `all` examples of a part are measured.
    fn measured(&mut self, _part: Part, _done: usize, _all: usize) {}
}

/// A run in progress.
pub struct Trainer<'a, T: Task> {
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
    started: Instant,
    seconds_before: f64,
}

impl<'a, T: Task> Trainer<'a, T> {
    /// A run at its start, or where its last checkpoint stands, in a folder that has its `config.toml`. `stop` is looked at
    /// after every step and within all that takes long.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`], [`Error::OtherConfig`], [`Error::NoDevice`], or what does not fit, by name; the
    /// folder stays as it is.
    pub fn new(config: &'a RunConfig, task: &'a T, folder: &'a Path, stop: &Stop) -> Result<Self, Error> {
        let written = folder.join(CONFIG);
        let device = device::open(config.device)?.autodiff();
        let model = task.initial_model(&device);
        let mut trainer = Self {
            schedule: LearningRate::new(&config.schedule, task.steps_of(config.epochs.get()))?,
            optimizer: AnyOptimizer::new(&config.optimizer, &|epochs| task.steps_of(epochs))?,
            model: None,
            memory: T::Memory::default(),
            position: Position::start(config.id(), task.data_sha256()),
            claimed: FileSum::of(&fs::read(&written).map_err(Error::io(&written))?),
            continued: None,
            metrics: JsonLog::at(folder, METRICS),
            trace: config.trace.map(|trace| {
                let cycle = config.optimizer.sync_period().map_or(1, |period| period.get());
                Trace::new(trace, task.steps_of(trace.epoch.get() - 1), cycle, folder)
            }),
            losses: Losses::on(&device),
            stop: stop.clone(),
            unsaved: None,
            started: Instant::now(),
            seconds_before: 0.0,
            config,
            task,
            folder,
            device,
        };
        let model = match Checkpoint::read(folder)? {
            Some(checkpoint) => trainer.restore(checkpoint, model)?,
            None => model,
        };
        trainer.model = Some(model);
        Ok(trainer)
    }

    /// Trains to the end, and gives the last evaluation.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a request to stop, all steps saved; [`Error::NonFinite`]; [`Error::NothingLeft`];
    /// [`Error::Data`]; [`Error::Io`].
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.task.prepare(self.folder)?;
        let continued = self.continued.take();
        let files = continued.clone().unwrap_or_default();
        self.metrics.continue_at(files.get(METRICS))?;
        if let Some(trace) = &mut self.trace {
            trace.continue_at(&files)?;
        }
        if continued.is_none() {
            // Before any progress, so that progress without it is known to have lost it.
            Current::start(self.position.run.clone(), self.files()).write(self.folder)?;
        }
        observer.stepped(self.position.step);
        while self.position.epoch < self.config.epochs.get() {
            for batch in self.task.batches(self.position.epoch, self.position.batch) {
                self.advance(&batch?)?;
                observer.stepped(self.position.step);
                if self.stop.is_asked() {
                    self.save()?;
                    return Err(Error::Interrupted);
                }
                if self.position.step.is_multiple_of(self.config.checkpoint_every.get().into()) {
                    self.save()?;
                }
            }
            self.end_epoch(observer)?;
        }
        self.finish(observer)
    }

    /// One batch further. A batch without an example keeps its place in the schedule, and changes nothing else.
    fn advance(&mut self, batch: &T::Batch) -> Result<(), Error> {
        let update = self.trace.as_ref().and_then(|trace| trace.update(self.position.step));
        // A traced step that is interrupted is done again from before it.
        if update.is_some() && self.unsaved.is_some() {
            self.save()?;
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
        let is_time_to_look = self.config.stop_on_non_finite && self.losses.note(step + 1, loss.clone());
        let grads = self.clip(&model, GradientsParams::from_grads(loss.backward(), &model))?;
        let rate = self.schedule.learning_rate(step, self.position.epoch) * task.rate_factor(batch);
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

    fn clip(&self, model: &T::Model, grads: GradientsParams) -> Result<GradientsParams, Error> {
        Ok(match self.config.clip_norm {
            Some(max_norm) => clip_by_global_norm(model, grads, max_norm)?.grads,
            None => grads,
        })
    }

    /// Looks at what has come about since it last looked.
    fn stop_on_non_finite(&mut self) -> Result<(), Error> {
        if !self.config.stop_on_non_finite {
            return Ok(());
        }
        match self.losses.first_not_finite()? {
            Some(step) => Err(self.non_finite(step, "the loss")),
            None if self.optimizer.all_refused() > 0 => Err(self.non_finite(self.position.step, "a weight")),
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
        }
        self.stop_on_non_finite()?;
        let is_evaluated = is_last || epoch.is_multiple_of(self.config.evaluate_every.get());
        let evaluation = is_evaluated.then(|| self.evaluate(epoch)).transpose();
        if let Err(Error::Interrupted) = &evaluation
            && self.unsaved.is_some()
        {
            // It continues behind the epoch's last batch; a cycle that is ended there ends only once.
            self.save()?;
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
        kept::keep(self.config.keep, &mut self.position.kept, (epoch, loss), self.folder, || {
            named_weights(&evaluated)
        })?;
        observer.evaluated(&row);
        self.metrics.append(&row)?;
        self.position.last_row = Some(row);
        self.save()?;
        kept::remove_others(&self.position.kept, self.folder);
        Ok(())
    }

    /// Both losses are of the weights to evaluate: the training loss too is taken over the whole set (App. C.1).
    fn evaluate(&self, epoch: u32) -> Result<(MetricsRow, T::Model), Error> {
        let model = self.model();
        let evaluated = self.with_own_statistics(self.optimizer.evaluation_model(model))?;
        let train = self.score(&evaluated, Part::Train)?;
        let valid = self.score(&evaluated, Part::Valid)?;
        let has_fast = self.config.evaluate_fast && self.optimizer.evaluation_weights(model).is_some();
        let fast = has_fast.then(|| self.score(&model.valid(), Part::Valid)).transpose()?;
        let row = MetricsRow {
            epoch,
            step: self.position.step,
            learning_rate: self.schedule.learning_rate(self.position.step.saturating_sub(1), epoch - 1),
            scores: train.scores.and(valid.scores),
            valid_skipped: valid.skipped,
            fast: fast.map(|fast| fast.scores),
            alpha: self.optimizer.latest_sync().map(|sync| sync.alpha.get()),
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

    fn save(&mut self) -> Result<(), Error> {
        self.stop_on_non_finite()?;
        self.position.seconds = self.seconds();
        self.position.plateau = self.schedule.memory().cloned();
        let model = self.model();
        let slow = self.optimizer.evaluation_weights(model).map(|weights| named_weights(&weights.apply(model)));
        let record = self.optimizer.to_record(model)?;
        let position = self.position.clone();
        let memory = self.memory.to_tensors();
        let files = self.files();
        let checkpoint = Checkpoint { position, model: named_weights(model), slow, optimizer: record, memory, files };
        // A step behind which no loss has been taken may have left one.
        if let Some(what) = checkpoint.first_not_finite().filter(|_| self.config.stop_on_non_finite) {
            return Err(self.non_finite(self.position.step, &what));
        }
        checkpoint.write(self.folder)?;
        self.unsaved = None;
        Ok(())
    }

    /// The files of the run folder that belong to this moment.
    fn files(&self) -> Manifest {
        let mut files =
            Manifest::from_iter([(CONFIG.to_owned(), self.claimed.clone()), (METRICS.to_owned(), self.metrics.sum())]);
        files.extend(self.trace.iter().flat_map(Trace::files));
        files.extend(kept::files(&self.position.kept));
        files
    }

    fn restore(&mut self, checkpoint: Checkpoint, model: T::Model) -> Result<T::Model, Error> {
        let Checkpoint { position, model: weights, optimizer, memory, files, .. } = checkpoint;
        if position.run != self.position.run {
            let (path, expected) = (self.folder.join("checkpoint"), self.position.run.clone());
            return Err(Error::OtherConfig { path, expected, found: position.run });
        }
        if position.data != self.position.data {
            return Err(Error::OtherData { path: self.folder.to_owned() });
        }
        files.check(self.folder)?;
        self.continued = Some(files);
        let model = load_weights(model, weights)?;
        self.optimizer = self.optimizer.clone().load_record(&optimizer, &model)?;
        self.memory = T::Memory::from_tensors(memory, &self.device)?;
        self.schedule.restore(position.plateau.clone());
        self.seconds_before = position.seconds;
        self.position = position;
        Ok(model)
    }
}
