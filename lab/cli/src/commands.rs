//! The command line: one file for each command, and what they share.

mod completions;
mod config;
mod data;
mod devices;
mod distributed;
mod inspect;
mod list;
mod man;
mod progress;
mod report;
mod run;
mod theory;
mod train;

pub use self::distributed::WrongOption;

use std::io::{self, Write};
use std::num::NonZeroUsize;

use clap::{Parser, Subcommand};
use lookahead_lab::VERSION;
use lookahead_runs::{COLUMNS, Stop, printable};
use serde_json::Value;

/// The Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019): train, resume, compare, report.
#[derive(Debug, Parser)]
#[command(name = "lookahead", version = VERSION, after_help = EXAMPLES, max_term_width = usize::from(COLUMNS))]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Where results go, if nothing else is said.
const DEFAULT_OUT: &str = "results";

const EXAMPLES: &str = "\
Examples:
  lookahead run quickstart                     compare optimizers, in seconds
  lookahead run fig05_tab1_cifar --data data   a figure of the experiments
  lookahead run fig03_noisy_quadratic          a figure of the analyses
  lookahead theory advise --lr 0.5             which k and alpha? a model says
  lookahead config --example sweep             a comparison of your own
  lookahead train my.toml --set seed=1         one run; or go on with it
  mpirun -n 4 lookahead train my.toml --distributed slow-step   4 workers
  lookahead data fetch cifar10                 download a data set, check it
  lookahead report results                     tables and pages again
  lookahead inspect results/runs/ID            what a run holds, checked

Exit codes: 0 done, 1 failed (of an MPI job also 69, 74, 75 and 78: no connection, a checkpoint, a deadline, ranks that differ), 2 wrong command line or configuration, 101 a fault in the program (please report it), 130 \
interrupted: by Ctrl-C or a request to terminate it ends as soon as the steps of its runs are saved, by a second one at \
once; the same command continues. Where memory runs out the system ends it (134 or 137). A run's last checkpoint is whole \
after all of these.";

#[derive(Debug, Subcommand)]
enum Command {
    /// List what `run` can run: what each artifact shows and needs, and where its result is recorded.
    List(list::Arguments),
    /// Run artifacts: a table, a page with plots, data. Training runs that are finished are skipped.
    Run(run::Arguments),
    /// Do one run of your own, described by a TOML file.
    Train(train::Arguments),
    /// Every key of a configuration: what it accepts, its default. Examples to start from.
    Config(config::Arguments),
    /// The paper's formulas as a calculator, and advice on k and alpha.
    Theory(theory::Arguments),
    /// List the devices that this build and this machine can compute on.
    Devices(devices::Arguments),
    /// Data sets: what there is, download one, check one.
    Data(data::Arguments),
    /// Make tables and pages again, from run folders alone.
    Report(report::Arguments),
    /// Show what a run holds, and check every file of it.
    Inspect(inspect::Arguments),
    /// Print a script that completes this program's command line in a shell.
    Completions(completions::Arguments),
    /// Print the manual page.
    Man(man::Arguments),
}

/// Does what the command line says. Work that has something to save looks at `stop`.
pub fn run(arguments: &Arguments, stop: &Stop) -> anyhow::Result<()> {
    match &arguments.command {
        Command::List(arguments) => list::list(arguments),
        Command::Run(arguments) => run::run(arguments, stop),
        Command::Train(arguments) => train::train(arguments, stop),
        Command::Config(arguments) => config::config(arguments),
        Command::Theory(arguments) => theory::theory(arguments),
        Command::Devices(arguments) => devices::devices(arguments),
        Command::Data(arguments) => data::data(arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Inspect(arguments) => inspect::inspect(arguments),
        Command::Completions(arguments) => completions::completions(arguments),
        Command::Man(arguments) => man::man(arguments),
    }
}

/// Prints text without what would steer the terminal.
fn say(text: impl AsRef<str>) -> io::Result<()> {
    print(format!("{}\n", printable(text.as_ref().trim_end())).as_bytes())
}

/// Prints bytes. Where nobody reads them any more, such as after `head`, what is left to do goes on.
fn print(bytes: &[u8]) -> io::Result<()> {
    match printed(io::stdout().lock().write_all(bytes)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Sees that what was printed went out; an error says that it is about the standard output.
pub fn printed(written: io::Result<()>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write to standard output: {error}"));
    written.and_then(|()| io::stdout().flush()).map_err(named)
}

/// What a command says of several things: a text of each at once, or one JSON document at the end.
struct Output {
    documents: Option<Vec<Value>>,
}

impl Output {
    fn new(is_json: bool) -> Self {
        Self { documents: is_json.then(Vec::new) }
    }

    /// Says one thing.
    fn add(&mut self, text: impl AsRef<str>, document: Value) -> io::Result<()> {
        match &mut self.documents {
            Some(documents) => documents.push(document),
            None => say(text)?,
        }
        Ok(())
    }

    /// Whether there is no document to print.
    fn is_empty(&self) -> bool {
        self.documents.as_ref().is_none_or(Vec::is_empty)
    }

    /// Prints the document: of one thing itself, of several a list.
    fn finish(self) -> anyhow::Result<()> {
        let Some(mut documents) = self.documents else { return Ok(()) };
        let document = if documents.len() == 1 { documents.remove(0) } else { documents.into() };
        Ok(say(serde_json::to_string_pretty(&document)?)?)
    }
}

/// Tells what went wrong, in lines that are not too long to be read.
pub fn complain(text: &str) {
    const LONGEST_LINE: usize = 2000;
    let cut = |line: &str| match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    let lines: Vec<String> = printable(text).lines().map(cut).collect();
    // If nobody reads it, the exit code still says it.
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
}

/// A count from 1 to `MOST` on the command line.
fn count<const MOST: usize>(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= MOST);
    count.ok_or_else(|| format!("must be a whole number from 1 to {MOST}"))
}

/// A word of a command as a reader can paste it into a shell.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=.,:/%@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.contains(char::is_control) {
        let escaped = |c: char| match c {
            '\\' | '\'' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        return format!("$'{}'", text.chars().map(escaped).collect::<String>());
    }
    if text.contains('\'') && !text.contains(['"', '$', '`', '\\', '!']) {
        return format!("\"{text}\"");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A table with a line under its header, for a terminal of 80 columns.
fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    let style = comfy_table::TableStyle::new().header_separator(comfy_table::LineStyle::none().fill('─').junction('─'));
    table.load_style(style).force_no_tty().set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(COLUMNS).set_header(header);
    table
}
