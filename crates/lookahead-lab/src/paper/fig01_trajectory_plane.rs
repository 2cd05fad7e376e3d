//! Fig. 1: Lookahead through a test accuracy surface, in the plane of its fast weights (Sec. 2).

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::module::Module;

use super::{Entry, Kind};
use crate::Error;
use crate::config::ModelConfig;
use crate::data::Data;
use crate::device;
use crate::model::{Network, load_weights};
use crate::plane::{Grid, Plane, Survey, WeightPath};
use crate::run::folder;
use crate::sweep::Job;
use crate::task::{Classification, Part, Task};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig01_trajectory_plane",
    shows: "Fig. 1: fast and slow weights in a plane, over the test accuracy",
    needs: "small: CIFAR-10; paper: CIFAR-100, a GPU",
    recorded: "records/fig01_trajectory_plane",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig01_trajectory_plane/config.toml"),
        paper: include_str!("../../experiments/fig01_trajectory_plane/paper.toml"),
    },
};

/// The training images that batch-norm statistics are estimated on at each point: interpolated weights have none.
const BATCH_NORM_IMAGES: usize = 1000;

/// How far the surface reaches beyond the path, as a share of the path's extent.
const MARGIN: f64 = 0.25;

/// Measures the test accuracy over the plane of the first run's path and writes `plane.json` into `artifact_folder`.
///
/// # Errors
/// [`Error::Plane`] for a path without a plane; [`Error::Interrupted`] after `stop`, what is measured kept; [`Error::Io`].
pub fn surface(
    job: &Job,
    points: u32,
    out: &Path,
    artifact_folder: &Path,
    progress: &mut dyn FnMut(usize, usize),
    stop: &AtomicBool,
) -> Result<(), Error> {
    let path = WeightPath::read(&folder(out, &job.config).join("path.safetensors"))?;
    let (ModelConfig::Network(network), Data::Images(images)) = (&job.config.model, &*job.data) else {
        return Err(Error::OtherKindOfData);
    };
    let task = Classification::new(&job.config, network, images);
    let device = device::open(job.config.device)?;
    let count = BATCH_NORM_IMAGES.min(images.train.len());
    let survey = Survey {
        grid: Grid::new(points, points, MARGIN)?,
        examples: images.valid.len() as u32,
        batch_norm: format!("re-estimated on {count} training images"),
        of: format!("run {} on {}", job.config.id(), task.data_sha256()),
        file: artifact_folder.join("plane.json"),
    };
    let with_autodiff = device.clone().autodiff();
    let fresh: Network = task.initial_model(&with_autodiff);
    let accuracy = |weights| {
        let model = load_weights(fresh.clone(), weights)?;
        let model = task.re_estimate_on(count, &model, &with_autodiff)?;
        // A classification has an accuracy.
        Ok(task.evaluate(&model.valid(), Part::Valid, &device)?.accuracy.unwrap_or(f64::NAN))
    };
    Plane::through(&path)?.surface(&survey, accuracy, progress, stop)?;
    Ok(())
}
