//! A step may leave a weight that is not finite, before any loss shows it: no checkpoint holds it.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use lookahead_data::Data;
use lookahead_models::Network;
use lookahead_models::config::ModelConfig;
use lookahead_runs::Stop;
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::task::{Batches, Classification, Part, Score, Task};
use lookahead_training::train::Trainer;

use crate::run::{StopBehind, config};

/// Classification whose step number `at`, counted from 0, is far too long.
struct Leaping<'a> {
    task: Classification<'a>,
    at: u32,
}

impl<'a> Task for Leaping<'a> {
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
        let batches = self.task.batches(epoch, first);
        Box::new(batches.zip(first..).map(|(batch, number)| Ok((number, batch?))))
    }

    fn rate_factor(&self, batch: &Self::Batch) -> f64 {
        if batch.0 == self.at { 1e60 } else { 1.0 }
    }

    fn loss(&self, model: &Network, batch: &Self::Batch, memory: &(), step: u64, device: &Device) -> (Tensor<1>, ()) {
        self.task.loss(model, &batch.1, memory, step, device)
    }

    fn evaluate(&self, model: &Network, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error> {
        self.task.evaluate(model, part, device, stop)
    }
}

fn train(config: &RunConfig, at: u32, until: u64, folder: &Path) -> Error {
    fs::write(folder.join("config.toml"), config.to_toml()).unwrap();
    let (Data::Images(data), stop) = (Data::load(&config.data).unwrap(), Stop::new()) else { panic!("images") };
    let ModelConfig::Network(network) = &config.model else { panic!("a network") };
    let task = Leaping { task: Classification::new(config, network, &data), at };
    let trainer = Trainer::new(config, &task, folder, &stop).unwrap();
    trainer.run(&mut StopBehind(until, &stop)).unwrap_err()
}

fn with(stop_on_non_finite: bool) -> RunConfig {
    config(&format!(
        "epochs = 1\nbatch_size = 8\ncheckpoint_every = 2\nstop_on_non_finite = {stop_on_non_finite}\n\
         data = {{ name = 'made', channels = 1, height = 4, width = 4, classes = 3, train = 96, valid = 32 }}\n\
         model = {{ name = 'mlp', hidden = [4] }}\nschedule.learning_rate = 0.1\n\
         optimizer = {{ name = 'lookahead', sync_period = 5, inner = {{ name = 'sgd' }} }}\n"
    ))
}

#[test]
fn a_checkpoint_with_a_weight_that_is_not_finite_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    // Step 4, where the next checkpoint is due, in the middle of a cycle.
    let error = train(&with(true), 3, u64::MAX, folder.path());
    let Error::NonFinite { step, what, .. } = &error else { panic!("{error}") };
    assert_eq!((*step, what.starts_with("parameter \"Mlp.layers.")), (4, true), "{error}");
    let kept = Checkpoint::read(folder.path()).unwrap().expect("the checkpoint before it");
    assert_eq!(kept.position.step, 2);
    assert_eq!(kept.first_not_finite(), None);
}

#[test]
fn a_run_that_is_stopped_there_keeps_the_checkpoint_before_too() {
    let folder = tempfile::tempdir().unwrap();
    let error = train(&with(true), 0, 1, folder.path());
    assert!(matches!(&error, Error::NonFinite { step: 1, .. }), "{error}");
    assert!(Checkpoint::read(folder.path()).unwrap().is_none(), "the run is at its start");
}

#[test]
fn a_run_that_is_to_go_on_is_saved_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let error = train(&with(false), 0, 1, folder.path());
    assert!(matches!(error, Error::Interrupted), "{error}");
    let kept = Checkpoint::read(folder.path()).unwrap().expect("a checkpoint");
    assert!(kept.first_not_finite().is_some());
}
