//! `lookahead completions`

use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(after_help = INSTALL)]
pub struct Arguments {
    /// The shell that is to complete the command line.
    shell: Shell,
}

const INSTALL: &str = "\
To install:
  bash   lookahead completions bash > ~/.local/share/bash-completion/completions/lookahead
  zsh    lookahead completions zsh > DIR/_lookahead, where DIR is in $fpath
  fish   lookahead completions fish > ~/.config/fish/completions/lookahead.fish";

pub fn completions(arguments: &Arguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "lookahead", &mut script);
    Ok(super::print(&script)?)
}
