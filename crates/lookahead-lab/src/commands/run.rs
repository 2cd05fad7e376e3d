//! `lookahead run`

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use lookahead_lab::config::{ConfigError, DeviceConfig};
use lookahead_lab::paper::{ARTIFACTS, Kind, Request, Scale, fig01_trajectory_plane, sweep, sweep_of_file};
use lookahead_lab::report::Figure;
use lookahead_lab::report::analysis::Analysis;
use lookahead_lab::sweep::{Job, Sweep, do_runs};
use lookahead_lab::{Error, device, report, run as runs, write_atomically};

use super::progress::{Lines, Progress, points_bar};
use super::{say, shell_word, stop_flag};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The artifacts, in order (`lookahead list` names them), or files of sweeps of your own that end in .toml.
    #[arg(required = true)]
    artifacts: Vec<String>,
    /// How large: `smoke` sees in seconds whether everything works, `small` is for a processor, `paper` is what the
    /// paper did (for the analyses of Fig. 3, 4 and 11 the same as `small`).
    #[arg(long, value_enum, default_value_t = ScaleName::Small)]
    scale: ScaleName,
    /// Where it computes (`lookahead devices` lists what there is).
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Where to look for data sets (`lookahead data list` names them). Default: data.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where results go: the report of each artifact in `DIR/ARTIFACT`, run folders in `DIR/runs`.
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// How many seeds, if not the artifact's own number; at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// How many runs at once; each computes with its share of the cores. For small networks as many as cores is fastest.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Change a key of the configuration, such as epochs=10 or spectrum.dim=100; may be given several times. What a
    /// training artifact compares (seed, optimizer, learning rate, data) it sets itself.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Run the grids that the artifact's hyperparameters come from, on seeds of their own, instead of the artifact.
    #[arg(long)]
    tune: bool,
    /// Write event files for TensorBoard too.
    #[arg(long)]
    tensorboard: bool,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead run quickstart
  lookahead run quickstart --scale smoke --out /tmp/look
  lookahead run quickstart --seeds 10 --set epochs=60
  lookahead run fig05_tab1_cifar fig12_tab6_inner_state --data data --jobs 2
  lookahead run fig05_tab1_cifar --scale paper --data data --device cuda
  lookahead run my_sweep.toml
  lookahead run fig03_noisy_quadratic fig04_convergence_rate fig11_noisy_quadratic_more
  lookahead run fig04_convergence_rate --set momentum=0.9 --out /tmp/look

Runs are shared between artifacts, finished ones skipped, stopped ones continued.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScaleName {
    Smoke,
    Small,
    Paper,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceName {
    Cpu,
    Cuda,
    Vulkan,
    Wgpu,
}

/// What an argument names.
enum Named {
    Analysis(&'static str, fn(&Request) -> Result<Analysis, Error>),
    Training(Box<Sweep>),
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // All names first: a typing error in the last one should not show after hours.
    let named: Vec<Named> = arguments.artifacts.iter().map(|name| find(name)).collect::<Result<_, _>>()?;
    device::open(arguments.device.config())?;
    let mut stop = None;
    for (name, text) in named.iter().zip(&arguments.artifacts) {
        let request = request(text, arguments);
        match name {
            Named::Training(sweep) => {
                // Only training has a checkpoint to write; an analysis may be stopped at once.
                let stop = match &mut stop {
                    Some(stop) => stop,
                    None => stop.insert(stop_flag()?),
                };
                train(sweep, &request, arguments, stop)?;
            }
            Named::Analysis(artifact, analyse) => {
                if arguments.tune {
                    let (artifact, option, reason) = ((*artifact).to_owned(), "--tune", "there is nothing to tune");
                    return Err(Error::from(ConfigError::OptionNotTaken { artifact, option, reason }).into());
                }
                report_analysis(&analyse(&request)?, arguments)?;
            }
        }
        if let Some(stop) = &stop
            && stop.load(Ordering::Relaxed)
        {
            return Err(Error::Interrupted { folder: arguments.out.clone() }.into());
        }
    }
    report::write_index(&arguments.out).map_err(Error::from)?;
    Ok(())
}

fn find(name: &str) -> Result<Named, Error> {
    if name.ends_with(".toml") {
        return Ok(Named::Training(Box::new(sweep_of_file(Path::new(name))?)));
    }
    let Some(entry) = ARTIFACTS.iter().find(|entry| entry.name == name) else {
        let known = ARTIFACTS.iter().map(|entry| entry.name).collect();
        return Err(Error::UnknownArtifact { name: name.to_owned(), known });
    };
    Ok(match entry.kind {
        Kind::Training { config, paper } => Named::Training(Box::new(sweep(entry.name, config, paper)?)),
        Kind::Analysis(analyse) => Named::Analysis(entry.name, analyse),
    })
}

/// Does the runs of an artifact and reports them.
fn train(sweep: &Sweep, request: &Request, arguments: &Arguments, stop: &AtomicBool) -> anyhow::Result<()> {
    let plan = if arguments.tune { sweep.tuning_plan(request) } else { sweep.plan(request) }?;
    let artifact = &plan.artifact.artifact;
    let folder = arguments.out.join(artifact);
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    let _lock = runs::lock(&folder)?;
    write_atomically(&folder.join("artifact.json"), &serde_json::to_vec_pretty(&plan.artifact)?)?;
    let jobs = Job::load(plan.runs)?;
    let progress = Progress::new(&jobs, Lines::Runs);
    do_runs(&jobs, &arguments.out, arguments.jobs, &progress, stop)?;
    progress.finish();
    if plan.artifact.figure == Figure::Plane && !arguments.tune {
        survey(&jobs, request.scale, &arguments.out, &folder, stop)?;
    }
    let summary = report::write(&arguments.out, artifact).map_err(Error::from)?;
    if arguments.tensorboard {
        report::write_tensorboard(&arguments.out, artifact).map_err(Error::from)?;
    }
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&summary)?)?);
    }
    Ok(say(format!("{}\nreport: {}", summary.table(), folder.join("report.html").display()))?)
}

/// Measures the surface of Fig. 1 around the first run.
fn survey(jobs: &[Job], scale: Scale, out: &Path, folder: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let Some(job) = jobs.first() else { return Ok(()) };
    let points = if scale == Scale::Smoke { 5 } else { 21 };
    let bar = points_bar();
    let mut progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    fig01_trajectory_plane::surface(job, points, out, folder, &mut progress, stop)?;
    bar.finish_and_clear();
    Ok(())
}

fn report_analysis(analysis: &Analysis, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = arguments.out.join(&analysis.artifact);
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    analysis.write(&folder).map_err(Error::from)?;
    if arguments.json {
        return Ok(say(analysis.json())?);
    }
    Ok(say(format!("{}\n\nreport: {}\n", analysis.table(), folder.join("report.html").display()))?)
}

fn request(name: &str, arguments: &Arguments) -> Request {
    let scale = arguments.scale.scale();
    Request {
        scale,
        seeds: arguments.seeds.and_then(NonZeroU32::new),
        overrides: arguments.set.clone(),
        data: arguments.data.clone(),
        device: Some(arguments.device.config()).filter(|&device| device != DeviceConfig::Cpu),
        command: command(name, scale, arguments),
    }
}

/// The command as a reader of the report would type it.
fn command(name: &str, scale: Scale, arguments: &Arguments) -> String {
    let mut words = vec!["lookahead run".to_owned(), shell_word(name)];
    if scale != Scale::Small {
        words.push(format!("--scale {}", scale.name()));
    }
    if arguments.device != DeviceName::Cpu {
        words.push(format!("--device {}", arguments.device.config().name()));
    }
    words.extend(arguments.data.is_some().then(|| "--data DIR".to_owned()));
    words.extend(arguments.tune.then(|| "--tune".to_owned()));
    words.extend(arguments.seeds.map(|seeds| format!("--seeds {seeds}")));
    words.extend(arguments.set.iter().map(|text| format!("--set {}", shell_word(text))));
    words.join(" ")
}

impl ScaleName {
    fn scale(self) -> Scale {
        match self {
            Self::Smoke => Scale::Smoke,
            Self::Small => Scale::Small,
            Self::Paper => Scale::Paper,
        }
    }
}

impl DeviceName {
    fn config(self) -> DeviceConfig {
        match self {
            Self::Cpu => DeviceConfig::Cpu,
            Self::Cuda => DeviceConfig::Cuda,
            Self::Vulkan => DeviceConfig::Vulkan,
            Self::Wgpu => DeviceConfig::Wgpu,
        }
    }
}
