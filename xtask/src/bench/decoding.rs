//! `cargo xtask bench-decoding`: our search for translations beside PyTorch's, timed in turn in one run.

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

/// What to translate with, and how often.
#[derive(Args)]
pub struct Options {
    /// Models: transformer, transformer_middle, transformer_base.
    #[arg(long, value_delimiter = ',', default_value = "transformer,transformer_middle")]
    networks: Vec<String>,
    /// Widths of the beam; 1 is the greedy search.
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    beams: Vec<u32>,
    /// How often every program is measured; medians are reported.
    #[arg(long, default_value_t = 9)]
    repetitions: usize,
    /// Sentences that are translated at once.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Threads of every program.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A Python that may have torch.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Where table.md and results.json go.
    #[arg(long, default_value = "records/decoding_throughput")]
    out: PathBuf,
}

const PYTORCH: &str = "PyTorch";

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let built =
        Command::new("cargo").args(["build", "--release", "-p", "lookahead-bench"]).current_dir(root).status()?;
    ensure!(built.success(), "cargo build --release -p lookahead-bench failed");
    let mut results = Vec::new();
    for network in &options.networks {
        for beam in &options.beams {
            println!("{network}, beam {beam}");
            let mut workers = workers(root, options, network, *beam)?;
            let params = workers.first().map_or(0, |worker| worker.params);
            if let Some(other) = workers.iter().find(|worker| worker.params != params) {
                anyhow::bail!("{network} of {} has {} parameters, ours {params}", other.name, other.params);
            }
            results.push(json!({
                "network": network, "beam": beam, "params": params, "batch": options.batch, "threads": options.threads,
                "repetitions": options.repetitions, "measured": measure(&mut workers, options)?,
            }));
        }
    }
    let out = root.join(&options.out);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let table = table(&results);
    print!("\n{table}");
    fs::write(out.join("table.md"), table)?;
    let all = json!({ "cpu": cpu(), "results": results });
    fs::write(out.join("results.json"), serde_json::to_string_pretty(&all)? + "\n")?;
    println!("written to {}", out.display());
    Ok(())
}

/// Ours, and PyTorch's where it is installed. Each is a process of its own.
fn workers(root: &Path, options: &Options, network: &str, beam: u32) -> Result<Vec<Worker>> {
    let start = |name: &str, mut command: Command| {
        command.args(["--network", network, "--beam", &beam.to_string(), "--batch", &options.batch.to_string()]);
        command.args(["--threads", &options.threads.to_string()]);
        command.env("OMP_NUM_THREADS", options.threads.to_string());
        Worker::spawn(name, command, &[])
    };
    let mut workers = vec![start("ours", Command::new(program(root, "decoding_worker")))?];
    let found = Command::new(&options.python).args(["-c", "import torch"]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        let mut command = Command::new(&options.python);
        command.arg(root.join("crates/lookahead-bench/peers/translation_torch.py"));
        workers.push(start(PYTORCH, command)?);
    } else {
        println!("no PyTorch: {} cannot `import torch`", options.python.display());
    }
    Ok(workers)
}

/// All workers in turn, so that the drift of the machine hits all of them alike.
fn measure(workers: &mut [Worker], options: &Options) -> Result<Vec<Value>> {
    let mut ms = vec![Vec::new(); workers.len()];
    for repetition in 0..=options.repetitions {
        for (worker, ms) in workers.iter_mut().zip(&mut ms) {
            // Lets the threads of the last worker fall asleep.
            sleep(Duration::from_millis(50));
            let time = worker.ask("run 1")?["ms"][0].as_f64().context("an answer without a time")?;
            // The first time warms up.
            if repetition > 0 {
                ms.push(time);
            }
        }
    }
    let result = |(worker, ms): (&Worker, &Vec<f64>)| {
        json!({
            "worker": worker.name, "ms": median(ms), "sentences_per_second": 1e3 * options.batch as f64 / median(ms),
            "least_ms": ms.iter().copied().fold(f64::INFINITY, f64::min),
            "greatest_ms": ms.iter().copied().fold(0.0, f64::max),
        })
    };
    Ok(workers.iter().zip(&ms).map(result).collect())
}

fn table(results: &[Value]) -> String {
    let mut text = String::from(
        "| network | beam | program | sentences/s | of PyTorch's | ms a batch (least, median, greatest) |\n\
         |---|---|---|---|---|---|\n",
    );
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    for result in results {
        let measured = || result["measured"].as_array().into_iter().flatten();
        let torch = measured().find(|row| row["worker"] == PYTORCH).map(|row| number(&row["sentences_per_second"]));
        for row in measured() {
            let sentences = number(&row["sentences_per_second"]);
            let of_torch = torch.map_or(String::new(), |torch| format!("{:.2}", sentences / torch));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {sentences:.0} | {of_torch} | {:.0}, {:.0}, {:.0} |",
                result["network"].as_str().unwrap_or_default(),
                result["beam"],
                row["worker"].as_str().unwrap_or_default(),
                number(&row["least_ms"]),
                number(&row["ms"]),
                number(&row["greatest_ms"]),
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
    fn a_row_has_the_ratio_to_pytorch() {
        let row = |worker: &str, sentences: f64| json!({ "worker": worker, "ms": 200.0, "sentences_per_second": sentences, "least_ms": 199.0, "greatest_ms": 201.0 });
        let text = table(&[
            json!({ "network": "transformer", "beam": 4, "measured": [row("ours", 320.0), row("PyTorch", 640.0)] }),
        ]);
        assert_eq!(text.lines().nth(2), Some("| transformer | 4 | ours | 320 | 0.50 | 199, 200, 201 |"));
        assert_eq!(text.lines().count(), 4);
    }
}
