//! `lookahead run`

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::ValueEnum;
use lookahead_lab::config::RunConfig;
use lookahead_lab::data::Dataset;
use lookahead_lab::paper::{Scale, quickstart};
use lookahead_lab::{report, run as runs, write_atomically};

use super::progress::{Lines, Progress};
use super::{say, stop_flag};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The artifacts, in order (`lookahead list` names them).
    #[arg(required = true)]
    artifacts: Vec<Name>,
    /// How large: `smoke` sees in seconds whether everything works, `small` is for a processor.
    #[arg(long, value_enum, default_value_t = ScaleName::Small)]
    scale: ScaleName,
    /// Where it computes.
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Where results go: run folders in `DIR/runs`, the report in `DIR/ARTIFACT`.
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// How many seeds, if not the artifact's own number; at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// Change a key of every run's configuration, such as epochs=10; may be given several times. What an artifact
    /// compares (seed, optimizer, learning rate, data) it sets itself.
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
  lookahead run quickstart --seeds 10 --set epochs=60";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    Quickstart,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScaleName {
    Smoke,
    Small,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceName {
    Cpu,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let scale = match arguments.scale {
        ScaleName::Smoke => Scale::Smoke,
        ScaleName::Small => Scale::Small,
    };
    let DeviceName::Cpu = arguments.device;
    let stop = stop_flag()?;
    for name in &arguments.artifacts {
        let request = quickstart::Request {
            scale,
            seeds: arguments.seeds.and_then(NonZeroU32::new),
            overrides: arguments.set.clone(),
            command: command(*name, arguments),
        };
        let Name::Quickstart = name;
        let plan = if arguments.tune { quickstart::tuning_plan(&request) } else { quickstart::plan(&request) }?;
        let artifact = &plan.artifact.artifact;
        let folder = arguments.out.join(artifact);
        std::fs::create_dir_all(&folder).map_err(|source| lookahead_lab::Error::Io { path: folder.clone(), source })?;
        let _lock = runs::lock(&folder)?;
        write_atomically(&folder.join("artifact.json"), &serde_json::to_vec_pretty(&plan.artifact)?)?;
        do_runs(&plan.runs, arguments, &stop)?;
        let summary = report::write(&arguments.out, artifact)?;
        if arguments.json {
            say(serde_json::to_string_pretty(&summary)?)?;
        } else {
            say(format!("{}\nreport: {}", summary.table(), folder.join("report.html").display()))?;
        }
    }
    Ok(())
}

fn do_runs(configs: &[RunConfig], arguments: &Arguments, stop: &std::sync::atomic::AtomicBool) -> anyhow::Result<()> {
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

/// The command as a reader of the report would type it.
fn command(name: Name, arguments: &Arguments) -> String {
    let mut words = vec!["lookahead run".to_owned()];
    words.extend(name.to_possible_value().map(|name| name.get_name().to_owned()));
    if let ScaleName::Smoke = arguments.scale {
        words.push("--scale smoke".to_owned());
    }
    words.extend(arguments.tune.then(|| "--tune".to_owned()));
    words.extend(arguments.seeds.map(|seeds| format!("--seeds {seeds}")));
    words.extend(arguments.set.iter().map(|text| format!("--set {text}")));
    words.join(" ")
}
