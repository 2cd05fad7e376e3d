//! What a run folder says of itself: `result.json` of a finished run, else `checkpoint/current.json`. Either names the
//! other files with their checksums.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::files::{FileError, Manifest, read_sealed_if_there, write_sealed};
use crate::{Current, RunResult};

const RESULT: &str = "result.json";

/// A run that was begun.
pub(crate) struct RunRecord {
    /// The run's id.
    pub(crate) run: String,
    /// Its result, where it is finished.
    pub(crate) result: Option<RunResult>,
    /// Whether it was finished, but the result is gone.
    pub(crate) is_lost: bool,
    /// The files that count.
    pub(crate) files: Manifest,
}

impl RunRecord {
    /// Reads it; `None` before the run has begun.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, FileError> {
        // First: a run that ends meanwhile has a result before this says so.
        let current = Current::read(folder);
        let path = folder.join(RESULT);
        if let Some(object) = read_sealed_if_there::<Map<String, Value>>(&path)? {
            let (run, result, files) = parts(object).map_err(|error| {
                let reason = error.to_string();
                FileError::Malformed { path: path.clone(), line: 1, column: 1, reason }
            })?;
            result.check(&path)?;
            return Ok(Some(Self { run, result: Some(result), is_lost: false, files }));
        }
        let begun = |current: Current| {
            let Current { run, finished, files, .. } = current;
            Self { run, result: None, is_lost: finished, files }
        };
        Ok(current?.map(begun))
    }
}

/// The result beside what only its file holds.
fn parts(mut object: Map<String, Value>) -> Result<(String, RunResult, Manifest), serde_json::Error> {
    let [run, files] = ["run", "files"].map(|key| object.remove(key).unwrap_or_default());
    Ok((String::deserialize(run)?, RunResult::deserialize(Value::Object(object))?, Manifest::deserialize(files)?))
}

/// Writes `result.json` of a run, which says that it is finished and names its other files.
///
/// # Errors
/// [`FileError::OutOfRange`] for a number that no result has; [`FileError::Write`].
pub fn write_result(folder: &Path, run: &str, result: &RunResult, files: &Manifest) -> Result<(), FileError> {
    #[derive(Serialize)]
    struct File<'a> {
        run: &'a str,
        #[serde(flatten)]
        result: &'a RunResult,
        files: &'a Manifest,
    }
    let path = folder.join(RESULT);
    result.check(&path)?;
    write_sealed(&path, &File { run, result, files })
}
