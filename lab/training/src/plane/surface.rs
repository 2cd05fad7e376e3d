//! The accuracy over a plane, point by point; what is measured is kept, so that a stopped survey continues.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde::{Deserialize, Serialize};
use sha2::Digest;

use super::{Grid, Plane, PlaneError};
use crate::Error;
use lookahead_runs::files::{read_sealed, write_sealed};
use lookahead_runs::{PathBeside, Stop, Surface};

/// What is to be measured over a plane, and where it is written.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Where the plane is looked at.
    pub grid: Grid,
    /// How many test examples an accuracy is of.
    pub examples: u32,
    /// Where the batch-norm statistics come from: `re-estimated on 1000 training images`. Empty without batch norm.
    pub batch_norm: String,
    /// Another optimizer's way over the plane: the grid covers it too.
    pub beside: Option<PathBeside>,
    /// What else decides the accuracies, such as the run and the SHA-256 of the data: kept ones are used again only
    /// where it is the same.
    pub of: String,
    /// The result, usually `plane.json`. Until it is complete, what is measured lies beside it, in `plane.json.part`.
    pub file: PathBuf,
}

/// The content of `plane.json.part`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    question: String,
    /// The accuracies so far, row by row.
    accuracy: Vec<f64>,
}

impl Plane<'_> {
    /// Measures the accuracy at every point of the grid and writes the result. `accuracy` gets the weights at a point by
    /// module path; `progress` the number of points done, and of all. `stop` is looked at after every point; `accuracy` may look at it too.
    ///
    /// What an earlier survey with the same question left, complete or in part, is not measured again.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after `stop`, with what is measured kept; what `accuracy` returns;
    /// [`PlaneError::OutOfRange`] for an accuracy that is not finite; [`Error::Io`].
    pub fn surface(
        &self,
        survey: &Survey,
        mut accuracy: impl FnMut(BTreeMap<String, TensorData>) -> Result<f64, Error>,
        progress: &mut dyn FnMut(usize, usize),
        stop: &Stop,
    ) -> Result<Surface, Error> {
        let (fast, slow) = (self.fast(), self.slow());
        let beside = survey.beside.iter().flat_map(|beside| &beside.points);
        let points: Vec<[f64; 3]> = fast.iter().chain(&slow).chain(beside).copied().collect();
        let [x, y] = survey.grid.around(&points);
        let question = self.question(survey, &x, &y);
        // What cannot be read is measured again.
        if let Some(done) = read_sealed::<Surface>(&survey.file).ok().filter(|surface| surface.question == question) {
            return Ok(done);
        }

        let part_file = part_file(&survey.file);
        let kept = read_sealed::<Part>(&part_file).ok().filter(|part| part.question == question);
        let mut part = kept.unwrap_or(Part { question, accuracy: Vec::new() });
        let total = x.len() * y.len();
        progress(part.accuracy.len(), total);
        let mut unsaved = None;
        while part.accuracy.len() < total {
            let (row, column) = (part.accuracy.len() / x.len(), part.accuracy.len() % x.len());
            let measured = accuracy(self.weights(x[column], y[row]));
            if let Err(Error::Interrupted) = measured {
                write_sealed(&part_file, &part)?;
            }
            let value = measured?;
            if !value.is_finite() {
                return Err(
                    PlaneError::OutOfRange { name: "the accuracy on the plane", value, accepted: "finite" }.into()
                );
            }
            part.accuracy.push(value);
            unsaved.get_or_insert_with(|| stop.unsaved());
            progress(part.accuracy.len(), total);
            if stop.is_asked() || column + 1 == x.len() {
                write_sealed(&part_file, &part)?;
                unsaved = None;
            }
            stop.check()?;
        }

        let surface = Surface {
            accuracy: part.accuracy.chunks(x.len()).map(<[f64]>::to_vec).collect(),
            x,
            y,
            fast,
            fast_updates: self.path().fast_updates().collect(),
            slow,
            slow_updates: self.path().slow_updates().collect(),
            anchors: self.anchors(),
            beside: survey.beside.clone(),
            examples: survey.examples,
            batch_norm: survey.batch_norm.clone(),
            question: part.question,
        };
        write_sealed(&survey.file, &surface)?;
        fs::remove_file(&part_file).map_err(Error::io(&part_file))?;
        Ok(surface)
    }

    fn question(&self, survey: &Survey, x: &[f64], y: &[f64]) -> String {
        let mut digest = self.digest();
        for side in [x, y] {
            digest.update((side.len() as u64).to_le_bytes());
            side.iter().for_each(|value| digest.update(value.to_le_bytes()));
        }
        if let Some(PathBeside { label, points, .. }) = &survey.beside {
            digest.update(label);
            points.iter().flatten().for_each(|value| digest.update(value.to_le_bytes()));
        }
        digest.update(format!("{}\n{}\n{}", survey.examples, survey.batch_norm, survey.of));
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn part_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
