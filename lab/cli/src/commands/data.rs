//! `lookahead data`

use std::env::VarError;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser};
use indicatif::{ProgressBar, ProgressStyle};
use lookahead_data as data;
use lookahead_data::config::{DataConfig, DataSource};
use lookahead_data::{DATA_SETS, DEFAULT_FOLDER, Data, Downloaded, Official, Origin, Server};

use super::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder to look in, or to download to.
    #[arg(long = "data", value_name = "DIR", global = true)]
    dir: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  lookahead data list --data ~/data            what is there
  lookahead data fetch cifar10 --data ~/data   the same command continues an interrupted download
  lookahead data verify image_folders --data ~/data/imagenet   decodes every picture
  lookahead data fetch wmt14-en-de             Europarl, Common Crawl, News Commentary and the test sets, unpacked

Without --data: the folder `data` here; Fashion-MNIST also where Debian's package dataset-fashion-mnist puts it.
LOOKAHEAD_DATA_MIRROR=URL takes the files from below another address; the official checksums hold all the same.
LOOKAHEAD_DATA_TIMEOUT=SECONDS is how long nothing may come before a download is given up (default 30).";

/// The environment variable with another address to download from.
const MIRROR: &str = "LOOKAHEAD_DATA_MIRROR";

/// The environment variable with the seconds in which something has to come.
const TIMEOUT: &str = "LOOKAHEAD_DATA_TIMEOUT";

#[derive(Debug, Subcommand)]
enum Command {
    /// List the data sets, and whether they are here.
    List,
    /// Download a data set from its official source, check it and unpack it.
    Fetch {
        /// Its name, as in a configuration.
        #[arg(value_parser = names())]
        name: String,
    },
    /// Check what is here: checksums, sizes, and that every example can be read.
    Verify {
        /// Its name, as in a configuration.
        #[arg(value_parser = names())]
        name: String,
    },
}

fn names() -> PossibleValuesParser {
    // As the archives' own folder is usually called.
    let alias = |name| (name == "wmt14_en_de").then_some("wmt14-en-de");
    let value = |official: &Official| PossibleValue::new(official.name).aliases(alias(official.name));
    DATA_SETS.iter().map(value).collect::<Vec<_>>().into()
}

pub fn data(arguments: &Arguments) -> anyhow::Result<()> {
    let dir = arguments.dir.as_deref().map(Path::new);
    match &arguments.command {
        Command::List => list(dir),
        Command::Fetch { name } => Official::named(name).map_or(Ok(()), |official| fetch(official, dir)),
        Command::Verify { name } => Official::named(name).map_or(Ok(()), |official| verify(official, dir)),
    }
}

fn list(dir: Option<&Path>) -> anyhow::Result<()> {
    let mut table = table(["name", "what", "where"]);
    for official in &DATA_SETS {
        let place = match (DataSource::named(official.name), official.origin) {
            (None, _) | (_, Origin::Embedded) => "in the program".to_owned(),
            (Some(source), origin) => {
                let dir = dir.map(|dir| dir.display().to_string());
                match (Data::find(&DataConfig { dir, ..DataConfig::new(source) }), origin) {
                    (Ok(found), _) => found.map_or_else(String::new, |path| path.display().to_string()),
                    (Err(_), Origin::ByHand { .. }) => "not here; by hand (`fetch` says how)".to_owned(),
                    (Err(_), _) => "not here; `fetch` gets it".to_owned(),
                }
            }
        };
        table.add_row([official.name, official.what, &place]);
    }
    Ok(say(table.to_string())?)
}

fn fetch(official: &Official, dir: Option<&Path>) -> anyhow::Result<()> {
    let server = server()?;
    let mut progress = Progress::new();
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let result = data::fetch(official, dir, &server, &mut |file, done| progress.show(file, done));
    progress.bar.finish_and_clear();
    let there = result?;
    if there.is_empty() {
        return Ok(say(format!("{} is a part of the program", official.name))?);
    }
    let lines: Vec<String> = there.iter().map(|path| path.display().to_string()).collect();
    Ok(say(format!("{} is here:\n{}", official.name, lines.join("\n")))?)
}

/// What the environment says of downloads.
fn server() -> anyhow::Result<Server> {
    let variable = |name| match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("{name} is not UTF-8"),
    };
    let mut server = Server { mirror: variable(MIRROR)?, ..Server::default() };
    if let Some(text) = variable(TIMEOUT)? {
        let seconds = text.parse::<f64>().ok().filter(|seconds| (0.01..=86_400.0).contains(seconds));
        let seconds =
            seconds.with_context(|| format!("{TIMEOUT} is {text:?}, but must be seconds from 0.01 to 86400"))?;
        server.patience = Duration::from_secs_f64(seconds);
    }
    Ok(server)
}

fn verify(official: &Official, dir: Option<&Path>) -> anyhow::Result<()> {
    let checked = data::verify(official, dir)?;
    Ok(say(format!("{}\n{} is as it should be", checked.join("\n"), official.name))?)
}

/// A bar on a terminal, elsewhere a line for each tenth.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// The file and its tenths of the last line.
    said: (&'static str, u64),
}

impl Progress {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{msg} {bar:32} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        // The template is a constant that indicatif accepts; its own default would do too.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, is_terminal, said: ("", 0) }
    }

    fn show(&mut self, file: &'static str, done: Downloaded) {
        let total = done.total.unwrap_or(0);
        if self.is_terminal {
            if self.bar.message() != file {
                self.bar.set_message(file);
                self.bar.set_position(done.bytes);
                // What an earlier try left says nothing about the speed.
                self.bar.reset_eta();
            }
            self.bar.set_length(total);
            self.bar.set_position(done.bytes);
            return;
        }
        let tenths = (10 * done.bytes).checked_div(total).unwrap_or(0);
        if self.said != (file, tenths) {
            self.said = (file, tenths);
            // If nobody reads the progress, the download goes on all the same.
            let _ = writeln!(std::io::stderr(), "{file}: {} of {total} bytes", done.bytes);
        }
    }
}
