//! The command line: one file for each command, and what they share.

mod inspect;
mod list;
mod progress;
mod report;
mod run;
mod train;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Parser, Subcommand};

/// The Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lookahead run quickstart                     compare Lookahead with its inner optimizers, seconds
  lookahead train my.toml --set seed=1         one run of your own; the same command continues a stopped one
  lookahead report results                     tables and pages again, from the run folders alone
  lookahead inspect results/runs/ID            what a checkpoint holds

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 130 interrupted (the same command continues).";

#[derive(Debug, Subcommand)]
enum Command {
    /// List what `run` can run: what each artifact shows and needs, and where its result is recorded.
    List(list::Arguments),
    /// Run artifacts: all their runs, a table, a page with learning curves. Finished runs are skipped.
    Run(run::Arguments),
    /// Do one run of your own, described by a TOML file.
    Train(train::Arguments),
    /// Make tables and pages again, from run folders alone.
    Report(report::Arguments),
    /// Show what a checkpoint holds, and check it.
    Inspect(inspect::Arguments),
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::List(arguments) => list::list(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Train(arguments) => train::train(arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Inspect(arguments) => inspect::inspect(arguments),
    }
}

/// Prints text; unlike `println!` it fails, instead of panicking, when nobody reads it.
fn say(text: impl AsRef<str>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_ref().trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A flag that Ctrl-C or a request to terminate raises: the run then ends at the next step with a checkpoint.
fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("cannot handle Ctrl-C")?;
    Ok(stop)
}
