//! All that `lookahead run` is asked for, looked at before any of it is begun: a mistake in the last artifact should not show
//! after hours, nor after an older report is gone.

use std::num::NonZeroU32;
use std::path::Path;

use lookahead_lab::artifacts::{ARTIFACTS, Kind, sweep, sweep_of_file};
use lookahead_report::analysis::Analysis;
use lookahead_runs::Scale;
use lookahead_runs::printable::printable_path;
use lookahead_runs::{Artifact, Figure, check_files, folder_name};
use lookahead_settings::ConfigError;
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::sweep::Request;
use lookahead_training::sweep::{Job, Plan, Sweep, check_path};

use super::Arguments;
use crate::commands::devices::check;
use crate::commands::distributed::Together;
use crate::commands::progress::computing;
use crate::commands::{DEFAULT_OUT, shell_word};

/// What can be done at once.
pub enum Prepared {
    /// A computed figure, to be written.
    Analysis(Box<Analysis>),
    /// Runs, to be done and reported.
    Training(Box<Training>),
}

/// An artifact of training with its runs and their data.
pub struct Training {
    pub artifact: Artifact,
    pub jobs: Vec<Job>,
    pub scale: Scale,
}

/// What an argument names.
enum Named {
    Analysis(&'static str, fn(&Request) -> Result<Analysis, Error>),
    Training(Box<Sweep>),
}

/// What an argument asks for.
enum Planned {
    Analysis(Box<Analysis>),
    Training(Box<Plan>, Scale),
}

/// Prepares all that the command line names, in order.
pub fn all(arguments: &Arguments, together: &Together<'_>) -> anyhow::Result<Vec<Prepared>> {
    let named: Vec<Named> = arguments.artifacts.iter().map(|name| find(name)).collect::<Result<_, _>>()?;
    if let ([Named::Analysis(name, _), ..], true) = (&named[..], arguments.tensorboard)
        && !named.iter().any(|named| matches!(named, Named::Training(_)))
    {
        return Err(Error::from(not_taken_by(name, "--tensorboard", "nothing is trained")).into());
    }
    check(arguments.device)?;
    let workers = together.set();
    let planned: Vec<Planned> = named
        .iter()
        .zip(&arguments.artifacts)
        .map(|(named, text)| plan(named, text, arguments, workers.as_deref()))
        .collect::<Result<_, _>>()?;
    for planned in &planned {
        if let Planned::Training(plan, _) = planned {
            plan.runs.iter().try_for_each(|run| together.check(&run.config))?;
        }
    }
    check_folders(&planned, &arguments.out)?;
    Ok(load(planned)?)
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
        Kind::Analysis(analyse, _) => Named::Analysis(entry.name, analyse),
    })
}

fn plan(named: &Named, text: &str, arguments: &Arguments, workers: Option<&str>) -> Result<Planned, Error> {
    let request = request(text, arguments, workers);
    match named {
        Named::Training(sweep) => {
            let plan = if arguments.tune { sweep.tuning_plan(&request) } else { sweep.plan(&request) };
            Ok(Planned::Training(Box::new(plan?), request.scale))
        }
        Named::Analysis(name, analyse) => {
            let not_taken = [
                (arguments.tune, "--tune", "there is nothing to tune"),
                (workers.is_some(), "--distributed", "nothing is trained"),
            ];
            if let Some((_, option, reason)) = not_taken.into_iter().find(|&(is_given, ..)| is_given) {
                return Err(not_taken_by(name, option, reason).into());
            }
            let spinner = computing(name);
            let analysis = analyse(&request);
            spinner.finish_and_clear();
            Ok(Planned::Analysis(Box::new(analysis?)))
        }
    }
}

fn not_taken_by(artifact: &str, option: &'static str, reason: &'static str) -> ConfigError {
    ConfigError::OptionNotTaken { artifact: artifact.to_owned(), option, reason }
}

/// Sees that each report goes into a folder of its own, and that nothing stands in its way, nor in that of the index.
fn check_folders(planned: &[Planned], out: &Path) -> Result<(), Error> {
    check_files(out, ["index.html"].into_iter())?;
    for planned in planned {
        if let Planned::Analysis(analysis) = planned {
            check_files(&out.join(folder_name(&analysis.artifact, &analysis.scale)), analysis.files())?;
        }
    }
    let artifacts: Vec<&Artifact> = planned
        .iter()
        .filter_map(|planned| match planned {
            Planned::Training(plan, _) => Some(&plan.artifact),
            Planned::Analysis(_) => None,
        })
        .collect();
    for (place, artifact) in artifacts.iter().enumerate() {
        let beside = artifacts[..place].iter().find(|other| other.folder() == artifact.folder());
        let before = artifact.before(out)?;
        let mut others = beside.copied().into_iter().chain(&before);
        if let Some(other) = others.find(|other| !artifact.owns_folder_of(other)) {
            return Err(taken(artifact, other, out).into());
        }
        artifact.check_folder(out)?;
    }
    Ok(())
}

fn taken(artifact: &Artifact, other: &Artifact, out: &Path) -> ConfigError {
    let name = |artifact: &Artifact| match &artifact.source {
        Some(source) => source.file.clone(),
        None => artifact.artifact.clone(),
    };
    let folder = out.join(artifact.folder());
    let reason = format!(
        "the folder {} belongs to {}; give the file another name, or the results another folder with --out",
        printable_path(&folder),
        name(other)
    );
    ConfigError::Folder { file: name(artifact), reason }
}

/// Reads the data of all, each set once.
fn load(mut planned: Vec<Planned>) -> Result<Vec<Prepared>, Error> {
    let mut counts = Vec::new();
    let mut runs = Vec::new();
    for planned in &mut planned {
        if let Planned::Training(plan, _) = planned {
            counts.push(plan.runs.len());
            runs.append(&mut plan.runs);
        }
    }
    let (mut counts, mut jobs) = (counts.into_iter(), Job::load(runs)?.into_iter());
    let prepare = |planned: Planned| -> Result<Prepared, Error> {
        match planned {
            Planned::Analysis(analysis) => Ok(Prepared::Analysis(analysis)),
            Planned::Training(plan, scale) => {
                let jobs: Vec<Job> = jobs.by_ref().take(counts.next().unwrap_or(0)).collect();
                let artifact = plan.artifact;
                if let (Figure::Plane, Some(first)) = (artifact.figure, jobs.first()) {
                    check_path(first)?;
                }
                Ok(Prepared::Training(Box::new(Training { artifact, jobs, scale })))
            }
        }
    };
    planned.into_iter().map(prepare).collect()
}

fn request(name: &str, arguments: &Arguments, workers: Option<&str>) -> Request {
    let scale = arguments.scale.scale();
    Request {
        scale,
        seeds: arguments.seeds.and_then(|seeds| NonZeroU32::try_from(seeds).ok()),
        overrides: workers.map(ToOwned::to_owned).into_iter().chain(arguments.set.clone()).collect(),
        data: arguments.data.clone(),
        device: Some(arguments.device).filter(|&device| device != DeviceConfig::CPU),
        command: command(name, scale, arguments),
    }
}

/// The command as a reader of the report would type it.
fn command(name: &str, scale: Scale, arguments: &Arguments) -> String {
    let mut words = vec!["lookahead run".to_owned(), shell_word(name)];
    if scale != Scale::Small {
        words.push(format!("--scale {}", scale.name()));
    }
    if arguments.device != DeviceConfig::CPU {
        words.push(format!("--device {}", arguments.device));
    }
    words.extend(arguments.data.is_some().then(|| "--data DIR".to_owned()));
    words.extend(arguments.distributed.words());
    words.extend(arguments.tune.then(|| "--tune".to_owned()));
    words.extend(arguments.seeds.map(|seeds| format!("--seeds {seeds}")));
    let out = &arguments.out;
    words.extend((out != Path::new(DEFAULT_OUT)).then(|| format!("--out {}", shell_word(&out.to_string_lossy()))));
    words.extend(arguments.set.iter().map(|text| format!("--set {}", shell_word(text))));
    words.join(" ")
}
