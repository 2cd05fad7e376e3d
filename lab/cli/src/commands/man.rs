//! `lookahead man`

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use lookahead_runs::printable::printable_path;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Write a page for the program and one for each command into this folder, instead of printing the program's.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lookahead man | man -l -                        read it
  lookahead man --out ~/.local/share/man/man1     install it, with a page a command";

pub fn man(arguments: &Arguments) -> anyhow::Result<()> {
    let program = super::Arguments::command().disable_help_subcommand(true);
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        Man::new(program).render(&mut page)?;
        return Ok(super::print(&page)?);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", printable_path(folder)))?;
    clap_mangen::generate_to(program, folder).with_context(|| format!("cannot write into {}", printable_path(folder)))
}
