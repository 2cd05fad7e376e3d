//! The workers' parts in a run folder, each whole or damaged.

use std::path::Path;

use lookahead_mpi::Checkpoints;

use super::checkpoint::FOLDER;
use crate::Error;

/// Of every part, in the order of their names, its name in the run folder, or what is wrong with it.
pub(crate) fn parts(run_folder: &Path) -> Vec<Result<String, Error>> {
    let folder = run_folder.join(FOLDER);
    let files = match Checkpoints::new(&folder).files() {
        Ok(files) => files,
        Err(error) => return vec![Err(Error::io(&folder)(error))],
    };
    let told = files.into_iter().map(|(path, is_whole)| {
        if !is_whole {
            let reason = "it is not what was written".to_owned();
            return Err(Error::DamagedCheckpoint { path, reason });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("{FOLDER}/{name}"))
    });
    told.collect()
}
