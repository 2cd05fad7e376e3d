//! Evaluated weights that are kept for the end of a run: those of the best epoch, or of the last ones, to be averaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::TensorData;

use crate::Error;
use crate::checkpoint::{Kept, safetensors, tensors};
use crate::config::KeepConfig;
use lookahead_models::TensorError;
use lookahead_runs::Stop;
use lookahead_runs::files::{FileSum, Manifest, create_folder, write_atomically};

type Weights = BTreeMap<String, TensorData>;

/// Of each tensor its shape, and sums of its elements.
type Sums = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// Writes the weights of an evaluation into `run_folder/kept` where they are to be kept, and enters them in the list.
///
/// Those that leave the list stay on disk until [`remove_others`], for a checkpoint may still name them.
pub(super) fn keep(
    config: KeepConfig,
    kept: &mut Vec<Kept>,
    (epoch, valid_loss): (u32, f64),
    run_folder: &Path,
    weights: impl FnOnce() -> Result<Weights, lookahead_burn::Error>,
) -> Result<(), Error> {
    let is_kept = match config {
        KeepConfig::Last => false,
        KeepConfig::Best => kept.first().is_none_or(|best| valid_loss < best.valid_loss),
        KeepConfig::Average(_) => true,
    };
    // Weights whose loss is not a number are no result.
    if !is_kept || !valid_loss.is_finite() {
        return Ok(());
    }
    let path = run_folder.join(file(epoch));
    create_folder(&run_folder.join(FOLDER))?;
    let bytes = safetensors(&path, &weights()?)?;
    write_atomically(&path, &bytes)?;
    kept.push(Kept { epoch, valid_loss, file: FileSum::of(&bytes) });
    let most = match config {
        KeepConfig::Average(epochs) => epochs.get() as usize,
        KeepConfig::Best | KeepConfig::Last => 1,
    };
    kept.drain(..kept.len().saturating_sub(most));
    Ok(())
}

/// The mean of the kept weights; `None` where none are.
///
/// # Errors
/// [`Error::File`] for a file that is missing, or not the one that was written; [`Error::Interrupted`].
pub(super) fn mean(kept: &[Kept], run_folder: &Path, stop: &Stop) -> Result<Option<Weights>, Error> {
    let mut sum: Option<Sums> = None;
    for entry in kept {
        stop.check()?;
        let path = run_folder.join(file(entry.epoch));
        let weights = tensors(&path, &entry.file.read(&path)?)?.into_iter().map(|(name, data)| {
            let values: Vec<f64> = data.iter::<f64>().collect();
            (name, (data.shape().to_vec(), values))
        });
        match &mut sum {
            None => sum = Some(weights.collect()),
            Some(sum) => {
                for (name, (_, values)) in weights {
                    let Some((_, total)) = sum.get_mut(&name) else { return Err(TensorError::Missing { name }.into()) };
                    total.iter_mut().zip(values).for_each(|(total, value)| *total += value);
                }
            }
        }
    }
    let count = kept.len() as f64;
    Ok(sum.map(|sum| {
        let mean = |(name, (shape, total)): (String, (Vec<usize>, Vec<f64>))| {
            (name, TensorData::new(total.into_iter().map(|value| (value / count) as f32).collect::<Vec<_>>(), shape))
        };
        sum.into_iter().map(mean).collect()
    }))
}

/// The kept files, as a checkpoint names them.
pub(super) fn files(kept: &[Kept]) -> Manifest {
    kept.iter().map(|kept| (file(kept.epoch), kept.file.clone())).collect()
}

/// Removes what the list does not name. What cannot be removed costs space, not truth.
pub(super) fn remove_others(kept: &[Kept], run_folder: &Path) {
    for entry in fs::read_dir(run_folder.join(FOLDER)).into_iter().flatten().flatten() {
        if kept.iter().all(|kept| run_folder.join(file(kept.epoch)) != entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

const FOLDER: &str = "kept";

/// Where the weights of an epoch lie in a run folder.
fn file(epoch: u32) -> String {
    format!("{FOLDER}/epoch-{epoch:04}.safetensors")
}
