//! `lookahead run`

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use lookahead_lab::config::{ConfigError, RunConfig};
use lookahead_lab::data::Dataset;
use lookahead_lab::paper::{
    Request, Scale, fig03_noisy_quadratic, fig04_convergence_rate, fig11_noisy_quadratic_more, quickstart,
};
use lookahead_lab::report::analysis::Analysis;
use lookahead_lab::{report, run as runs, write_atomically};

use super::progress::{Lines, Progress};
use super::{say, shell_word, stop_flag};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The artifacts, in order (`lookahead list` names them).
    #[arg(required = true)]
    artifacts: Vec<Name>,
    /// How large: `smoke` sees in seconds whether everything works, `small` is for a processor, `paper` is what the
    /// paper did (for the analyses of Fig. 3, 4 and 11 the same as `small`).
    #[arg(long, value_enum, default_value_t = ScaleName::Small)]
    scale: ScaleName,
    /// Where it computes.
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Where results go: the report of each artifact in `DIR/ARTIFACT`, run folders in `DIR/runs`.
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// How many seeds, if not the artifact's own number; at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// Change a key of the configuration, such as epochs=10 or spectrum.dim=100; may be given several times. What a
    /// training artifact compares (seed, optimizer, learning rate, data) it sets itself.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Run the grid of learning rates that the artifact's own were chosen from, instead of the artifact.
    #[arg(long)]
    tune: bool,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead run quickstart
  lookahead run quickstart --scale smoke --out /tmp/look
  lookahead run quickstart --seeds 10 --set epochs=60
  lookahead run fig03_noisy_quadratic fig04_convergence_rate fig11_noisy_quadratic_more
  lookahead run fig04_convergence_rate --set momentum=0.9 --out /tmp/look";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    #[value(name = quickstart::ENTRY.name)]
    Quickstart,
    #[value(name = fig03_noisy_quadratic::ENTRY.name)]
    Fig03,
    #[value(name = fig04_convergence_rate::ENTRY.name)]
    Fig04,
    #[value(name = fig11_noisy_quadratic_more::ENTRY.name)]
    Fig11,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScaleName {
    Smoke,
    Small,
    Paper,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceName {
    Cpu,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let DeviceName::Cpu = arguments.device;
    let mut stop = None;
    for &name in &arguments.artifacts {
        let request = request(name, arguments);
        let analyse = match name {
            Name::Quickstart => {
                // Only training has a checkpoint to write; an analysis may be stopped at once.
                let stop = match &mut stop {
                    Some(stop) => stop,
                    None => stop.insert(stop_flag()?),
                };
                train(&request, arguments, stop)?;
                continue;
            }
            Name::Fig03 => fig03_noisy_quadratic::analyse,
            Name::Fig04 => fig04_convergence_rate::analyse,
            Name::Fig11 => fig11_noisy_quadratic_more::analyse,
        };
        if arguments.tune {
            let (option, reason) = ("--tune", "there is nothing to tune");
            let artifact = name.text();
            return Err(lookahead_lab::Error::from(ConfigError::OptionNotTaken { artifact, option, reason }).into());
        }
        report_analysis(&analyse(&request)?, arguments)?;
        if let Some(stop) = &stop
            && stop.load(Ordering::Relaxed)
        {
            return Err(lookahead_lab::Error::Interrupted { folder: arguments.out.clone() }.into());
        }
    }
    Ok(())
}

/// Does the runs of an artifact and reports them.
fn train(request: &Request, arguments: &Arguments, stop: &AtomicBool) -> anyhow::Result<()> {
    let plan = if arguments.tune { quickstart::tuning_plan(request) } else { quickstart::plan(request) }?;
    let artifact = &plan.artifact.artifact;
    let folder = arguments.out.join(artifact);
    std::fs::create_dir_all(&folder).map_err(|source| lookahead_lab::Error::Io { path: folder.clone(), source })?;
    let _lock = runs::lock(&folder)?;
    write_atomically(&folder.join("artifact.json"), &serde_json::to_vec_pretty(&plan.artifact)?)?;
    do_runs(&plan.runs, arguments, stop)?;
    let summary = report::write(&arguments.out, artifact)?;
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&summary)?)?);
    }
    Ok(say(format!("{}\nreport: {}", summary.table(), folder.join("report.html").display()))?)
}

fn report_analysis(analysis: &Analysis, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = arguments.out.join(&analysis.artifact);
    std::fs::create_dir_all(&folder).map_err(|source| lookahead_lab::Error::Io { path: folder.clone(), source })?;
    analysis.write(&folder).map_err(lookahead_lab::Error::from)?;
    if arguments.json {
        return Ok(say(analysis.json())?);
    }
    Ok(say(format!("{}\n\nreport: {}\n", analysis.table(), folder.join("report.html").display()))?)
}

fn do_runs(configs: &[RunConfig], arguments: &Arguments, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut data: Option<(&RunConfig, Dataset)> = None;
    let mut progress = None;
    for config in configs {
        // Runs of one artifact share their data.
        let dataset = match &data {
            Some((loaded, dataset)) if loaded.data == config.data => dataset,
            _ => &data.insert((config, Dataset::load(&config.data)?)).1,
        };
        let progress = progress.get_or_insert_with(|| {
            let steps =
                |config: &RunConfig| u64::from(dataset.batches(config.batch_size)) * u64::from(config.epochs.get());
            Progress::new(configs.iter().map(steps).sum(), Lines::Runs)
        });
        progress.begin(format!("{} seed {}", config.optimizer.label(), config.seed));
        let done = runs::run(config, dataset, &runs::folder(&arguments.out, config), progress, stop)?;
        let accuracy = 100.0 * done.valid_accuracy;
        progress.end(done.steps, &format!("{accuracy:.1} %, epochs {}, {:.1} s", done.epochs, done.seconds));
    }
    if let Some(progress) = progress {
        progress.finish();
    }
    Ok(())
}

fn request(name: Name, arguments: &Arguments) -> Request {
    let scale = match arguments.scale {
        ScaleName::Smoke => Scale::Smoke,
        ScaleName::Small => Scale::Small,
        ScaleName::Paper => Scale::Paper,
    };
    let seeds = arguments.seeds.and_then(NonZeroU32::new);
    Request { scale, seeds, overrides: arguments.set.clone(), command: command(name, scale, arguments) }
}

/// The command as a reader of the report would type it.
fn command(name: Name, scale: Scale, arguments: &Arguments) -> String {
    let mut words = vec!["lookahead run".to_owned(), name.text().to_owned()];
    if scale != Scale::Small {
        words.push(format!("--scale {}", scale.name()));
    }
    words.extend(arguments.tune.then(|| "--tune".to_owned()));
    words.extend(arguments.seeds.map(|seeds| format!("--seeds {seeds}")));
    words.extend(arguments.set.iter().map(|text| format!("--set {}", shell_word(text))));
    words.join(" ")
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Quickstart => quickstart::ENTRY.name,
            Self::Fig03 => fig03_noisy_quadratic::ENTRY.name,
            Self::Fig04 => fig04_convergence_rate::ENTRY.name,
            Self::Fig11 => fig11_noisy_quadratic_more::ENTRY.name,
        }
    }
}
