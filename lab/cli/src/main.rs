//! The program `lookahead`: experiments with the Lookahead optimizer from the command line.

mod commands;
mod signals;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lookahead_training::Error;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Done.
const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or a configuration is wrong (also what clap exits with).
const WRONG_INPUT: u8 = 2;
/// A fault in the program itself (also what a panic exits with).
const FAULT: u8 = 101;
/// Interrupted; the same command continues.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    lookahead_training::keep_freed_memory();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    lookahead_training::set_revision(lookahead_lab::REVISION);
    let arguments = match commands::Arguments::try_parse() {
        Ok(arguments) => arguments,
        // What is wrong with the command line quotes it.
        Err(error) if error.use_stderr() => {
            commands::complain(error.render().to_string().trim_end());
            return ExitCode::from(WRONG_INPUT);
        }
        Err(help) => return ExitCode::from(exit_code(commands::printed(help.print()).map_err(Into::into))),
    };
    let done = signals::handle().context("cannot handle Ctrl-C").and_then(|stop| commands::run(&arguments, &stop));
    ExitCode::from(exit_code(done))
}

fn exit_code(result: anyhow::Result<()>) -> u8 {
    let Err(error) = result else { return DONE };
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        // Whoever read the output has enough of it, such as `head`.
        return DONE;
    }
    if let Some(Error::Interrupted) = error.downcast_ref() {
        signals::say_interrupted();
        return INTERRUPTED;
    }
    commands::complain(&format!("error: {error:#}"));
    code_of(&error)
}

/// What a program ends with after an error.
fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<commands::WrongOption>() {
        return WRONG_INPUT;
    }
    match error.downcast_ref() {
        Some(Error::Theory(lookahead_theory::Error::UnreadableFile { .. })) => FAILED,
        Some(
            Error::Config(_)
            | Error::Theory(_)
            | Error::NoDevice { .. }
            | Error::NoPrecision { .. }
            | Error::NoScale { .. }
            | Error::TooLong { .. }
            | Error::TooFewForWorkers { .. }
            | Error::UnknownArtifact { .. },
        ) => WRONG_INPUT,
        Some(Error::Panic { .. }) => FAULT,
        Some(Error::Workers(error)) => error.exit_code(),
        _ => FAILED,
    }
}
