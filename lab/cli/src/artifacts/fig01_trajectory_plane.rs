//! Fig. 1: Lookahead through a test accuracy surface, in the plane of its fast weights (Sec. 2), and its inner optimizer alone
//! from the same weights.

use std::io::ErrorKind;
use std::path::Path;

use burn::module::Module;

use lookahead_data::Data;
use lookahead_data::config::{DataSource, OnCorrupt};
use lookahead_models::config::ModelConfig;
use lookahead_models::{Network, load_weights};
use lookahead_runs::files::FileError;
use lookahead_runs::{Measure, Run, Stop};
use lookahead_training::Error;
use lookahead_training::device;
use lookahead_training::plane::{Grid, Plane, Survey, WeightPath};
use lookahead_training::run::folder;
use lookahead_training::sweep::Job;
use lookahead_training::task::{Classification, Part, Score, Task};

/// The training images that batch-norm statistics are estimated on at each point: interpolated weights have none.
const BATCH_NORM_IMAGES: usize = 1000;

/// How far the surface reaches beyond the path, as a share of the path's extent.
const MARGIN: f64 = 0.25;

/// Measures the test accuracy over the plane of a run's path and writes `plane.json` into `artifact_folder`; `beside` is another
/// run through the same weights, with its label.
///
/// # Errors
/// [`Error::Plane`] for a path without a plane, or one beside it from elsewhere; [`Error::Interrupted`] after
/// `stop`, what is measured kept; [`Error::Io`].
pub fn surface(
    job: &Job,
    beside: Option<(&str, &Job)>,
    points: u32,
    out: &Path,
    artifact_folder: &Path,
    progress: &mut dyn FnMut(usize, usize),
    stop: &Stop,
) -> Result<(), Error> {
    let path = path_of(job, out)?;
    let plane = Plane::through(&path)?;
    let beside =
        beside.map(|(label, other)| Ok::<_, Error>(plane.beside(label, &path_of(other, out)?)?)).transpose()?;
    let (ModelConfig::Network(network), Data::Images(images)) = (&job.config.model, &*job.data) else {
        return Err(Error::OtherKindOfData);
    };
    let task = Classification::new(&job.config, network, images);
    let device = device::open(job.config.device)?;
    let count = BATCH_NORM_IMAGES.min(images.train.len());
    let with_autodiff = device.clone().autodiff();
    let fresh: Network = task.initial_model(&with_autodiff);
    let score = |model: &Network| -> Result<(Score, u64), Error> {
        let (model, left_out) = task.re_estimate_on(count, model, &with_autodiff, stop)?;
        Ok((task.evaluate(&model.valid(), Part::Valid, &device, stop)?, left_out))
    };
    // Damaged images are the same ones at every point.
    let (damaged, damaged_training) = match job.config.data.source {
        DataSource::ImageFolders { on_corrupt: OnCorrupt::Skip, .. } => {
            score(&fresh).map(|(score, left_out)| (score.skipped, left_out))?
        }
        _ => (0, 0),
    };
    let survey = Survey {
        grid: Grid::new(points, points, MARGIN)?,
        examples: (images.valid.len() as u64 - damaged) as u32,
        batch_norm: format!("re-estimated on {} training images", count as u64 - damaged_training),
        beside,
        of: format!("run {} on {}", job.config.id(), task.data_sha256()),
        file: artifact_folder.join("plane.json"),
    };
    let accuracy = |weights| {
        let (score, _) = score(&load_weights(fresh.clone(), weights)?)?;
        // A classification has an accuracy.
        Ok(score.scores.get(Measure::ValidAccuracy).unwrap_or(f64::NAN))
    };
    plane.surface(&survey, accuracy, progress, stop)?;
    Ok(())
}

/// The weights that a finished run kept.
fn path_of(job: &Job, out: &Path) -> Result<WeightPath, Error> {
    let run_folder = folder(out, &job.config);
    let file = run_folder.join("path.safetensors");
    let missing = || FileError::Read { path: file.clone(), source: ErrorKind::NotFound.into() };
    let bytes = Run::read(&run_folder)?.files.read(&run_folder, "path.safetensors")?.ok_or_else(missing)?;
    Ok(WeightPath::parse(&file, &bytes)?)
}
