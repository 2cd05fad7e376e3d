//! `lookahead train`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context;
use lookahead_report as report;
use lookahead_runs::printable::printable_path;
use lookahead_runs::{Measure, Run, Stop, wrapped};
use lookahead_training::config::RunConfig;
use lookahead_training::run as runs;
use lookahead_training::sweep::{Job, PlannedRun, do_runs, do_runs_as_worker};

use super::data::warn_of_parts;
use super::distributed::{Distributed, Together};
use super::progress::{Lines, Progress};
use super::{DEFAULT_OUT, devices, say};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration.
    #[arg(value_name = "CONFIG.toml")]
    config: PathBuf,
    /// Where the run folder goes: `DIR/runs/ID`, the id being a hash of the configuration.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    out: PathBuf,
    /// Where to look for the data, if not where the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Change a key of the configuration, such as seed=1; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    distributed: Distributed,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead config --example train > my.toml
  lookahead train my.toml
  lookahead train my.toml --set seed=1 --set optimizer.alpha=0.8
  lookahead train my_text.toml --data texts --json
  lookahead train my.toml --distributed slow-step --workers 2
  mpirun -n 4 lookahead train my.toml --distributed gradients

A configuration:
  epochs = 20
  data = { name = \"digits\" }
  model = { name = \"mlp\", hidden = [64] }
  schedule = { name = \"cosine\", learning_rate = 0.1 }
  [optimizer]
  name = \"lookahead\"          # any nesting of these and rules
  sync_period = 5
  alpha = 0.5
  inner = { name = \"sgd\", momentum = 0.9 }

`lookahead config` says every key; the run folder's config.toml has those that count, with their values.";

pub fn train(arguments: &Arguments, stop: &Stop) -> anyhow::Result<()> {
    arguments.distributed.with(NonZeroUsize::MIN, stop, |together| train_together(arguments, together, stop))
}

fn train_together(arguments: &Arguments, together: Together<'_>, stop: &Stop) -> anyhow::Result<()> {
    let mut config = RunConfig::load(&arguments.config)?;
    for text in together.set().iter().chain(&arguments.set) {
        config.set(text).map_err(lookahead_training::Error::from)?;
    }
    config.check_made(&arguments.set).map_err(lookahead_training::Error::from)?;
    together.check(&config)?;
    if let Some(data) = &arguments.data {
        config.data.dir = Some(data.clone());
    }
    config.data.look_beside(&arguments.config);
    devices::check(config.device)?;
    let folder = runs::folder(&arguments.out, &config);
    let label = config.optimizer.label();
    let jobs = Job::load(vec![PlannedRun { label: label.clone(), config }])?;
    let is_lead = together.is_lead();
    if is_lead {
        warn_of_parts(&jobs);
    }
    let lines = if is_lead { Lines::Evaluations } else { Lines::None };
    let progress = Progress::new(&jobs, lines, &label);
    match together.ranks {
        Some(ranks) => do_runs_as_worker(&jobs, &arguments.out, ranks, &progress, stop)?,
        None => do_runs(&jobs, &arguments.out, NonZeroUsize::MIN, &progress, stop)?,
    }
    progress.finish();
    if !is_lead {
        return Ok(());
    }
    let done = Run::read(&folder).map_err(lookahead_training::Error::from)?;
    let done = done.finished().context("the run left no result")?;
    let page = report::write_for_run(&folder)?;
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(done)?)?);
    }
    let end = |measure: Measure| done.scores.get(measure);
    let loss = end(Measure::ValidLoss).map_or("not finite".to_owned(), |loss| format!("{loss:.4}"));
    let accuracy = end(Measure::ValidAccuracy).map(|accuracy| format!("accuracy {:.2} %, ", 100.0 * accuracy));
    let score =
        accuracy.or_else(|| end(Measure::ValidBleu).map(|bleu| format!("BLEU {bleu:.2}, "))).unwrap_or_default();
    let left_out = done.left_out.in_words(done.skipped);
    let left_out: String = left_out.map(|(what, count)| format!("\n{count} {what}")).collect();
    let end = format!(
        "{label}: validation {score}loss {loss}; epochs {}, steps {}, {:.1} s",
        done.epochs, done.steps, done.seconds
    );
    Ok(say(format!(
        "{}{left_out}\nrun folder: {}\nreport: {}",
        wrapped(&end, "", "  "),
        printable_path(&folder),
        printable_path(&page),
    ))?)
}
