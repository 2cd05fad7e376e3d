//! `lookahead run`

mod prepare;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lookahead_lab::artifacts::fig01_trajectory_plane;
use lookahead_report as report;
use lookahead_report::ReportError;
use lookahead_report::analysis::Analysis;
use lookahead_runs::Scale;
use lookahead_runs::Stop;
use lookahead_runs::files::{create_folder, remove_abandoned};
use lookahead_runs::printable::printable_path;
use lookahead_runs::{Artifact, Figure, folder_name};
use lookahead_training::config::{DeviceConfig, RunConfig};
use lookahead_training::sweep::{Job, do_runs, do_runs_as_worker};
use lookahead_training::{Error, run as runs};
use serde_json::Value;

use self::prepare::{Prepared, Training};
use super::data::warn_of_parts;
use super::distributed::{Distributed, Together};
use super::progress::{Lines, Progress, points_bar};
use super::{DEFAULT_OUT, Output, count};

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
    /// Where it computes: cpu, cuda, vulkan or wgpu; of several of a kind the second as cuda:1 (`lookahead devices` lists
    /// what there is).
    #[arg(long, default_value_t = DeviceConfig::CPU)]
    device: DeviceConfig,
    /// Where to look for data sets (`lookahead data list` names them). Default: data.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where results go: the report of each artifact in `DIR/ARTIFACT`, at another scale than small in
    /// `DIR/ARTIFACT_SCALE`, run folders in `DIR/runs`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    out: PathBuf,
    /// How many seeds, if not the artifact's own number; at most 1000.
    #[arg(long, value_name = "N", value_parser = count::<1000>, allow_negative_numbers = true)]
    seeds: Option<NonZeroUsize>,
    /// How many runs at once, at most 256; each computes with its share of the cores. For small networks as many as cores
    /// is fastest.
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<256>, allow_negative_numbers = true)]
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
    #[command(flatten)]
    distributed: Distributed,
    /// Print the summary as JSON instead of a table; of several artifacts a list.
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
  mpirun -n 4 lookahead run quickstart --distributed gradients
  lookahead run fig03_noisy_quadratic fig04_convergence_rate
  lookahead run fig04_convergence_rate --set momentum=0.9 --out /tmp/look

Runs are shared between artifacts, finished ones skipped, stopped ones continued.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScaleName {
    Smoke,
    Small,
    Paper,
}

pub fn run(arguments: &Arguments, stop: &Stop) -> anyhow::Result<()> {
    arguments.distributed.with(arguments.jobs, stop, |together| run_together(arguments, together, stop))
}

fn run_together(arguments: &Arguments, mut together: Together<'_>, stop: &Stop) -> anyhow::Result<()> {
    let prepared = prepare::all(arguments, &together)?;
    let mut output = Output::new(arguments.json);
    let is_lead = together.is_lead();
    let done = run_all(prepared, arguments, &mut together, &mut output, stop);
    if !is_lead {
        return done.map(|_| ());
    }
    // What came out is said, also if something else did not, or the index cannot be written.
    if done.is_ok() || !output.is_empty() {
        output.finish()?;
    }
    let of_one_run = done?;
    report::write_index(&arguments.out)?;
    remove_abandoned(&arguments.out);
    remove_abandoned(&arguments.out.join("runs"));
    of_one_run.map_or(Ok(()), |error| Err(error.into()))
}

/// Runs and reports all artifacts in order; gives the first error that left the other runs alone.
fn run_all(
    prepared: Vec<Prepared>,
    arguments: &Arguments,
    together: &mut Together<'_>,
    output: &mut Output,
    stop: &Stop,
) -> anyhow::Result<Option<Error>> {
    let mut of_one_run = None;
    let is_lead = together.is_lead();
    for prepared in prepared {
        let Reported { table, json } = match prepared {
            Prepared::Training(training) if !is_lead => {
                let progress = Progress::new(&training.jobs, Lines::None, "");
                do_all(&training.jobs, arguments, together, &progress, stop)?;
                continue;
            }
            Prepared::Analysis(_) if !is_lead => continue,
            Prepared::Training(training) => {
                warn_of_parts(&training.jobs);
                let (reported, error) = train(&training, arguments, together, stop)?;
                of_one_run = of_one_run.or(error);
                reported
            }
            Prepared::Analysis(analysis) => report_analysis(&analysis, arguments)?,
        };
        output.add(table, json)?;
    }
    Ok(of_one_run)
}

/// What came out of an artifact.
struct Reported {
    table: String,
    json: Value,
}

/// Does the runs of an artifact and reports them; the first error that left the other runs alone is given back.
fn train(
    training: &Training,
    arguments: &Arguments,
    together: &mut Together<'_>,
    stop: &Stop,
) -> anyhow::Result<(Reported, Option<Error>)> {
    let Training { artifact, jobs, scale } = training;
    let name = artifact.folder();
    let folder = arguments.out.join(&name);
    create_folder(&folder)?;
    let _lock = runs::lock(&folder)?;
    remove_abandoned_report(&folder);
    let file = folder.join("artifact.json");
    let before = artifact.before(&arguments.out)?;
    // A report that is there stays whole until there is another.
    let is_reported = before.as_ref().is_some_and(|before| before != artifact) && folder.join("summary.json").exists();
    if !is_reported {
        artifact.write(&file)?;
    }
    let progress = Progress::new(jobs, Lines::Runs, &name);
    let mut of_one_run = match do_all(jobs, arguments, together, &progress, stop) {
        Err(error) if error.leaves_others_alone() => Some(error),
        done => done.map(|()| None)?,
    };
    progress.finish();
    // Where nothing came out, a report that is there stays.
    let is_finished = |job: &Job| runs::folder(&arguments.out, &job.config).join("result.json").is_file();
    if let Some(error) = of_one_run.take_if(|_| !jobs.iter().any(is_finished)) {
        return Err(error.into());
    }
    if artifact.figure == Figure::Plane && !arguments.tune && of_one_run.is_none() {
        survey(jobs, artifact, *scale, &arguments.out, stop)?;
    }
    artifact.write(&file)?;
    let summary = match report::write(&arguments.out, &name) {
        // The first of them is told at the end.
        Err(ReportError::UnreadableRuns { summary }) if of_one_run.is_some() => *summary,
        written => written?,
    };
    if arguments.tensorboard {
        report::write_tensorboard(&arguments.out, &name)?;
    } else if before.is_some_and(|before| before.groups != artifact.groups) {
        report::remove_tensorboard(&arguments.out, &name)?;
    }
    let table = format!("{}\nreport: {}\n", summary.table(), printable_path(&folder.join("report.html")));
    Ok((Reported { table, json: serde_json::to_value(&summary)? }, of_one_run))
}

fn do_all(
    jobs: &[Job],
    arguments: &Arguments,
    together: &mut Together<'_>,
    progress: &Progress,
    stop: &Stop,
) -> Result<(), Error> {
    match &mut together.ranks {
        Some(ranks) => do_runs_as_worker(jobs, &arguments.out, &mut **ranks, progress, stop),
        None => do_runs(jobs, &arguments.out, arguments.jobs, progress, stop),
    }
}

/// Measures the surface of Fig. 1 around the first run, and a run that is the same but for what comes in place of its alpha then.
fn survey(jobs: &[Job], artifact: &Artifact, scale: Scale, out: &Path, stop: &Stop) -> anyhow::Result<()> {
    let Some(job) = jobs.first() else { return Ok(()) };
    let until_then = |job: &Job| RunConfig { optimizer: job.config.optimizer.until_then(), ..job.config.clone() };
    let beside = jobs.iter().skip(1).find(|other| until_then(other) == job.config);
    let group = |job: &Job| artifact.groups.iter().find(|group| group.runs.contains(&job.config.id()));
    let beside = beside.and_then(|other| Some((group(other)?.label.as_str(), other)));
    let points = if scale == Scale::Smoke { 5 } else { 21 };
    let bar = points_bar();
    let mut progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let folder = out.join(artifact.folder());
    fig01_trajectory_plane::surface(job, beside, points, out, &folder, &mut progress, stop)?;
    bar.finish_and_clear();
    Ok(())
}

/// Removes what killed processes were writing into the folder of a report.
fn remove_abandoned_report(folder: &Path) {
    remove_abandoned(folder);
    let of_runs = std::fs::read_dir(folder.join("tensorboard")).into_iter().flatten().flatten();
    of_runs.for_each(|run| remove_abandoned(&run.path()));
}

fn report_analysis(analysis: &Analysis, arguments: &Arguments) -> anyhow::Result<Reported> {
    let folder = arguments.out.join(folder_name(&analysis.artifact, &analysis.scale));
    create_folder(&folder)?;
    remove_abandoned_report(&folder);
    analysis.write(&folder)?;
    let table = format!("{}\n\nreport: {}\n", analysis.table(), printable_path(&folder.join("report.html")));
    Ok(Reported { table, json: serde_json::from_str(&analysis.json())? })
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
