//! The command line: one file for each command, and what they share.

mod data;
mod devices;
mod inspect;
mod list;
mod progress;
mod report;
mod run;
mod theory;
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
  lookahead run fig05_tab1_cifar --data data   a figure of the paper's experiments, small, on CIFAR-10
  lookahead run fig03_noisy_quadratic          a figure of the paper's analyses, a second
  lookahead theory advise --lr 0.5             which k and alpha, by the noisy quadratic model
  lookahead train my.toml --set seed=1         one run of your own; the same command continues a stopped one
  lookahead data fetch cifar10                 download a data set, resume, check
  lookahead report results                     tables and pages again, from the run folders alone
  lookahead inspect results/runs/ID            what a checkpoint holds

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 130 interrupted (the same command continues).";

#[derive(Debug, Subcommand)]
enum Command {
    /// List what `run` can run: what each artifact shows and needs, and where its result is recorded.
    List(list::Arguments),
    /// Run artifacts: a table, a page with plots, data. Training runs that are finished are skipped.
    Run(run::Arguments),
    /// Do one run of your own, described by a TOML file.
    Train(train::Arguments),
    /// The paper's formulas as a calculator, and advice on k and alpha.
    Theory(theory::Arguments),
    /// List the devices that this build and this machine can compute on.
    Devices(devices::Arguments),
    /// Data sets: what there is, download one, check one.
    Data(data::Arguments),
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
        Command::Theory(arguments) => theory::theory(arguments),
        Command::Devices(arguments) => devices::devices(arguments),
        Command::Data(arguments) => data::data(arguments),
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

/// A word of a command as a reader can paste it into a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=.,:/%@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.contains('\'') && !text.contains(['"', '$', '`', '\\', '!']) {
        return format!("\"{text}\"");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A table with a line under its header, as wide as the terminal or as its text.
fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    let style = comfy_table::TableStyle::new().header_separator(comfy_table::LineStyle::none().fill('─').junction('─'));
    table.load_style(style).set_header(header);
    table
}

/// A flag that Ctrl-C or a request to terminate raises: the run then ends at the next step with a checkpoint.
fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("cannot handle Ctrl-C")?;
    Ok(stop)
}
