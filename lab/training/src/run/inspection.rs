//! What a run folder holds, with every file that it names, and the workers' parts, checked.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::checkpoint::Checkpoint;
use crate::config::RunConfig;
use crate::workers::parts;
use lookahead_runs::files::FileError;
use lookahead_runs::printable::printable_path;
use lookahead_runs::{Current, run_folder_of};
use lookahead_runs::{Run, RunResult};

/// What a run folder holds, and what is wrong with it.
#[derive(Debug)]
pub struct Inspection {
    /// The run folder.
    pub folder: PathBuf,
    /// The result of a finished run.
    pub result: Option<RunResult>,
    /// The last checkpoint; `None` at the start of a run, or where it is damaged.
    pub checkpoint: Option<Checkpoint>,
    /// The files that are as they were written.
    pub checked: Vec<String>,
    /// What is wrong, each once.
    pub problems: Vec<Error>,
}

/// Looks at a run folder, or at the folder `checkpoint` in one, and checks every file that it names, and the workers' parts.
///
/// # Errors
/// [`Error::NoFolder`]; [`Error::NoCheckpoint`] for a folder of something else. What is wrong with a run folder is part of
/// the answer.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    if !path.is_dir() {
        return Err(Error::NoFolder { path: path.to_owned() });
    }
    let folder = run_folder_of(path);
    let mut found =
        Inspection { folder: folder.clone(), result: None, checkpoint: None, checked: vec![], problems: vec![] };
    let run = Run::read_to_continue(&folder).map_err(Error::from);
    let current = Current::read(&folder).map_err(Error::from);
    if matches!(current, Ok(None)) && run.as_ref().is_ok_and(|(run, _)| run.files.is_empty()) {
        return Err(Error::NoCheckpoint { path: path.to_owned() });
    }
    let checkpoint = Checkpoint::read(&folder);
    let before = current.as_ref().ok().cloned();
    let (run, current) = (found.sound(run), found.sound(current).flatten());
    found.checkpoint = found.sound(checkpoint).flatten();
    let mut files = current.map(|current| current.all_files()).unwrap_or_default();
    if let Some((run, is_lost)) = run {
        if is_lost {
            found.note(FileError::LostResult { folder: folder.clone() }.into());
        }
        let is_among_runs = folder.parent().and_then(Path::file_name).is_some_and(|parent| parent == "runs");
        if is_among_runs && folder.file_name().is_some_and(|name| *name != *run.id) {
            found.note(FileError::OtherRun { folder: folder.clone(), run: run.id.clone() }.into());
        }
        if let Some(config) = &run.config {
            found.check_config(&run.id, config);
        }
        files.extend(run.files);
        found.checked.extend(run.result.is_some().then(|| "result.json".to_owned()));
        found.result = run.result;
    }
    for name in files.names() {
        if found.sound(files.read(&folder, name).map_err(Error::from)).is_some() {
            found.checked.push(name.to_owned());
        }
    }
    for part in parts(&folder) {
        let whole = found.sound(part);
        found.checked.extend(whole);
    }
    // A run in progress may have gone on, and removed what counted no more, in between.
    let has_gone_on = !found.problems.is_empty() && Current::read(&folder).ok() != before;
    if has_gone_on { inspect(path) } else { Ok(found) }
}

impl Inspection {
    fn check_config(&mut self, run: &str, config: &str) {
        let path = self.folder.join("config.toml");
        match RunConfig::parse(config, &printable_path(&path)) {
            Ok(config) if config.id() == run => {}
            Ok(config) => self.note(Error::OtherConfig { path, expected: run.to_owned(), found: config.id() }),
            Err(error) => self.note(error.into()),
        }
    }

    /// Keeps what is sound, and notes what is not.
    fn sound<T>(&mut self, found: Result<T, Error>) -> Option<T> {
        found.map_err(|error| self.note(error)).ok()
    }

    fn note(&mut self, problem: Error) {
        if self.problems.iter().all(|other| other.to_string() != problem.to_string()) {
            self.problems.push(problem);
        }
    }
}
