//! `cargo xtask bench`: our optimizer steps beside a C floor, PyTorch and optax, all timed in turn in one run.

pub mod decoding;
pub mod device;
pub mod layers;
mod measure;
mod table;
pub mod training;
mod worker;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use worker::{Plan, Worker};

/// What to time, and beside what.
#[derive(Args)]
pub struct Options {
    /// Parameter sets: files of crates/lookahead-bench/shapes.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "resnet20_cifar,resnet18_cifar,resnet50,awd_lstm_ptb,transformer_base"
    )]
    sets: Vec<String>,
    /// Inner optimizers.
    #[arg(long, value_delimiter = ',', default_value = "sgdm,adamw")]
    inners: Vec<String>,
    /// How often every variant is measured; medians are reported.
    #[arg(long, default_value_t = 9)]
    repetitions: usize,
    /// Threads of every worker.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A Python that may have torch, pytorch_optimizer and timm, or jax and optax.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Where table.md and results.json go.
    #[arg(long, default_value = "records/optimizer_step")]
    out: PathBuf,
}

/// k of every Lookahead here.
const PERIOD: usize = 5;

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let plans = plans(root, options)?;
    let mut results = Vec::new();
    for set in &options.sets {
        let shapes = root.join(format!("crates/lookahead-bench/shapes/{set}.json"));
        ensure!(shapes.exists(), "there is no parameter set {}", shapes.display());
        for inner in &options.inners {
            println!("{set}, {inner}");
            let start = |plan: &Plan| Worker::start(plan, &shapes, inner, options.threads, &plan.variants);
            let mut workers = plans.iter().map(start).collect::<Result<Vec<_>>>()?;
            let measured = measure::measure(&mut workers, options.repetitions)?;
            let params = workers.first().map_or(0, |worker| worker.params);
            results.push(json!({
                "set": set, "inner": inner, "params": params, "k": PERIOD, "threads": options.threads,
                "repetitions": options.repetitions, "measured": measured,
                "memory": measure::memory(&plans[0], &shapes, inner, options.threads)?,
            }));
        }
    }
    let out = root.join(&options.out);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let table = table::markdown(&results);
    print!("\n{table}");
    fs::write(out.join("table.md"), table)?;
    fs::write(
        out.join("results.json"),
        serde_json::to_string_pretty(&json!({ "cpu": cpu(), "results": results }))? + "\n",
    )?;
    println!("written to {}", out.display());
    Ok(())
}

/// A program of a release build that is there, in cargo's target folder.
fn program(root: &Path, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root.join(target).join("release").join(name)
}

/// Ours first, then the floor, then whatever of the others is installed.
fn plans(root: &Path, options: &Options) -> Result<Vec<Plan>> {
    let built =
        Command::new("cargo").args(["build", "--release", "-p", "lookahead-bench"]).current_dir(root).status()?;
    ensure!(built.success(), "cargo build --release -p lookahead-bench failed");
    let peers = root.join("crates/lookahead-bench/peers");
    let worker = program(root, "peerbench_worker");
    let ours = [
        "inner",
        "la",
        "la_fused",
        "la_bf16",
        "snoo",
        "burn_inner",
        "burn_la",
        "burn_la_fused",
        "burn_snoo",
        "burn_traversal",
    ];
    let mut plans = vec![Plan::new("ours", [worker.as_os_str()], &ours)];

    let floor = program(root, "peerbench_floor");
    let compiled = Command::new("cc")
        .args(["-O3", "-march=native", "-fno-math-errno", "-fopenmp"])
        .arg(peers.join("floor.c"))
        .arg("-o")
        .arg(&floor)
        .arg("-lm")
        .status();
    if compiled.is_ok_and(|status| status.success()) {
        plans.push(Plan::new("floor", [floor.as_os_str()], &["inner", "la", "la_fused", "snoo"]));
        let command = [floor.as_os_str(), "--huge-pages".as_ref(), "no".as_ref()];
        plans.push(Plan::new("floor_4k_pages", command, &["inner", "la_fused"]));
    } else {
        println!("no C floor: `cc` with OpenMP is missing");
    }
    for (name, modules, variants) in [
        ("torch", "torch, pytorch_optimizer, timm", &["inner", "la_kozistr", "la_timm"][..]),
        ("optax", "jax, optax", &["inner", "la_optax"][..]),
    ] {
        let import = format!("import {modules}");
        let found = Command::new(&options.python).args(["-c", &import]).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            let script = peers.join(format!("{name}_peer.py"));
            plans.push(Plan::new(name, [options.python.as_os_str(), script.as_os_str()], variants));
        } else {
            println!("no {name}: {} cannot `{import}`", options.python.display());
        }
    }
    Ok(plans)
}

/// The processor's name, for the record.
fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(": unknown");
        line.trim_start_matches(['\t', ' ', ':']).to_owned()
    };
    format!("{}, family {}, model {}", field("model name"), field("cpu family"), field("model\t"))
}
