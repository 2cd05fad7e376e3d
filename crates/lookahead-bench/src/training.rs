//! A worker for timing training steps beside other implementations: it trains on command and reports the parts of each
//! step's time. `training_worker --network NETWORK [--optimizer sgd|lookahead] [--batch 128] [--threads 2] [--device cpu]`
//!
//! On the processor each loss is read, as a loop does that shows it; on a device, which goes on alone, nothing is read, the
//! parts are the time that the processor needs to ask for them, and the last step of a run waits until all is done.

mod images;
mod memory;
mod sentences;
mod text;
mod translation;

use std::io::{Write, stdin, stdout};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use lookahead_burn::{InnerOptimizer, Lookahead, RuleSet, Sgd};
use lookahead_models::config::ModelConfig;
use lookahead_training::config::{DeviceConfig, RunConfig};
use lookahead_training::device::{self, Found};
use serde_json::{Value, json};

use images::Images;
use memory::Memory;
use text::Text;
use translation::Translation;

// As the program `lookahead` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lookahead_training::keep_freed_memory();
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
    match arguments.network.as_str() {
        "resnet20" | "resnet18" | "resnet8_4" | "resnet8_8" | "resnet8_16" | "cnn" => {
            train(&arguments, Images::new(&arguments.network, arguments.batch)?)
        }
        "lstm" | "awd_lstm" => train(&arguments, Text::new(&arguments.network, arguments.batch)?),
        "transformer" | "transformer_middle" | "transformer_base" => {
            train(&arguments, Translation::new(&arguments.network, arguments.batch)?)
        }
        other => {
            let known = "resnet20, resnet18, resnet8_4, resnet8_8, resnet8_16, cnn, lstm, awd_lstm, transformer, transformer_middle or transformer_base";
            Err(format!("--network is {other:?}, but must be {known}"))
        }
    }
}

fn train<W: Work>(arguments: &Arguments, work: W) -> Result<(), String> {
    let rule = lookahead::rules::Sgd::new().with_momentum(0.9).and_then(|rule| rule.with_weight_decay(5e-4));
    let rule = Sgd::from(rule.map_err(text)?);
    match arguments.optimizer.as_str() {
        "sgd" => serve(Training::new(work, RuleSet::new(rule), arguments.device)?),
        "lookahead" => serve(Training::new(work, Lookahead::new(rule), arguments.device)?),
        other => Err(format!("--optimizer is {other:?}, but must be sgd or lookahead")),
    }
}

/// What is trained on what.
trait Work {
    type Model: Module;
    type Batch;

    fn model(&self, device: &Device) -> Self::Model;

    /// A batch of new tensors, always of the same numbers.
    fn batch(&self, device: &Device) -> Self::Batch;

    fn loss(&mut self, model: &Self::Model, batch: Self::Batch, device: &Device) -> Tensor<1>;
}

/// The model of a configuration's table `[model]`. Only a whole configuration is read.
fn model(data: &str, table: &str) -> Result<ModelConfig, String> {
    let run =
        format!("schedule.learning_rate = 0.1\noptimizer.name = 'sgd'\ndata.name = '{data}'\nmodel = {{ {table} }}");
    Ok(RunConfig::parse(&run, "training_worker").map_err(text)?.model)
}

struct Arguments {
    network: String,
    optimizer: String,
    batch: usize,
    threads: usize,
    device: DeviceConfig,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (network, optimizer) = (String::new(), "sgd".to_owned());
        let mut parsed = Self { network, optimizer, batch: 128, threads: 2, device: DeviceConfig::CPU };
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
                "--device" => parsed.device = value.parse().map_err(text)?,
                _ => return Err(format!("unknown option {option:?}")),
            }
        }
        Ok(parsed)
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

struct Training<W: Work, O> {
    // None only within a step, which moves the model.
    model: Option<W::Model>,
    optimizer: O,
    work: W,
    memory: Memory,
    device: Device,
    found: Found,
    reads_losses: bool,
}

impl<W: Work, O: InnerOptimizer> Training<W, O> {
    fn new(work: W, optimizer: O, config: DeviceConfig) -> Result<Self, String> {
        let (found, device) = (device::find(config).map_err(text)?, device::open(config).map_err(text)?.autodiff());
        let model = Some(work.model(&device));
        let mut memory = Memory::default();
        memory.mark_base();
        Ok(Self { model, optimizer, work, memory, device, found, reads_losses: config == DeviceConfig::CPU })
    }

    fn run(&mut self, count: usize) -> Result<Times, String> {
        let mut times = Times::default();
        (0..count).for_each(|_| self.step(&mut times));
        let done = Instant::now();
        self.device.sync().map_err(text)?;
        if let Some(last) = times.rest.last_mut() {
            *last += done.elapsed().as_secs_f64() * 1e3;
        }
        Ok(times)
    }

    fn step(&mut self, times: &mut Times) {
        let Some(model) = self.model.take() else { return };
        let start = Instant::now();
        let batch = self.work.batch(&self.device);
        let made = Instant::now();
        let loss = self.work.loss(&model, batch, &self.device);
        if self.reads_losses {
            let _ = loss.clone().into_scalar::<f32>();
        }
        let forward = Instant::now();
        let gradients = loss.backward();
        let backward = Instant::now();
        let gradients = GradientsParams::from_grads(gradients, &model);
        let handed_over = Instant::now();
        self.model = Some(self.optimizer.advance(&ModuleLearningRate::from(0.1), model, gradients));
        let done = Instant::now();
        let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
        times.forward.push(ms(made, forward));
        times.backward.push(ms(forward, backward));
        times.optimizer.push(ms(handed_over, done));
        times.rest.push(ms(start, made) + ms(backward, handed_over));
    }
}

/// Says that the worker is ready, then answers `run N` and `mem` until `quit` or the end of the input.
fn serve<W: Work, O: InnerOptimizer>(mut training: Training<W, O>) -> Result<(), String> {
    let parameters = training.model.as_ref().map_or(0, lookahead_models::parameters);
    let Found { name, software, .. } = &training.found;
    say(&json!({"ready": true, "worker": "lookahead", "params": parameters, "device": name, "software": software}))?;
    for line in stdin().lines() {
        let line = line.map_err(text)?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => return Ok(()),
            ["mem"] => say(&json!({"base": training.memory.base(), "peak": memory::peak()}))?,
            ["run", count] => {
                let count: usize = count.parse().map_err(|_| format!("{line:?}: not a number of steps"))?;
                let Times { forward, backward, optimizer, rest } = training.run(count)?;
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
