//! A worker for timing optimizer steps on a device: it measures all variants in turn and prints one line of JSON.
//!
//! `device_worker --device wgpu --shapes FILE.json [--inner sgdm|adamw] [--repetitions 9]`; see [`VARIANTS`].

use std::process::ExitCode;
use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamWConfig, GradientsParams, Optimizer, SgdConfig};
use burn::tensor::{Device, Tensor};
use lookahead_burn::{AdamW, InnerOptimizer, Lookahead, RuleSet, Sgd, clip_by_global_norm};
use lookahead_training::device;
use serde_json::{Value, json};

/// k of Lookahead, and the steps of one measurement in cycles of it.
const PERIOD: usize = 5;
const CYCLES: usize = 4;
/// The largest norm of gradients where they are clipped: below that of those here.
const MAX_NORM: f64 = 0.25;

/// Our rule by its kernels and Burn's own by tensor operations, each alone and in Lookahead; ours with its gradients clipped first.
const VARIANTS: [&str; 5] = ["inner", "lookahead", "inner, operations", "lookahead, operations", "inner, clipped"];

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("device_worker: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<Value, String> {
    let (mut name, mut shapes, mut inner, mut repetitions) = (None, None, "sgdm".to_owned(), 9);
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--device" => name = Some(value),
            "--shapes" => shapes = Some(value),
            "--inner" => inner = value,
            "--repetitions" => repetitions = value.parse().map_err(|_| format!("--repetitions is {value:?}"))?,
            _ => return Err(format!("unknown option {option:?}")),
        }
    }
    let config = name.ok_or("--device NAME is needed")?.parse().map_err(text)?;
    let (found, device) = (device::find(config).map_err(text)?, device::open(config).map_err(text)?);
    let shapes = read_shapes(&shapes.ok_or("--shapes FILE.json is needed")?)?;
    let (mut variants, inner_bytes) = match inner.as_str() {
        "sgdm" => {
            let ours = lookahead::rules::Sgd::new().with_momentum(0.9).and_then(|rule| rule.with_weight_decay(5e-4));
            let burns = SgdConfig::new()
                .with_momentum(Some(MomentumConfig::new().with_momentum(0.9).with_dampening(0.0)))
                .with_weight_decay(Some(WeightDecayConfig::new(5e-4)));
            // theta and v are read and written, g is read
            (variants(Sgd::from(ours.map_err(text)?), burns.build(), 1e-3, &shapes, &device), 20.0)
        }
        "adamw" => {
            let burns = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).build();
            // theta, m and v are read and written, g is read
            (variants(AdamW::new(), burns, 1e-4, &shapes, &device), 28.0)
        }
        other => return Err(format!("--inner is {other:?}, but must be sgdm or adamw")),
    };
    let mut times = vec![Vec::new(); variants.len()];
    for repetition in 0..=repetitions {
        for (variant, times) in variants.iter_mut().zip(&mut times) {
            let ms = variant.milliseconds_a_step(&device)?;
            // the first builds kernels and state
            if repetition > 0 {
                times.push(ms);
            }
        }
    }
    let elements: usize = shapes.iter().sum();
    let row = |(variant, times): (&&str, &mut Vec<f64>)| {
        times.sort_by(f64::total_cmp);
        // phi is read and written in each k-th step
        let sync = if variant.starts_with("lookahead") { 8.0 / PERIOD as f64 } else { 0.0 };
        // g is read for its norm; it is read again and written scaled
        let clipping = if variant.ends_with("clipped") { 12.0 } else { 0.0 };
        json!({
            "variant": variant, "bytes": (inner_bytes + sync + clipping) * elements as f64,
            "ms": { "least": times.first(), "median": times.get(times.len() / 2), "greatest": times.last() },
        })
    };
    let rows: Vec<Value> = VARIANTS.iter().zip(&mut times).map(row).collect();
    Ok(json!({
        "device": found.device, "name": found.name, "software": found.software, "inner": inner,
        "tensors": shapes.len(), "elements": elements, "k": PERIOD, "repetitions": repetitions, "measured": rows,
    }))
}

/// The numbers of elements: the file is a list of `[name, [extents]]`.
fn read_shapes(path: &str) -> Result<Vec<usize>, String> {
    let failed = |error: String| format!("--shapes {path}: {error}");
    let file = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let list: Vec<(String, Vec<usize>)> = serde_json::from_slice(&file).map_err(|error| failed(error.to_string()))?;
    Ok(list.into_iter().map(|(_, extents)| extents.iter().product()).collect())
}

/// Those of [`VARIANTS`].
fn variants(
    ours: impl Optimizer,
    burns: impl Optimizer,
    lr: f64,
    shapes: &[usize],
    device: &Device,
) -> Vec<Box<dyn Variant>> {
    vec![
        Training::boxed(RuleSet::new(ours.clone()), None, lr, shapes, device),
        Training::boxed(Lookahead::new(ours.clone()), None, lr, shapes, device),
        Training::boxed(RuleSet::new(burns.clone()), None, lr, shapes, device),
        Training::boxed(Lookahead::new(burns), None, lr, shapes, device),
        Training::boxed(RuleSet::new(ours), Some(MAX_NORM), lr, shapes, device),
    ]
}

/// Weights and what moves them.
trait Variant {
    fn milliseconds_a_step(&mut self, device: &Device) -> Result<f64, String>;
}

/// Parameters without a network.
#[derive(Module, Debug)]
struct Parameters {
    tensors: Vec<Param<Tensor<1>>>,
}

struct Training<I> {
    optimizer: I,
    max_norm: Option<f64>,
    lr: ModuleLearningRate,
    // None only within a step, which moves the module.
    module: Option<Parameters>,
    grads: Vec<Tensor<1>>,
}

impl<I: InnerOptimizer + 'static> Training<I> {
    fn boxed(optimizer: I, max_norm: Option<f64>, lr: f64, shapes: &[usize], device: &Device) -> Box<dyn Variant> {
        let tensors = shapes.iter().map(|elements| Param::from_tensor(Tensor::ones([*elements], device)));
        let grads = shapes.iter().map(|elements| Tensor::ones([*elements], device) * 0.01).collect();
        let module = Some(Parameters { tensors: tensors.collect() });
        Box::new(Self { optimizer, max_norm, lr: lr.into(), module, grads })
    }
}

impl<I: InnerOptimizer> Variant for Training<I> {
    fn milliseconds_a_step(&mut self, device: &Device) -> Result<f64, String> {
        device.sync().map_err(text)?;
        let start = Instant::now();
        for _ in 0..CYCLES * PERIOD {
            let module = self.module.take().ok_or("a step that failed")?;
            let mut grads = GradientsParams::new();
            for (param, gradient) in module.tensors.iter().zip(&self.grads) {
                grads.register(param.id, gradient.clone());
            }
            if let Some(max_norm) = self.max_norm {
                grads = clip_by_global_norm(&module, grads, max_norm).map_err(text)?.grads;
            }
            self.module = Some(self.optimizer.advance(&self.lr, module, grads));
        }
        device.sync().map_err(text)?;
        Ok(start.elapsed().as_secs_f64() * 1e3 / (CYCLES * PERIOD) as f64)
    }
}

/// An error as the user reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
