//! Lookahead inside burn-train's own `Learner`. Against a plain optimizer one line changes:
//!
//!     -    let optimizer: ModuleOptimizer = rule.into();
//!     +    let optimizer: ModuleOptimizer = LookaheadRule::new(rule).into();

mod lines;
mod moons;

use std::error::Error;
use std::path::Path;

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Device, Tensor, activation};
use burn::train::checkpoint::KeepLastNCheckpoints;
use burn::train::metric::AccuracyMetric;
use burn::train::{
    ClassificationOutput, ExecutionStrategy, InferenceStep, Learner, LearningResult, SupervisedTraining, TrainOutput,
    TrainStep,
};
use lookahead_burn::lookahead::rules;
use lookahead_burn::{LookaheadRule, Sgd, slow_model_from_record};

use lines::Lines;
use moons::{Batch, Batches, moons};

const EPOCHS: usize = 6;
const LEARNING_RATE: f64 = 0.2;

/// A classifier of points in the plane.
#[derive(Module, Debug)]
struct Classifier {
    hidden: Linear,
    scores: Linear,
}

impl Classifier {
    fn new(device: &Device) -> Self {
        Self { hidden: LinearConfig::new(2, 32).init(device), scores: LinearConfig::new(32, 2).init(device) }
    }

    fn forward(&self, batch: Batch) -> ClassificationOutput {
        let scores = self.scores.forward(activation::relu(self.hidden.forward(batch.points)));
        let loss = CrossEntropyLossConfig::new().init(&scores.device()).forward(scores.clone(), batch.classes.clone());
        ClassificationOutput::new(loss, scores, batch.classes)
    }

    /// The share of points whose class has the higher score, and the loss.
    fn evaluate(&self, batch: Batch) -> String {
        let output = self.forward(batch);
        let right: Tensor<1> = output.output.argmax(1).flatten::<1>(0, 1).equal(output.targets).float();
        let (accuracy, loss) = (right.mean().into_scalar::<f64>(), output.loss.into_scalar::<f64>());
        format!("accuracy {:.2} %, loss {loss:.4}", 100.0 * accuracy)
    }
}

impl TrainStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.forward(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.forward(batch)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let folder = tempfile::tempdir()?;
    let rule: Sgd = rules::Sgd::new().with_momentum(0.9)?.into();

    // let optimizer: ModuleOptimizer = rule.into();
    let optimizer: ModuleOptimizer = LookaheadRule::new(rule).into();

    let result = train(folder.path(), Classifier::new(&device), optimizer, &device);
    if let Some(error) = result.error {
        return Err(error.to_string().into());
    }

    // The slow weights are in the optimizer's record, which the Learner leaves in its last checkpoint.
    let record = OptimizerRecord::load(folder.path().join(format!("checkpoint/optim-{EPOCHS}.bpk")))?;
    let slow = slow_model_from_record(&result.model, record)?;

    let validation = || Batch::new(&moons(400, 2), &device.clone().inner());
    println!("fast weights: {}", result.model.evaluate(validation()));
    println!("slow weights: {}", slow.evaluate(validation()));
    Ok(())
}

/// burn-train's loop: 33 steps an epoch, so that an epoch ends in mid-cycle and the two sets of weights differ.
fn train(folder: &Path, model: Classifier, optimizer: ModuleOptimizer, device: &Device) -> LearningResult<Classifier> {
    let batches = || DataLoaderBuilder::new(Batches).batch_size(32);
    let training = batches().shuffle(1).build(InMemDataset::new(moons(1056, 1)));
    let validation = batches().build(InMemDataset::new(moons(400, 2)));
    SupervisedTraining::new(folder, training, validation)
        .with_training_strategy(ExecutionStrategy::single(device.clone()).into())
        .with_default_checkpointers()
        .with_checkpointing_strategy(KeepLastNCheckpoints::new(1))
        .with_application_logger(None)
        .metric_valid_numeric(AccuracyMetric::new())
        .renderer(Box::new(Lines::default()))
        .num_epochs(EPOCHS)
        .launch(Learner::new(model, optimizer, LEARNING_RATE))
}
