//! Lookahead in a training loop of one's own: evaluation on the slow weights after every epoch, a checkpoint in the
//! middle of a cycle that a second run continues from with the same bits, and a defined end of the last, partial cycle.

use std::error::Error;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor, TensorData, activation};
use lookahead_burn::lookahead::{Alpha, LookaheadConfig, SyncPeriod};
use lookahead_burn::{AdamW, Lookahead, Record, RuleSet};

const EPOCHS: u64 = 8;
const STEPS_PER_EPOCH: u64 = 33;
const LEARNING_RATE: f64 = 0.01;

/// A small network that learns the sine of its input.
#[derive(Module, Debug)]
struct Network {
    hidden: Linear,
    output: Linear,
}

impl Network {
    fn new() -> Self {
        let device = Device::flex().autodiff();
        Self { hidden: LinearConfig::new(1, 32).init(&device), output: LinearConfig::new(32, 1).init(&device) }
    }

    /// The mean squared error on 64 inputs from -3 to 3, shifted a little from batch to batch.
    fn loss(&self, batch: u64) -> Tensor<1> {
        let shift = (batch % 7) as f32 / 70.0;
        let inputs: Vec<f32> = (0..64).map(|i| (i as f32 - 32.0) * 3.0 / 32.0 + shift).collect();
        let inputs = Tensor::<2>::from_data(TensorData::new(inputs, [64, 1]), &self.hidden.weight.val().device());
        let targets = inputs.clone().sin();
        let outputs = self.output.forward(activation::tanh(self.hidden.forward(inputs)));
        (outputs - targets).powf_scalar(2.0).mean()
    }
}

type Optimizer = Lookahead<RuleSet<AdamW>>;

fn new_optimizer() -> Result<Optimizer, Box<dyn Error>> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(5)?).with_alpha(Alpha::new(0.5)?);
    Ok(Lookahead::with_config(AdamW::new(), config)?)
}

/// One epoch: the module moves through every step, so that its weights are written in place.
fn train_epoch(optimizer: &mut Optimizer, mut network: Network, epoch: u64) -> Network {
    for step in epoch * STEPS_PER_EPOCH..(epoch + 1) * STEPS_PER_EPOCH {
        let grads = GradientsParams::from_grads(network.loss(step).backward(), &network);
        network = optimizer.step(LEARNING_RATE, network, grads);
    }
    // A value of its own: there is no mode to switch back.
    let slow = optimizer.slow_model(&network);
    println!("epoch {epoch}: loss {:.6} on the slow weights", slow.loss(0).into_scalar::<f32>());
    network
}

/// Ends the last cycle, which 264 steps leave partial with k = 5: fast and slow weights are the same then.
fn finish(mut optimizer: Optimizer, network: Network) -> Network {
    let network = optimizer.sync_now(network);
    println!("the end: loss {:.6} on both", network.valid().loss(0).into_scalar::<f32>());
    network
}

fn save(folder: &Path, optimizer: &Optimizer, network: &Network) -> Result<(), Box<dyn Error>> {
    // With batch norm in the model, Burn's record lacks its last update unless this comes first.
    let _ = network.valid();
    network.clone().into_record().save(folder.join("network.bpk"))?;
    fs::write(folder.join("optimizer.record"), optimizer.to_record(network)?.to_bytes()?)?;
    Ok(())
}

fn load(folder: &Path) -> Result<(Optimizer, Network), Box<dyn Error>> {
    let network = Network::new().load_record(ModuleRecord::load(folder.join("network.bpk"))?);
    // The record fits a module of the same paths and shapes, or an error names what does not belong.
    let record = Record::from_bytes(&fs::read(folder.join("optimizer.record"))?)?;
    Ok((new_optimizer()?.load_record(&record, &network)?, network))
}

fn main() -> Result<(), Box<dyn Error>> {
    Device::flex().seed(1);
    let folder = tempfile::tempdir()?;

    let (mut optimizer, mut network) = (new_optimizer()?, Network::new());
    for epoch in 0..EPOCHS {
        if epoch == EPOCHS / 2 {
            save(folder.path(), &optimizer, &network)?;
            println!("saved {} steps after a sync", optimizer.clock().phase());
        }
        network = train_epoch(&mut optimizer, network, epoch);
    }
    let undisturbed = finish(optimizer, network);

    println!("once more, from the checkpoint");
    let (mut optimizer, mut network) = load(folder.path())?;
    for epoch in EPOCHS / 2..EPOCHS {
        network = train_epoch(&mut optimizer, network, epoch);
    }
    let resumed = finish(optimizer, network);

    let weights = |network: &Network| network.output.weight.val().into_data();
    println!("the same bits: {}", weights(&undisturbed) == weights(&resumed));
    Ok(())
}
