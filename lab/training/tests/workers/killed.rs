//! Several workers that were killed in the midst of a save: the run goes on, or begins again, to the same bits.

use std::fs;
use std::path::{Path, PathBuf};

use lookahead_runs::{Current, MetricsRow, Run, Stop};
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::run;
use lookahead_training::train::Observer;

use super::{LOOKAHEAD, RUN, done, outcome, with_workers};

/// The modes, each with another number of workers.
const WORKERS: [&str; 2] = ["mode = 'slow-step'\ncount = 3", "mode = 'gradients'\ncount = 2"];

/// The step at which a run begins.
struct Begins(Option<u64>);

impl Observer for Begins {
    fn stepped(&mut self, step: u64) {
        self.0.get_or_insert(step);
    }
    fn evaluated(&mut self, _row: &MetricsRow) {}
}

/// Does a run to its end, and gives the step at which it began; the end is that of the undisturbed run.
fn begins_at(config: &RunConfig, folder: &Path) -> u64 {
    let (data, stop) = (lookahead_data::Data::load(&config.data).unwrap(), Stop::new());
    let mut begins = Begins(None);
    let result = run::run(config, &data, folder, &mut begins, &stop).unwrap();
    let (whole, weights) = outcome(config);
    let end = Checkpoint::read(folder).unwrap().unwrap();
    assert_eq!((result.scores, result.steps), (whole.scores, whole.steps));
    assert_eq!((end.model, end.slow), (weights.model, weights.slow));
    begins.0.unwrap()
}

/// A run folder in which the first save has come as far as the workers' parts.
fn saved_parts(config: &RunConfig) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(done(config, folder.path(), 3), Err(Error::Interrupted)));
    let current = Current::read(folder.path()).unwrap().unwrap();
    fs::remove_dir_all(folder.path().join("checkpoint")).unwrap();
    Current::start(current.run, current.files).write(folder.path()).unwrap();
    folder
}

/// The one part of a worker.
fn part(folder: &Path, rank: usize) -> PathBuf {
    let mut parts = fs::read_dir(folder.join("workers")).unwrap().map(|entry| entry.unwrap().path());
    let own = format!("rank-{rank}-of-");
    parts.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&own)).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn in_the_first_save_before_all_have_their_part() {
    for workers in WORKERS {
        let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), workers);
        for without in [0, 1] {
            let folder = saved_parts(&config);
            fs::remove_file(part(folder.path(), without)).unwrap();
            assert_eq!(begins_at(&config, folder.path()), 0, "{workers}, without that of {without}");
        }
    }
}

#[test]
fn in_the_first_save_behind_the_last_part() {
    for workers in WORKERS {
        let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), workers);
        let folder = saved_parts(&config);
        assert!(begins_at(&config, folder.path()) > 0, "{workers}");
    }
}

#[test]
fn a_damaged_part_is_no_missing_one() {
    let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), WORKERS[0]);
    let folder = saved_parts(&config);
    fs::write(part(folder.path(), 1), "").unwrap();
    let error = done(&config, folder.path(), u64::MAX).unwrap_err().to_string();
    let parts = folder.path().join("workers");
    assert!(error.contains(parts.to_str().unwrap()) && error.contains("rank 1 has no whole checkpoint"), "{error}");
}

#[test]
fn in_the_last_save_behind_the_last_part() {
    for workers in WORKERS {
        let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), workers);
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(done(&config, folder.path(), 20), Err(Error::Interrupted)));
        let (checkpoint, before) = (folder.path().join("checkpoint"), folder.path().join("before"));
        fs::create_dir(&before).unwrap();
        copy(&checkpoint, &before);
        done(&config, folder.path(), u64::MAX).unwrap();
        fs::remove_file(folder.path().join("result.json")).unwrap();
        fs::remove_dir_all(&checkpoint).unwrap();
        fs::rename(&before, &checkpoint).unwrap();

        begins_at(&config, folder.path());
        let whole = Run::read(folder.path()).unwrap();
        assert_eq!(whole.rows.last().map(|row| row.epoch), Some(3), "{workers}: evaluations are lost");
        let end = Checkpoint::read(folder.path()).unwrap().unwrap();
        assert_eq!(end.position.epoch, 3, "{workers}");
        assert!(run::inspect(folder.path()).unwrap().problems.is_empty(), "{workers}");
    }
}
