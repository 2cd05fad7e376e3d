//! A fault in one of several runs: it is told, and the others stop with what they have.

use std::num::NonZeroUsize;

use lookahead_runs::Stop;
use lookahead_runs::{MetricsRow, RunResult};
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::run::folder;
use lookahead_training::sweep::{Follow, Job, PlannedRun, do_runs};
use lookahead_training::train::Observer;

/// Panics at the third step of the run of this label.
struct Faulty(&'static str);

struct One {
    is_faulty: bool,
}

impl Follow for Faulty {
    fn begin(&self, job: &Job) -> Box<dyn Observer + '_> {
        Box::new(One { is_faulty: job.label == self.0 })
    }

    fn waits(&self, _job: &Job) -> bool {
        true
    }

    fn skip(&self, _job: &Job) {}

    fn end(&self, _job: &Job, _result: &RunResult) {}
}

impl Observer for One {
    fn stepped(&mut self, step: u64) {
        assert!(!self.is_faulty || step < 3, "a fault that was made");
    }

    fn evaluated(&mut self, _row: &MetricsRow) {}
}

#[test]
fn a_panic_in_a_run_is_told_and_the_others_stop_with_a_checkpoint() {
    let config = |seed: u64| {
        let text = format!(
            "seed = {seed}\nepochs = 100000\noptimizer.name = 'sgd'\nschedule.learning_rate = 0.01\n\
             data = {{ name = 'digits', train_limit = 128, valid_limit = 50 }}"
        );
        RunConfig::parse(&text, "run.toml").unwrap()
    };
    let planned = |label: &str, seed| PlannedRun { label: label.to_owned(), config: config(seed) };
    let jobs = Job::load(vec![planned("sound", 0), planned("faulty", 1)]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let (at_once, stop) = (NonZeroUsize::new(2).unwrap(), Stop::new());
    let error = do_runs(&jobs, out.path(), at_once, &Faulty("faulty"), &stop).unwrap_err();
    let Error::Panic { run, message } = &error else { panic!("{error}") };
    assert_eq!((run.as_str(), message.as_str()), ("faulty", "a fault that was made"));
    assert!(!stop.is_asked(), "the whole may go on");
    let checkpoint = Checkpoint::read(&folder(out.path(), &jobs[0].config)).unwrap();
    assert!(checkpoint.expect("a checkpoint of the sound run").position.step > 0);
}
