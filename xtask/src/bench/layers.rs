//! `cargo xtask bench-layers`: each convolution of the ResNets beside PyTorch in both layouts and the processor's peak.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use clap::Args;

use super::program;

/// How the layers are timed.
#[derive(Args)]
pub struct Options {
    /// Threads of both programs.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Images a layer.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// How often each side has its turn; the fastest run counts.
    #[arg(long, default_value_t = 4)]
    rounds: usize,
    /// A Python that has torch.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let found = Command::new(&options.python).args(["-c", "import torch"]).stderr(Stdio::null()).status();
    ensure!(found.is_ok_and(|status| status.success()), "{} cannot `import torch`", options.python.display());
    let build = ["build", "--release", "-p", "lookahead-nn", "--example", "layers"];
    ensure!(
        Command::new("cargo").args(build).current_dir(root).status()?.success(),
        "cargo {} failed",
        build.join(" ")
    );
    let mut beside = Command::new(&options.python);
    beside.arg("crates/lookahead-nn/examples/layers/beside_torch.py").arg(program(root, "examples/layers"));
    beside.args([options.threads, options.batch, options.rounds].map(|number| number.to_string()));
    ensure!(beside.current_dir(root).status()?.success(), "the comparison failed");
    Ok(())
}
