//! A task whose steps can be too long or fail, and which tells what is asked of it.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use lookahead_data::Data;
use lookahead_models::Network;
use lookahead_models::config::ModelConfig;
use lookahead_runs::Stop;
use lookahead_training::Error;
use lookahead_training::config::RunConfig;
use lookahead_training::task::{Batches, Classification, Part, Score, Task};
use lookahead_training::train::{Observer, Outcome, Trainer};

/// What was asked for, of which batch of its epoch, counted from 0.
pub type Asked = (&'static str, u32);

/// What is wrong with a batch of each epoch, counted from 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Its learning rate is beyond f32.
    pub leap_at: Option<u32>,
    /// It cannot be read.
    pub broken_at: Option<u32>,
}

struct Altered<'a> {
    task: Classification<'a>,
    faults: Faults,
    asked: RefCell<Vec<Asked>>,
}

impl Altered<'_> {
    fn note(&self, what: &'static str, batch: u32) {
        self.asked.borrow_mut().push((what, batch));
    }
}

/// A run with an altered task, and what was asked of that.
pub fn with_task(
    config: &RunConfig,
    folder: &Path,
    stop: &Stop,
    faults: Faults,
    observer: &mut dyn Observer,
) -> (Result<Outcome, Error>, Vec<Asked>) {
    fs::write(folder.join("config.toml"), config.to_toml()).unwrap();
    let Data::Images(data) = Data::load(&config.data).unwrap() else { panic!("images") };
    let ModelConfig::Network(network) = &config.model else { panic!("a network") };
    let task = Altered { task: Classification::new(config, network, &data), faults, asked: RefCell::default() };
    let outcome = Trainer::new(config, &task, folder, stop, None).and_then(|mut trainer| {
        trainer.train(observer)?;
        Ok(trainer.finish(observer)?.expect("the only worker has an outcome"))
    });
    (outcome, task.asked.take())
}

impl<'a> Task for Altered<'a> {
    type Model = Network;
    type Batch = (u32, <Classification<'a> as Task>::Batch);
    type Memory = ();

    fn data_sha256(&self) -> String {
        self.task.data_sha256()
    }

    fn data_description(&self) -> String {
        self.task.data_description()
    }

    fn initial_model(&self, device: &Device) -> Network {
        self.task.initial_model(device)
    }

    fn steps(&self, epoch: u32) -> u32 {
        self.task.steps(epoch)
    }

    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Self::Batch> {
        let batches = self.task.batches(epoch, first).zip(first..);
        Box::new(batches.map(|(batch, number)| match self.faults.broken_at {
            Some(broken) if broken == number => Err(Error::OtherKindOfData),
            _ => Ok((number, batch?)),
        }))
    }

    fn copy_ahead(&self, batch: &mut Self::Batch, device: &Device) {
        self.note("copy", batch.0);
        self.task.copy_ahead(&mut batch.1, device);
    }

    fn rate_factor(&self, batch: &Self::Batch) -> f64 {
        if self.faults.leap_at == Some(batch.0) { 1e60 } else { 1.0 }
    }

    fn loss(&self, model: &Network, batch: &Self::Batch, memory: &(), step: u64, device: &Device) -> (Tensor<1>, ()) {
        self.note("loss", batch.0);
        self.task.loss(model, &batch.1, memory, step, device)
    }

    fn evaluate(&self, model: &Network, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error> {
        self.task.evaluate(model, part, device, stop)
    }
}
