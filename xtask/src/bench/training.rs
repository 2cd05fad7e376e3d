//! `cargo xtask bench-training`: our training steps beside PyTorch's, timed in turn in one run.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::measure::median;
use super::worker::Worker;
use super::{cpu, program};

/// What to train, and how often.
#[derive(Args)]
pub struct Options {
    /// Networks: resnet20, resnet18, resnet8_4, resnet8_8, resnet8_16, cnn, lstm, awd_lstm, transformer,
    /// transformer_middle, transformer_base.
    #[arg(long, value_delimiter = ',', default_value = "resnet20,resnet18,cnn")]
    networks: Vec<String>,
    /// How often every program is measured; medians are reported.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Images a step, words of an LSTM, or a Transformer's subwords on each side; by default 128, 2800 or 2000.
    #[arg(long)]
    batch: Option<usize>,
    /// Threads of every program.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Where ours trains: cpu, wgpu, vulkan or cuda, the second of a kind as cuda:1; PyTorch then on its CUDA device.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// A Python that may have torch.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Where table.md and results.json go; by default records/training_throughput, on a device with its name behind that.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Options {
    fn is_on_the_processor(&self) -> bool {
        self.device == "cpu"
    }

    fn out(&self) -> PathBuf {
        let on_a_device = || format!("records/training_throughput_{}", self.device.replace(':', "_"));
        let usual = || if self.is_on_the_processor() { USUAL.to_owned() } else { on_a_device() };
        self.out.clone().unwrap_or_else(|| usual().into())
    }

    fn batch(&self, network: &str) -> usize {
        self.batch.unwrap_or(peer(network).1)
    }
}

/// PyTorch's side of a network, and the batch it has unless another is asked for.
fn peer(network: &str) -> (&'static str, usize) {
    match network {
        "lstm" | "awd_lstm" => ("language_torch.py", 2800),
        "transformer" | "transformer_middle" | "transformer_base" => ("translation_torch.py", 2000),
        _ => (IMAGES, 128),
    }
}

/// The record of the processor.
const USUAL: &str = "records/training_throughput";

/// PyTorch's side of the networks for images. It has two layouts; the faster one counts.
const IMAGES: &str = "training_torch.py";

/// Milliseconds that one measurement of one program takes, about.
const TARGET: f64 = 3000.0;

/// The parts of a step.
const PARTS: [&str; 4] = ["forward", "backward", "optimizer", "loop"];

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let mut build = vec!["build", "--release", "-p", "lookahead-bench"];
    if !options.is_on_the_processor() {
        build.extend(["--features", options.device.split(':').next().unwrap_or_default()]);
    }
    let status = Command::new("cargo").args(&build).current_dir(root).status()?;
    ensure!(status.success(), "cargo {} failed", build.join(" "));
    let mut results = Vec::new();
    for network in &options.networks {
        println!("{network}");
        let mut workers = workers(root, options, network)?;
        let params = workers.first().map_or(0, |worker| worker.params);
        if let Some(other) = workers.iter().find(|worker| worker.params != params) {
            anyhow::bail!("{network} of {} has {} parameters, ours {params}", other.name, other.params);
        }
        results.push(json!({
            "network": network, "device": workers[0].device, "params": params, "batch": options.batch(network), "threads": options.threads,
            "repetitions": options.repetitions, "measured": measure(&mut workers, options, options.batch(network))?,
        }));
    }
    let out = root.join(options.out());
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let table = table(&results);
    print!("\n{table}");
    fs::write(out.join("table.md"), table)?;
    let all = json!({ "cpu": cpu(), "results": results });
    fs::write(out.join("results.json"), serde_json::to_string_pretty(&all)? + "\n")?;
    println!("written to {}", out.display());
    Ok(())
}

/// Ours with SGD and with Lookahead around it, and PyTorch where it is installed. Each is a process of its own.
fn workers(root: &Path, options: &Options, network: &str) -> Result<Vec<Worker>> {
    let start = |name: &str, device: &str, program: &OsStr, more: &[&OsStr]| {
        let mut command = Command::new(program);
        command.args(more).args(["--network", network]);
        command.args(["--batch", &options.batch(network).to_string(), "--threads", &options.threads.to_string()]);
        command.args(["--device", device]);
        command.env("OMP_NUM_THREADS", options.threads.to_string());
        Worker::spawn(name, command, &[])
    };
    let ours = program(root, "training_worker");
    let mut workers = vec![
        start("ours, SGD", &options.device, ours.as_os_str(), &[])?,
        start(
            "ours, Lookahead(SGD)",
            &options.device,
            ours.as_os_str(),
            &["--optimizer".as_ref(), "lookahead".as_ref()],
        )?,
    ];
    let python = options.python.as_os_str();
    // The same card as ours; beside another runtime its first.
    let device = match options.device.as_str() {
        device if device == "cpu" || device.starts_with("cuda") => device,
        _ => "cuda",
    };
    let needed = format!("import torch; torch.zeros(1, device='{device}')");
    let found = Command::new(python).args(["-c", &needed]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        let (peer, _) = peer(network);
        let script = root.join("crates/lookahead-bench/peers").join(peer);
        workers.push(start("PyTorch, SGD", device, python, &[script.as_os_str()])?);
        if peer == IMAGES {
            let layout = [script.as_os_str(), "--channels-last".as_ref()];
            workers.push(start("PyTorch, SGD, channels last", device, python, &layout)?);
        }
    } else {
        println!("no PyTorch: {} cannot `{needed}`", options.python.display());
    }
    Ok(workers)
}

/// All workers in turn, so that the drift of the machine hits all of them alike.
fn measure(workers: &mut [Worker], options: &Options, batch: usize) -> Result<Vec<Value>> {
    // The first step makes the optimizer's state; the second is as the others.
    let mut steps = Vec::new();
    for worker in &mut *workers {
        parts(worker, 1)?;
        let ms: f64 = parts(worker, 1)?.iter().flatten().sum();
        steps.push((TARGET / ms).round().clamp(1.0, 50.0) as usize);
    }
    // For each worker and part the mean milliseconds of a step, by repetition.
    let mut means = vec![[const { Vec::new() }; PARTS.len()]; workers.len()];
    for repetition in 0..options.repetitions {
        let count = workers.len();
        for turn in 0..count {
            let turn = if repetition % 2 == 0 { turn } else { count - 1 - turn };
            let index = (repetition + turn) % count;
            // Lets the threads of the last worker fall asleep.
            sleep(Duration::from_millis(50));
            for (part, times) in parts(&mut workers[index], steps[index])?.into_iter().enumerate() {
                means[index][part].push(times.iter().sum::<f64>() / times.len() as f64);
            }
        }
    }
    workers.iter_mut().zip(&means).map(|(worker, means)| result(worker, means, batch)).collect()
}

/// The milliseconds of each part of each of `steps` steps.
fn parts(worker: &mut Worker, steps: usize) -> Result<Vec<Vec<f64>>> {
    let answer = worker.ask(&format!("run {steps}"))?;
    let part = |name: &&str| {
        let times = answer[*name].as_array().with_context(|| format!("an answer without the times of {name}"))?;
        Ok(times.iter().filter_map(Value::as_f64).collect())
    };
    PARTS.iter().map(part).collect()
}

fn result(worker: &mut Worker, means: &[Vec<f64>; PARTS.len()], batch: usize) -> Result<Value> {
    let steps: Vec<f64> = (0..means[0].len()).map(|index| means.iter().map(|part| part[index]).sum()).collect();
    let mut ms = json!({ "step": median(&steps) });
    for (name, means) in PARTS.iter().zip(means) {
        ms[name] = median(means).into();
    }
    let memory = worker.ask("mem")?;
    Ok(json!({
        "worker": worker.name, "ms": ms, "examples_per_second": 1e3 * batch as f64 / median(&steps),
        "least_ms": steps.iter().copied().fold(f64::INFINITY, f64::min), "greatest_ms": steps.iter().copied().fold(0.0, f64::max),
        "bytes_before": memory["base"], "peak_bytes": memory["peak"],
    }))
}

fn table(results: &[Value]) -> String {
    let device = results.first().and_then(|result| result["device"].as_str()).unwrap_or_default();
    let mut text = format!("On {device}.\n\n");
    if !device.starts_with("flex") {
        text += "Forward, backward and optimizer are the times in which the host hands over their work; what the device then takes \
                 is in the loop's.\n\n";
    }
    text.push_str(
        "| network | program | images, words or subwords/s | of PyTorch's | ms a step (least, median, greatest) | forward | backward | optimizer | loop | loop, % of the step | peak memory, MB |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for result in results {
        let measured = || result["measured"].as_array().into_iter().flatten();
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let torch = measured()
            .filter(|row| row["worker"].as_str().is_some_and(|name| name.starts_with("PyTorch")))
            .map(|row| number(&row["examples_per_second"]))
            .reduce(f64::max);
        for row in measured() {
            let images = number(&row["examples_per_second"]);
            let of_torch = torch.map_or(String::new(), |torch| format!("{:.2}", images / torch));
            let ms = |part: &str| number(&row["ms"][part]);
            let _ = writeln!(
                text,
                "| {} | {} | {images:.0} | {of_torch} | {:.1}, {:.1}, {:.1} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.0} |",
                result["network"].as_str().unwrap_or_default(),
                row["worker"].as_str().unwrap_or_default(),
                number(&row["least_ms"]),
                ms("step"),
                number(&row["greatest_ms"]),
                ms("forward"),
                ms("backward"),
                ms("optimizer"),
                ms("loop"),
                100.0 * ms("loop") / ms("step"),
                number(&row["peak_bytes"]) / 1e6,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::table;

    #[test]
    fn a_row_has_the_ratio_to_pytorch_and_the_loop_s_share() {
        let row = |worker: &str, images: f64| {
            let ms = json!({ "step": 200.0, "forward": 90.0, "backward": 100.0, "optimizer": 8.0, "loop": 2.0 });
            json!({ "worker": worker, "ms": ms, "examples_per_second": images, "least_ms": 199.0, "greatest_ms": 201.0, "peak_bytes": 5e8 })
        };
        let measured = [row("ours, SGD", 640.0), row("PyTorch, SGD", 1280.0)];
        let text = table(&[json!({ "network": "cnn", "device": "flex", "measured": measured })]);
        assert!(text.starts_with("On flex.\n\n| network"), "{text}");
        let expected =
            "| cnn | ours, SGD | 640 | 0.50 | 199.0, 200.0, 201.0 | 90.0 | 100.0 | 8.00 | 2.00 | 1.00 | 500 |";
        assert_eq!(text.lines().nth(4), Some(expected));
        assert_eq!(text.lines().count(), 6);
    }
}
