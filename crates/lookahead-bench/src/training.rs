//! A worker for timing training steps beside other implementations: it trains on command and reports the parts of each
//! step's time. `training_worker --network resnet20|resnet18|cnn [--optimizer sgd|lookahead] [--batch 128] [--threads 2]`

mod memory;

use std::io::{Write, stdin, stdout};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lookahead_burn::{InnerOptimizer, Lookahead, RuleSet, Sgd};
use lookahead_lab::config::{ModelConfig, NetworkConfig, RunConfig};
use lookahead_lab::data::ImageShape;
use lookahead_lab::model::Network;
use serde_json::{Value, json};

use memory::Memory;

// As the program `lookahead` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLASSES: usize = 10;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("training_worker: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global().map_err(text)?;
    let rule = lookahead::rules::Sgd::new().with_momentum(0.9).and_then(|rule| rule.with_weight_decay(5e-4));
    let rule = Sgd::from(rule.map_err(text)?);
    match arguments.optimizer.as_str() {
        "sgd" => serve(Training::new(&arguments, RuleSet::new(rule))?),
        "lookahead" => serve(Training::new(&arguments, Lookahead::new(rule))?),
        other => Err(format!("--optimizer is {other:?}, but must be sgd or lookahead")),
    }
}

struct Arguments {
    network: String,
    optimizer: String,
    batch: usize,
    threads: usize,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self { network: String::new(), optimizer: "sgd".to_owned(), batch: 128, threads: 2 };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            let count = || {
                let count = value.parse().map(NonZeroUsize::get);
                count.map_err(|_| format!("{option} is {value:?}, but must be a whole number above 0"))
            };
            match option.as_str() {
                "--network" => parsed.network = value,
                "--optimizer" => parsed.optimizer = value,
                "--batch" => parsed.batch = count()?,
                "--threads" => parsed.threads = count()?,
                _ => return Err(format!("unknown option {option:?}")),
            }
        }
        Ok(parsed)
    }

    fn network(&self) -> Result<(NetworkConfig, ImageShape), String> {
        const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
        const GREY: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
        let (model, image) = match self.network.as_str() {
            "resnet20" => ("name = 'resnet', depth = 20", CIFAR),
            "resnet18" => ("name = 'resnet18'", CIFAR),
            "cnn" => ("name = 'cnn', channels = [32, 64, 128], batch_norm = false", GREY),
            other => return Err(format!("--network is {other:?}, but must be resnet20, resnet18 or cnn")),
        };
        // A whole configuration, for only such are read.
        let run = format!("schedule.learning_rate = 0.1\noptimizer.name = 'sgd'\nmodel = {{ {model} }}");
        match RunConfig::parse(&run, "training_worker").map_err(text)?.model {
            ModelConfig::Network(network) => Ok((network, image)),
            other => Err(format!("no network for images: {other:?}")),
        }
    }
}

/// Milliseconds of the parts of each step.
#[derive(Default)]
struct Times {
    forward: Vec<f64>,
    backward: Vec<f64>,
    optimizer: Vec<f64>,
    rest: Vec<f64>,
}

struct Training<O> {
    // None only within a step, which moves the network.
    network: Option<Network>,
    optimizer: O,
    pixels: Vec<f32>,
    labels: Vec<i64>,
    memory: Memory,
}

impl<O: InnerOptimizer> Training<O> {
    fn new(arguments: &Arguments, optimizer: O) -> Result<Self, String> {
        let (config, image) = arguments.network()?;
        let network = Network::new(&config, image, CLASSES, 0, &device());
        let pixels = (0..arguments.batch * image.pixels()).map(pixel).collect();
        let labels = (0..arguments.batch).map(|example| (example % CLASSES) as i64).collect();
        let mut memory = Memory::default();
        memory.mark_base();
        Ok(Self { network: Some(network), optimizer, pixels, labels, memory })
    }

    fn step(&mut self, times: &mut Times) {
        let Some(network) = self.network.take() else { return };
        let (start, batch) = (Instant::now(), self.labels.len());
        let images = TensorData::new(self.pixels.clone(), [batch, self.pixels.len() / batch]);
        let images = Tensor::<2>::from_data(images, &device());
        let labels = Tensor::<1, Int>::from_data(TensorData::new(self.labels.clone(), [batch]), &device());
        let made = Instant::now();
        let loss = CrossEntropyLossConfig::new().init(&device()).forward(network.forward(images), labels);
        // The value is what a loop looks at.
        let _ = loss.clone().into_scalar::<f32>();
        let forward = Instant::now();
        let gradients = loss.backward();
        let backward = Instant::now();
        let gradients = GradientsParams::from_grads(gradients, &network);
        let handed_over = Instant::now();
        self.network = Some(self.optimizer.advance(&ModuleLearningRate::from(0.1), network, gradients));
        let done = Instant::now();
        let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
        times.forward.push(ms(made, forward));
        times.backward.push(ms(forward, backward));
        times.optimizer.push(ms(handed_over, done));
        times.rest.push(ms(start, made) + ms(backward, handed_over));
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

/// Number `index` of the images, between -1 and 1.
fn pixel(index: usize) -> f32 {
    let hashed = (index as u64).wrapping_mul(2_654_435_761) as u32;
    (f64::from(hashed) / 2_147_483_648.0 - 1.0) as f32
}

/// Says that the worker is ready, then answers `run N` and `mem` until `quit` or the end of the input.
fn serve<O: InnerOptimizer>(mut training: Training<O>) -> Result<(), String> {
    let parameters = training.network.as_ref().map_or(0, Network::parameters);
    say(&json!({"ready": true, "worker": "lookahead", "params": parameters}))?;
    for line in stdin().lines() {
        let line = line.map_err(text)?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => return Ok(()),
            ["mem"] => say(&json!({"base": training.memory.base(), "peak": memory::peak()}))?,
            ["run", count] => {
                let count: usize = count.parse().map_err(|_| format!("{line:?}: not a number of steps"))?;
                let mut times = Times::default();
                (0..count).for_each(|_| training.step(&mut times));
                let Times { forward, backward, optimizer, rest } = times;
                say(&json!({"forward": forward, "backward": backward, "optimizer": optimizer, "loop": rest}))?;
            }
            _ => return Err(format!("{line:?} is not: run N, mem or quit")),
        }
    }
    Ok(())
}

fn say(answer: &Value) -> Result<(), String> {
    let mut out = stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)
}

/// An error as the user reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
