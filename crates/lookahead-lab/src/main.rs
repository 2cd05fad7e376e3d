//! The program `lookahead`: experiments with the Lookahead optimizer from the command line.

mod commands;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Done.
const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or a configuration is wrong (also what clap exits with).
const WRONG_INPUT: u8 = 2;
/// Interrupted; the same command continues.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    ExitCode::from(exit_code(commands::run(&commands::Arguments::parse())))
}

fn exit_code(result: anyhow::Result<()>) -> u8 {
    let Err(error) = result else { return DONE };
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        // Whoever read the output has enough of it, such as `head`.
        return DONE;
    }
    // If nobody reads the error, the exit code still says it.
    let _ = writeln!(io::stderr(), "error: {error:#}");
    match error.downcast_ref() {
        Some(lookahead_lab::Error::Theory(lookahead_theory::Error::UnreadableFile { .. })) => FAILED,
        Some(
            lookahead_lab::Error::Config(_)
            | lookahead_lab::Error::Theory(_)
            | lookahead_lab::Error::NoDevice { .. }
            | lookahead_lab::Error::NoScale { .. }
            | lookahead_lab::Error::UnknownArtifact { .. },
        ) => WRONG_INPUT,
        Some(lookahead_lab::Error::Interrupted { .. }) => INTERRUPTED,
        _ => FAILED,
    }
}
