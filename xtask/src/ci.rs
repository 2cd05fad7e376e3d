//! `cargo xtask ci`: what a change must pass, the cheapest check first.

mod artifacts;
pub mod command;
mod device;
mod features;
mod mpi;
mod packages;
mod tools;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{conformance, tidy};
use command::{check, command, readable, timed};

#[derive(clap::Args)]
pub struct Options {
    /// The checks to run, in the order of this list; all of them where none is named.
    #[arg(value_enum)]
    checks: Vec<Check>,
    /// Do not open the artifacts' pages: for machines without chromedriver.
    #[arg(long)]
    no_browser: bool,
    /// Do not test on a device of the kind of GPUs: for machines without a quarter of an hour.
    #[arg(long)]
    no_device: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    /// The layout of the source.
    Fmt,
    /// The house rules that a machine can check.
    Tidy,
    /// Licences, sources and known faults of what we depend on, where cargo-deny is installed.
    Deny,
    /// The conformance kit, as far as it needs no framework, where Python is installed.
    Conformance,
    /// Warnings of the compiler and of clippy, everywhere.
    Clippy,
    /// Warnings of rustdoc.
    Doc,
    /// The libraries and the program with the features that people build them with, without those of our tests.
    Features,
    /// The packages of the libraries, as they would be published.
    Packages,
    /// The oldest Rust that is promised.
    RustVersion,
    /// The README's command for the tests.
    Test,
    /// Workers over MPI, where it is installed: laws and faults under mpirun.
    Mpi,
    /// Every artifact at the smallest scale, with the program that the tests have built, and its pages.
    Artifacts,
    /// The tests that concern a device, on one of the kind of GPUs: built for that alone. All of them where it is named,
    /// else the kernels' and some more, where a driver is installed.
    Device,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let start = Instant::now();
    let chosen = |check: &&Check| options.checks.is_empty() || options.checks.contains(check);
    for check in Check::value_variants().iter().filter(chosen) {
        check.run(root, options)?;
    }
    println!("\nnothing failed in {}", readable(start.elapsed()));
    Ok(())
}

impl Check {
    fn run(self, root: &Path, options: &Options) -> Result<()> {
        match self {
            Self::Fmt => check(&mut command(root, "cargo fmt --all --check")),
            Self::Tidy => timed("tidy", || tidy::run(root)),
            Self::Deny => tools::deny(root),
            Self::Conformance => conformance::kit(root),
            Self::Clippy => check(&mut command(root, "cargo clippy --workspace --all-targets -- -D warnings")),
            Self::Doc => doc(root),
            Self::Features => features::check(root),
            Self::Packages => packages::check(root),
            Self::RustVersion => tools::rust_version(root),
            Self::Test => test(root),
            Self::Mpi => mpi::check(root),
            Self::Artifacts => artifacts::check(root, !options.no_browser),
            Self::Device if options.no_device => {
                println!("\nnot tested: on a device of the kind of GPUs (--no-device)");
                Ok(())
            }
            Self::Device if options.checks.is_empty() => device::check_part(root),
            Self::Device => device::check(root),
        }
    }
}

/// Examples ask for the dependencies' features that tests do, so that clippy has checked these dependencies already:
/// without `--examples` Burn is checked anew. Targets are named because `lookahead` is a program and a library.
fn doc(root: &Path) -> Result<()> {
    let line = "cargo doc --workspace --no-deps --lib --examples --bin *_worker --bin xtask";
    check(command(root, line).env("RUSTDOCFLAGS", "-D warnings"))
}

fn test(root: &Path) -> Result<()> {
    let readme = fs::read_to_string(root.join("README.md")).context("README.md, which says how to test")?;
    let test = test_command(&readme).context("README.md has no fenced line that starts with `cargo test`")?;
    check(&mut command(root, test))
}

/// The README's command for the tests: the first line of a fenced block that starts with `cargo test`.
fn test_command(readme: &str) -> Option<&str> {
    let mut fenced = false;
    let line = readme.lines().map(str::trim).find(|line| {
        fenced ^= line.starts_with("```");
        fenced && line.starts_with("cargo test")
    })?;
    Some(line.split_once(" #").map_or(line, |(command, _comment)| command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_command_is_the_first_fenced_one() {
        let fence = "```";
        let readme = format!("cargo test in prose\n{fence}sh\ncargo build\n{fence}\ncargo test this not\n{fence}\n");
        assert_eq!(test_command(&readme), None);
        let readme = format!("{readme}  cargo test --workspace   # all of them\ncargo test twice\n{fence}\n");
        assert_eq!(test_command(&readme).map(str::trim_end), Some("cargo test --workspace"));
    }
}
