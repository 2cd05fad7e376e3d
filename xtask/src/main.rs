//! Chores of the workspace: `cargo xtask ci`, `tidy`, `golden`, `bench`, `bench-training`, `bench-decoding`, `bench-layers`,
//! `bench-device`, `pages`, `conformance`.

mod bench;
mod ci;
mod conformance;
mod golden;
mod pages;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

/// Chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Runs every check a change must pass, the cheapest first; stops at the first failure.
    Ci(ci::Options),
    /// Checks the house rules that a machine can check.
    Tidy,
    /// Makes the golden data of testdata/ anew in a temporary folder and reports how it differs.
    Golden,
    /// Times optimizer steps beside a C floor and, where installed, PyTorch and optax. Run it on an idle machine.
    Bench(bench::Options),
    /// Times training steps beside PyTorch's, if that is installed. Run it on an idle machine.
    BenchTraining(bench::training::Options),
    /// Times the search for translations beside PyTorch's, if that is installed. Run it on an idle machine.
    BenchDecoding(bench::decoding::Options),
    /// Times convolutions beside PyTorch's, layer by layer, and the processor's peak. Run it on an idle machine.
    BenchLayers(bench::layers::Options),
    /// Times optimizer steps on a device, by our kernels and by tensor operations, beside PyTorch's if it is installed.
    BenchDevice(bench::device::Options),
    /// Puts our crates under the conformance kit's trajectories and tests the kit; `--record` checks others with it.
    Conformance(conformance::Options),
    /// Opens every report of an output folder in a headless Chromium and checks it; leaves pictures of them.
    Pages(pages::Options),
}

fn main() -> ExitCode {
    let root = workspace_root();
    let done = match Chore::parse() {
        Chore::Ci(options) => ci::run(&root, &options),
        Chore::Tidy => tidy::run(&root),
        Chore::Golden => golden::run(&root),
        Chore::Bench(options) => bench::run(&root, &options),
        Chore::BenchTraining(options) => bench::training::run(&root, &options),
        Chore::BenchDecoding(options) => bench::decoding::run(&root, &options),
        Chore::BenchLayers(options) => bench::layers::run(&root, &options),
        Chore::BenchDevice(options) => bench::device::run(&root, &options),
        Chore::Conformance(options) => conformance::run(&root, &options),
        Chore::Pages(options) => pages::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn workspace_root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
