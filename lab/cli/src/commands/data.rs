//! `lookahead data`

use std::collections::BTreeSet;
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
use lookahead_data::{DATA_SETS, DEFAULT_FOLDER, Data, Downloaded, Official, Origin, Server, Verified};
use lookahead_runs::wrapped;
use lookahead_training::sweep::Job;
use serde_json::{Value, json};

use super::{say, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder to look in, or to download to.
    #[arg(long = "data", value_name = "DIR", global = true)]
    dir: Option<String>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead data list --data ~/data            what is there
  lookahead data fetch cifar10 --data ~/data   or go on with a download
  lookahead data verify image_folders --data ~/imagenet   decode every picture
  lookahead data fetch wmt14-en-de             1.7 GB, unpacked

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
    #[command(after_help = "Example:\n  lookahead data list --data ~/data")]
    List,
    /// Download a data set from its official source, check it and unpack it.
    #[command(after_help = "Example:\n  lookahead data fetch cifar10 --data ~/data   or go on with a download")]
    Fetch {
        /// Its name, as in a configuration.
        #[arg(value_parser = names())]
        name: String,
    },
    /// Check what is here: checksums, sizes, the number of examples, and that each can be read.
    #[command(after_help = "Example:\n  lookahead data verify image_folders --data ~/imagenet   decode every picture")]
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
    let official = |name: &str| Official::named(name).with_context(|| format!("no data set is called {name:?}"));
    let (text, document) = match &arguments.command {
        Command::List => list(dir),
        Command::Fetch { name } => fetch(official(name)?, dir)?,
        Command::Verify { name } => verify(official(name)?, dir)?,
    };
    Ok(say(if arguments.json { serde_json::to_string_pretty(&document)? } else { text })?)
}

fn list(dir: Option<&Path>) -> (String, Value) {
    let (mut table, mut documents) = (table(["name", "what", "where"]), Vec::new());
    for official in &DATA_SETS {
        let dir = dir.map(|dir| dir.display().to_string());
        let source = DataSource::named(official.name).filter(|_| !matches!(official.origin, Origin::Embedded));
        let found = source.map(|source| Data::find(&DataConfig { dir, ..DataConfig::new(source) }).ok());
        let path = found.clone().flatten().map(|path| path.map_or_else(String::new, |path| path.display().to_string()));
        let place = match (&found, &path, official.origin) {
            (None, ..) => "in the program".to_owned(),
            (Some(_), Some(path), _) => path.clone(),
            (Some(None), None, Origin::ByHand { .. }) => "not here; by hand (`fetch` says how)".to_owned(),
            (Some(_), None, _) => "not here; `fetch` gets it".to_owned(),
        };
        table.add_row([official.name, official.what, &place]);
        let is_here = found.is_none_or(|found| found.is_some());
        documents.push(json!({ "name": official.name, "what": official.what, "here": is_here, "path": path }));
    }
    (table.to_string(), documents.into())
}

fn fetch(official: &Official, dir: Option<&Path>) -> anyhow::Result<(String, Value)> {
    let server = server()?;
    let mut progress = Progress::new();
    let dir = dir.unwrap_or(Path::new(DEFAULT_FOLDER));
    let result = data::fetch(official, dir, &server, &mut |file, done| progress.show(file, done));
    progress.bar.finish_and_clear();
    let there: Vec<String> = result?.iter().map(|path| path.display().to_string()).collect();
    let text = match there.is_empty() {
        true => format!("{} is a part of the program", official.name),
        false => format!("{} is here:\n{}", official.name, there.join("\n")),
    };
    Ok((text, json!({ "name": official.name, "files": there })))
}

/// What the environment says of downloads.
fn server() -> anyhow::Result<Server> {
    let variable = |name| match std::env::var(name) {
        // An empty one counts as none.
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
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

fn verify(official: &Official, dir: Option<&Path>) -> anyhow::Result<(String, Value)> {
    let Verified { checked, conclusion } = data::verify(official, dir)?;
    let lines: Vec<String> = checked.iter().chain([&conclusion]).map(|line| wrapped(line, "", "  ")).collect();
    Ok((lines.join("\n"), json!({ "name": official.name, "checked": checked, "conclusion": conclusion })))
}

/// Says once of each data set of these runs if it is not as large as the official one: people use parts.
pub fn warn_of_parts(jobs: &[Job]) {
    let told = |job: &Job| job.data.unlike_official(&job.config.data);
    for warning in jobs.iter().filter_map(told).collect::<BTreeSet<_>>() {
        // If nobody reads it, the runs go on all the same.
        let _ = writeln!(std::io::stderr(), "{}", wrapped(&format!("warning: {warning}"), "", "  "));
    }
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
