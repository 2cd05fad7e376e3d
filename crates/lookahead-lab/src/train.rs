//! The one training loop: steps, evaluations, checkpoints; the same bits however often it is stopped and continued.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use lookahead_burn::{InnerOptimizer, clip_by_global_norm, re_estimate_batch_norm};

use crate::Error;
use crate::checkpoint::{Checkpoint, Position};
use crate::config::RunConfig;
use crate::data::{Augment, Dataset, Loader, epoch_order};
use crate::evaluate::{evaluate, to_tensors};
use crate::metrics_log::MetricsLog;
use crate::model::{Network, load_weights, named_weights};
use crate::optimizer::AnyOptimizer;
use crate::report::MetricsRow;
use crate::schedule::Schedule;

/// Follows a run as it goes.
pub trait Observer {
    /// The run stands at gradient step `step`.
    fn stepped(&mut self, step: u64);
    /// An evaluation was made.
    fn evaluated(&mut self, row: &MetricsRow);
}

/// A run in progress.
pub struct Trainer<'a> {
    config: &'a RunConfig,
    data: &'a Dataset,
    folder: &'a Path,
    device: Device,
    model: Option<Network>,
    optimizer: AnyOptimizer,
    schedule: Schedule,
    position: Position,
    metrics: MetricsLog,
    started: Instant,
    seconds_before: f64,
}

impl<'a> Trainer<'a> {
    /// A run at its start, or where its last checkpoint stands.
    ///
    /// # Errors
    /// [`Error::DamagedCheckpoint`], [`Error::OtherConfig`], or what does not fit, by name; the folder stays as it is.
    pub fn new(config: &'a RunConfig, data: &'a Dataset, folder: &'a Path) -> Result<Self, Error> {
        let device = Device::flex().autodiff();
        let model = Network::new(&config.model, data.image, data.classes, config.seed, &device);
        let mut trainer = Self {
            schedule: Schedule::new(&config.schedule, data.batches(config.batch_size).into(), config.epochs.get())?,
            optimizer: AnyOptimizer::new(&config.optimizer)?,
            model: None,
            position: Position {
                run: config.id(),
                data: data.sha256(),
                epoch: 0,
                batch: 0,
                step: 0,
                seconds: 0.0,
                metrics_bytes: 0,
                last_row: None,
                plateau: None,
            },
            metrics: MetricsLog::at(folder),
            started: Instant::now(),
            seconds_before: 0.0,
            config,
            data,
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
    /// [`Error::Interrupted`] after `stop`, its checkpoint written; [`Error::NonFinite`]; [`Error::Io`].
    pub fn run(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        self.metrics.truncate(self.position.metrics_bytes)?;
        let batches = self.data.batches(self.config.batch_size);
        observer.stepped(self.position.step);
        while self.position.epoch < self.config.epochs.get() {
            let order = epoch_order(self.data.train.len(), self.config.seed, self.position.epoch);
            while self.position.batch < batches {
                self.step(&order)?;
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
        let Position { epoch, step, seconds, last_row, .. } = self.position;
        Ok(Outcome { epochs: epoch, steps: step, seconds, last_row, refused: self.optimizer.refused() })
    }

    fn step(&mut self, order: &[u32]) -> Result<(), Error> {
        let size = self.config.batch_size.get() as usize;
        let start = self.position.batch as usize * size;
        let (augmentation, seed) = (self.config.data.augmentation, self.config.seed);
        let augment = Augment { augmentation, seed, epoch: self.position.epoch };
        let batch = self.data.train.batch(&order[start..order.len().min(start + size)], Some(augment))?;
        let (images, labels) = to_tensors(batch, &self.device);
        // `new` puts the model there, and every step puts it back.
        let model = self.model.take().expect("a trainer holds its model");
        let loss = CrossEntropyLossConfig::new().init(&self.device).forward(model.forward(images), labels);
        let value = loss.clone().into_scalar::<f32>();
        let mut grads = GradientsParams::from_grads(loss.backward(), &model);
        if let Some(max_norm) = self.config.clip_norm {
            grads = clip_by_global_norm(&model, grads, max_norm)?.grads;
        }
        let learning_rate = self.schedule.learning_rate(self.position.step);
        self.model = Some(self.optimizer.advance(&learning_rate.into(), model, grads));
        self.position.step += 1;
        self.position.batch += 1;
        self.stop_on_non_finite(value)
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
        if is_last || epoch.is_multiple_of(self.config.evaluate_every.get()) {
            let row = self.evaluate()?;
            if is_last && row.valid_loss.is_none() {
                self.stop_on_non_finite(f32::NAN)?;
            }
            let loss = row.valid_loss.unwrap_or(f64::INFINITY);
            self.schedule.observe_validation_loss(loss);
            self.optimizer.observe_validation_loss(loss);
            observer.evaluated(&row);
            self.position.metrics_bytes = self.metrics.append(&row)?;
            self.position.last_row = Some(row);
            self.save()?;
        }
        Ok(())
    }

    /// Both losses are of the weights to evaluate: the training loss too is taken over the whole set (App. C.1).
    fn evaluate(&self) -> Result<MetricsRow, Error> {
        // As in `step`.
        let model = self.model.as_ref().expect("a trainer holds its model");
        let mut evaluated = self.optimizer.evaluation_model(model);
        if self.config.re_estimate_batch_norm && evaluated.has_batch_norm() {
            let indices: Vec<u32> = (0..self.data.train.len() as u32).collect();
            let mut failed = None;
            let batches = Loader::start(self.data.train.clone(), indices, self.config.batch_size, 0, None)
                .map_while(|batch| batch.map_err(|error| failed = Some(error)).ok());
            evaluated = re_estimate_batch_norm(&evaluated, batches, |model: &Network, batch| {
                model.forward(to_tensors(batch, &self.device).0)
            })?;
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        let device = self.device.clone().without_autodiff();
        let train = evaluate(&evaluated, &self.data.train, &device)?;
        let valid = evaluate(&evaluated, &self.data.valid, &device)?;
        let finite = |loss: f64| Some(loss).filter(|loss| loss.is_finite());
        Ok(MetricsRow {
            epoch: self.position.epoch,
            step: self.position.step,
            learning_rate: self.schedule.learning_rate(self.position.step.saturating_sub(1)),
            train_loss: finite(train.loss),
            valid_loss: finite(valid.loss),
            valid_accuracy: valid.accuracy,
            valid_top5: None,
            fast: None,
            alpha: self.optimizer.last_sync().map(|sync| sync.alpha.get()),
            seconds: self.seconds(),
        })
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    fn save(&mut self) -> Result<(), Error> {
        // As in `step`.
        let model = self.model.as_ref().expect("a trainer holds its model");
        self.position.seconds = self.seconds();
        self.position.plateau = self.schedule.memory().cloned();
        let slow = self.optimizer.evaluation_weights().map(|weights| named_weights(&weights.apply(model)));
        let record = self.optimizer.to_record();
        let position = self.position.clone();
        Checkpoint { position, model: named_weights(model), slow, optimizer: record }.write(self.folder)
    }

    fn restore(&mut self, checkpoint: Checkpoint, model: Network) -> Result<Network, Error> {
        let Checkpoint { position, model: weights, optimizer, .. } = checkpoint;
        if position.run != self.position.run {
            let (path, expected) = (self.folder.join("checkpoint"), self.position.run.clone());
            return Err(Error::OtherConfig { path, expected, found: position.run });
        }
        if position.data != self.position.data {
            return Err(Error::OtherData { path: self.folder.to_owned() });
        }
        let model = load_weights(model, weights)?;
        self.optimizer = self.optimizer.clone().load_record(&optimizer, &model)?;
        self.schedule.restore(position.plateau.clone());
        self.seconds_before = position.seconds;
        self.position = position;
        Ok(model)
    }
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
    /// The last evaluation.
    pub last_row: Option<MetricsRow>,
    /// Elements that syncs refused as not finite.
    pub refused: u64,
}
