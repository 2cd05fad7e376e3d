//! `cargo xtask bench-device`: optimizer steps on a device, by kernels and by tensor operations, beside PyTorch's.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::program;
use super::worker::SOFTWARE;

/// What to time, and where.
#[derive(Args)]
pub struct Options {
    /// The device: wgpu, vulkan or cuda, the second of a kind as cuda:1.
    #[arg(long, default_value = "wgpu")]
    device: String,
    /// Parameter sets: files of crates/lookahead-bench/shapes.
    #[arg(long, value_delimiter = ',', default_value = "resnet18_cifar,transformer_base")]
    sets: Vec<String>,
    /// Inner optimizers.
    #[arg(long, value_delimiter = ',', default_value = "sgdm,adamw")]
    inners: Vec<String>,
    /// How often every variant is measured; medians are reported.
    #[arg(long, default_value_t = 9)]
    repetitions: usize,
    /// A Python whose torch has CUDA, to time beside ours.
    #[arg(long)]
    python: Option<PathBuf>,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let kind = options.device.split(':').next().unwrap_or_default();
    let build = ["build", "--release", "-p", "lookahead-bench", "--bin", "device_worker", "--features", kind];
    let built = Command::new("cargo").args(build).current_dir(root).status()?;
    ensure!(built.success(), "cargo {} failed", build.join(" "));
    for set in &options.sets {
        let shapes = root.join(format!("crates/lookahead-bench/shapes/{set}.json"));
        ensure!(shapes.exists(), "there is no parameter set {}", shapes.display());
        for inner in &options.inners {
            let ours = Command::new(program(root, "device_worker"));
            println!("{}", table(set, &measured(ours, options, &shapes, inner)?));
            if let Some(python) = &options.python {
                let mut torch = Command::new(python);
                torch.arg(root.join("crates/lookahead-bench/peers/device_torch.py"));
                println!("{}", table(set, &measured(torch, options, &shapes, inner)?));
            }
        }
    }
    Ok(())
}

/// What a worker prints: one object of JSON.
fn measured(mut worker: Command, options: &Options, shapes: &Path, inner: &str) -> Result<Value> {
    worker.arg("--shapes").arg(shapes).args(["--device", &options.device, "--inner", inner]);
    worker.args(["--repetitions", &options.repetitions.to_string()]).stderr(Stdio::inherit());
    let output = worker.output().with_context(|| format!("cannot start {:?}", worker.get_program()))?;
    ensure!(output.status.success(), "{:?} failed: {}", worker.get_program(), output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("what {:?} printed", worker.get_program()))
}

/// One table: milliseconds a step, and how many of the bytes that a step must move it moves in a second.
fn table(set: &str, result: &Value) -> String {
    let word = |field: &str| result[field].as_str().unwrap_or_default();
    let software = if result["software"] == true { format!(", {SOFTWARE}") } else { String::new() };
    let (tensors, millions) = (&result["tensors"], result["elements"].as_f64().unwrap_or_default() / 1e6);
    let mut text = format!(
        "\n{set}, {}, {tensors} tensors of {millions:.2} M elements, on {} ({}{software})\n\n",
        word("inner"),
        word("device"),
        word("name")
    );
    let _ = writeln!(text, "| variant | ms a step (least, median, greatest) | MB it must move | GB/s of these |");
    let _ = writeln!(text, "|---|---|---|---|");
    for row in result["measured"].as_array().into_iter().flatten() {
        let [least, median, greatest] =
            ["least", "median", "greatest"].map(|field| row["ms"][field].as_f64().unwrap_or(f64::NAN));
        let (variant, bytes) = (row["variant"].as_str().unwrap_or_default(), row["bytes"].as_f64().unwrap_or(f64::NAN));
        let (megabytes, speed) = (bytes / 1e6, bytes / median / 1e6);
        let _ = writeln!(text, "| {variant} | {least:.3}, {median:.3}, {greatest:.3} | {megabytes:.1} | {speed:.1} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_on_the_processor_is_marked() {
        let result = |software| {
            serde_json::json!({
                "device": "wgpu", "name": "some", "software": software, "inner": "sgdm", "tensors": 2, "elements": 1e6,
                "measured": [{ "variant": "inner", "bytes": 2e7, "ms": { "least": 1.0, "median": 2.0, "greatest": 3.0 } }],
            })
        };
        assert!(table("set", &result(true)).contains("NO MEASURE OF A GPU"));
        let text = table("set", &result(false));
        assert!(
            !text.contains("PROCESSOR") && text.ends_with("| inner | 1.000, 2.000, 3.000 | 20.0 | 10.0 |\n"),
            "{text}"
        );
    }
}
