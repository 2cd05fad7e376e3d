//! The one training loop: steps, evaluations, checkpoints; the same bits however often it is stopped and continued.

mod kept;
mod trace;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use lookahead_burn::{InnerOptimizer, clip_by_global_norm};

use self::trace::{Point, Trace};
use crate::Error;
use crate::checkpoint::{Checkpoint, Position};
use crate::config::RunConfig;
use crate::device;
use crate::json_log::JsonLog;
use crate::model::{load_weights, named_weights};
use crate::optimizer::AnyOptimizer;
use crate::report::{FastScores, MetricsRow};
use crate::schedule::Schedule;
use crate::task::{Memory, Part, Score, Task};

/// Follows a run as it goes.
pub trait Observer {
    /// The run stands at gradient step `step`.
    fn stepped(&mut self, step: u64);
    /// An evaluation was made.
    fn evaluated(&mut self, row: &MetricsRow);
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
    schedule: Schedule,
    position: Position,
    metrics: JsonLog,
    trace: Option<Trace>,
    started: Instant,
    seconds_before: f64,
}

impl<'a, T: Task> Trainer<'a, T> {
    /// A run at its start, or where its last checkpoint stands.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`], [`Error::OtherConfig`], [`Error::NoDevice`], or what does not fit, by name; the
    /// folder stays as it is.
    pub fn new(config: &'a RunConfig, task: &'a T, folder: &'a Path) -> Result<Self, Error> {
        let device = device::open(config.device)?.autodiff();
        let steps: Vec<u64> = (0..config.epochs.get()).map(|epoch| task.steps(epoch).into()).collect();
        let model = task.initial_model(&device);
        let mut trainer = Self {
            schedule: Schedule::new(&config.schedule, steps.iter().sum())?,
            optimizer: AnyOptimizer::new(&config.optimizer)?,
            model: None,
            memory: T::Memory::default(),
            position: Position::start(config.id(), task.data_sha256()),
            metrics: JsonLog::at(folder, "metrics.jsonl"),
            trace: config.trace.map(|trace| {
                let cycle = config.optimizer.sync_period().map_or(1, |period| period.get());
                let before = steps.iter().take(trace.epoch.get() as usize - 1).sum();
                Trace::new(trace, before, cycle, folder)
            }),
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

    /// Trains to the end, and gives the last evaluation. `stop` is looked at after every step.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after `stop`, its checkpoint written; [`Error::NonFinite`]; [`Error::Data`];
    /// [`Error::Io`].
    pub fn run(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        self.task.prepare(self.folder)?;
        self.metrics.truncate(self.position.metrics_bytes)?;
        if let Some(trace) = &self.trace {
            trace.truncate(self.position.trace_bytes)?;
        }
        observer.stepped(self.position.step);
        while self.position.epoch < self.config.epochs.get() {
            for batch in self.task.batches(self.position.epoch, self.position.batch) {
                self.step(&batch?)?;
                observer.stepped(self.position.step);
                if stop.load(Ordering::Relaxed) {
                    self.save()?;
                    return Err(Error::Interrupted { folder: self.folder.to_owned() });
                }
                if self.position.step.is_multiple_of(self.config.checkpoint_every.get().into()) {
                    self.save()?;
                }
            }
            self.end_epoch(observer)?;
        }
        self.finish()
    }

    fn step(&mut self, batch: &T::Batch) -> Result<(), Error> {
        // `new` puts the model there, and every step puts it back.
        let model = self.model.take().expect("a trainer holds its model");
        let (task, device, step) = (self.task, &self.device.clone(), self.position.step);
        let (loss, memory) = task.loss(&model, batch, &self.memory, step, device);
        let value = loss.clone().into_scalar::<f32>();
        let grads = self.clip(&model, GradientsParams::from_grads(loss.backward(), &model))?;
        let rate = self.schedule.learning_rate(step, self.position.epoch) * task.rate_factor(batch);
        let rate = rate.into();
        let update = self.trace.as_ref().and_then(|trace| trace.update(self.position.step));
        let proposal = update.and_then(|_| self.optimizer.proposal(&rate, &model, &grads));
        if update == Some(1) {
            self.trace(0, Point::Start, &model)?;
        }
        self.model = Some(if self.config.optimizer.asks_for_gradient() {
            let before = &self.memory;
            // Prop. 1 asks for the gradient at theta_k; it is taken on the batch of the k-th step.
            let gradient_at = |model: &T::Model| {
                let (loss, _) = task.loss(model, batch, before, step, device);
                GradientsParams::from_grads(loss.backward(), model)
            };
            self.optimizer.step(&rate, model, grads, gradient_at)
        } else {
            self.optimizer.advance(&rate, model, grads)
        });
        self.memory = memory;
        self.position.step += 1;
        self.position.batch += 1;
        self.position.skipped += self.task.skipped(batch);
        if let Some(update) = update {
            self.trace_update(update, proposal)?;
        }
        self.stop_on_non_finite(value)
    }

    /// After an update: theta, and phi where the update ended in a sync, from `proposal` to it.
    fn trace_update(&mut self, update: u32, proposal: Option<T::Model>) -> Result<(), Error> {
        match &proposal {
            Some(fast) => {
                self.trace(update, Point::Inner, fast)?;
                let slow = self.optimizer.evaluation_model(self.model());
                self.trace(update, Point::Outer, &slow)
            }
            None => {
                let fast = self.model().clone();
                self.trace(update, Point::Inner, &fast)
            }
        }
    }

    fn trace(&mut self, update: u32, point: Point, model: &T::Model) -> Result<(), Error> {
        let score = self.score(&model.valid(), Part::Valid)?;
        if let Some(trace) = &self.trace {
            let step = self.position.step;
            self.position.trace_bytes = trace.write(update, step, point, score, || named_weights(model))?;
        }
        Ok(())
    }

    fn clip(&self, model: &T::Model, grads: GradientsParams) -> Result<GradientsParams, Error> {
        Ok(match self.config.clip_norm {
            Some(max_norm) => clip_by_global_norm(model, grads, max_norm)?.grads,
            None => grads,
        })
    }

    fn stop_on_non_finite(&self, loss: f32) -> Result<(), Error> {
        let what = match self.optimizer.refused() {
            _ if !loss.is_finite() => "the loss",
            0 => return Ok(()),
            _ => "a weight",
        };
        if !self.config.stop_on_non_finite {
            return Ok(());
        }
        Err(Error::NonFinite { folder: self.folder.to_owned(), step: self.position.step, what })
    }

    /// Evaluates where the configuration says so. The last evaluation is of a complete cycle: a partial one is ended.
    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let epoch = self.position.epoch + 1;
        let is_last = epoch == self.config.epochs.get();
        if is_last {
            self.model = self.model.take().map(|model| self.optimizer.end_partial_cycle(model));
            self.stop_on_non_finite(0.0)?;
        }
        self.position.epoch = epoch;
        self.position.batch = 0;
        self.memory = T::Memory::default();
        if is_last || epoch.is_multiple_of(self.config.evaluate_every.get()) {
            let (row, evaluated) = self.evaluate()?;
            if is_last && row.valid_loss.is_none() {
                self.stop_on_non_finite(f32::NAN)?;
            }
            let loss = row.valid_loss.unwrap_or(f64::INFINITY);
            self.schedule.observe_validation_loss(loss);
            self.optimizer.observe_validation_loss(loss);
            kept::keep(self.config.keep, &mut self.position.kept, (epoch, loss), self.folder, || {
                named_weights(&evaluated)
            })?;
            observer.evaluated(&row);
            self.position.metrics_bytes = self.metrics.append(&row)?;
            self.position.last_row = Some(row);
            self.save()?;
            kept::remove_others(&self.position.kept, self.folder);
        }
        Ok(())
    }

    /// The result of the whole run: of the weights at its end, or of those that were kept for it.
    fn finish(&self) -> Result<Outcome, Error> {
        let Position { epoch, step, seconds, ref last_row, skipped, ref kept, .. } = self.position;
        let mut outcome = Outcome {
            epochs: epoch,
            steps: step,
            seconds,
            refused: self.optimizer.refused(),
            skipped,
            kept_epochs: kept.iter().map(|kept| kept.epoch).collect(),
            train: Score::default(),
            valid: Score::default(),
            test: None,
        };
        let evaluated = match kept::mean(kept, self.folder)? {
            Some(weights) => load_weights(self.model().valid(), weights)?,
            None => self.optimizer.evaluation_model(self.model()),
        };
        match last_row {
            // The last evaluation was of these very weights, and there is nothing more to measure.
            Some(row) if kept.is_empty() && !self.task.has_test() && !self.task.has_final_score() => {
                let loss = |loss: Option<f64>| loss.unwrap_or(f64::INFINITY);
                outcome.train.loss = loss(row.train_loss);
                let (accuracy, top5) = (row.valid_accuracy, row.valid_top5);
                outcome.valid = Score { loss: loss(row.valid_loss), accuracy, top5, bleu: None };
            }
            _ => {
                let device = self.device.clone().without_autodiff();
                let score = |part| self.task.final_score(&evaluated, part, self.folder, &device);
                outcome.train = self.score(&evaluated, Part::Train)?;
                outcome.valid = score(Part::Valid)?;
                outcome.test = self.task.has_test().then(|| score(Part::Test)).transpose()?;
            }
        }
        Ok(outcome)
    }

    /// Both losses are of the weights to evaluate: the training loss too is taken over the whole set (App. C.1).
    fn evaluate(&self) -> Result<(MetricsRow, T::Model), Error> {
        let model = self.model();
        let mut evaluated = self.optimizer.evaluation_model(model);
        if self.config.re_estimate_batch_norm && self.task.has_batch_norm(&evaluated) {
            evaluated = self.task.re_estimate_batch_norm(&evaluated, &self.device)?;
        }
        let train = self.score(&evaluated, Part::Train)?;
        let valid = self.score(&evaluated, Part::Valid)?;
        let has_fast = self.config.evaluate_fast && self.optimizer.evaluation_weights().is_some();
        let fast = has_fast.then(|| self.score(&model.valid(), Part::Valid)).transpose()?;
        let row = MetricsRow {
            epoch: self.position.epoch,
            step: self.position.step,
            learning_rate: self.schedule.learning_rate(self.position.step.saturating_sub(1), self.position.epoch - 1),
            train_loss: finite(train.loss),
            valid_loss: finite(valid.loss),
            valid_accuracy: valid.accuracy,
            valid_top5: valid.top5,
            fast: fast.map(|fast| FastScores { valid_loss: finite(fast.loss), valid_accuracy: fast.accuracy }),
            alpha: self.optimizer.last_sync().map(|sync| sync.alpha.get()),
            seconds: self.seconds(),
        };
        Ok((row, evaluated))
    }

    fn score(&self, model: &T::Model, part: Part) -> Result<Score, Error> {
        self.task.evaluate(model, part, &self.device.clone().without_autodiff())
    }

    fn model(&self) -> &T::Model {
        // As in `step`.
        self.model.as_ref().expect("a trainer holds its model")
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    fn save(&mut self) -> Result<(), Error> {
        self.position.seconds = self.seconds();
        self.position.plateau = self.schedule.memory().cloned();
        let model = self.model();
        let slow = self.optimizer.evaluation_weights().map(|weights| named_weights(&weights.apply(model)));
        let record = self.optimizer.to_record();
        let position = self.position.clone();
        let memory = self.memory.to_tensors();
        Checkpoint { position, model: named_weights(model), slow, optimizer: record, memory }.write(self.folder)
    }

    fn restore(&mut self, checkpoint: Checkpoint, model: T::Model) -> Result<T::Model, Error> {
        let Checkpoint { position, model: weights, optimizer, memory, .. } = checkpoint;
        if position.run != self.position.run {
            let (path, expected) = (self.folder.join("checkpoint"), self.position.run.clone());
            return Err(Error::OtherConfig { path, expected, found: position.run });
        }
        if position.data != self.position.data {
            return Err(Error::OtherData { path: self.folder.to_owned() });
        }
        let model = load_weights(model, weights)?;
        self.optimizer = self.optimizer.clone().load_record(&optimizer, &model)?;
        self.memory = T::Memory::from_tensors(memory, &self.device)?;
        self.schedule.restore(position.plateau.clone());
        self.seconds_before = position.seconds;
        self.position = position;
        Ok(model)
    }
}

pub(crate) fn finite(loss: f64) -> Option<f64> {
    Some(loss).filter(|loss| loss.is_finite())
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Epochs done.
    pub epochs: u32,
    /// Gradient steps done.
    pub steps: u64,
    /// Wall time of all of it, in seconds, up to the last evaluation.
    pub seconds: f64,
    /// How good the weights are on the training set.
    pub train: Score,
    /// How good they are on the validation set.
    pub valid: Score,
    /// How good they are on the test set, where there is one.
    pub test: Option<Score>,
    /// The epochs that these weights are of, where they are not those at the end.
    pub kept_epochs: Vec<u32>,
    /// Elements that syncs refused as not finite.
    pub refused: u64,
    /// Examples left out of batches because they could not be read.
    pub skipped: u64,
}
