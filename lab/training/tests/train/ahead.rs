//! Batches are copied one step ahead of need, and what a run waits for them is measured.

use lookahead_runs::Stop;
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::run::folder;

use crate::altered::{Faults, with_task};
use crate::run::{StopBehind, config, train};

/// Four steps an epoch.
fn small() -> RunConfig {
    config(
        "epochs = 2\nbatch_size = 8\n\
         data = { name = 'made', channels = 1, height = 4, width = 4, classes = 3, train = 32, valid = 8 }\n\
         model = { name = 'mlp', hidden = [4] }\nschedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n",
    )
}

#[test]
fn the_next_batch_is_on_its_way_before_a_step_begins() {
    let (out, stop) = (tempfile::tempdir().unwrap(), Stop::new());
    let (outcome, asked) = with_task(&small(), out.path(), &stop, Faults::default(), &mut StopBehind(u64::MAX, &stop));
    outcome.unwrap();
    let epoch =
        [("copy", 0), ("copy", 1), ("loss", 0), ("copy", 2), ("loss", 1), ("copy", 3), ("loss", 2), ("loss", 3)];
    assert_eq!(asked, [epoch, epoch].concat());
}

#[test]
fn a_batch_that_cannot_be_read_stops_the_run_when_it_is_its_turn() {
    let (out, stop) = (tempfile::tempdir().unwrap(), Stop::new());
    let faults = Faults { broken_at: Some(2), ..Faults::default() };
    let (outcome, asked) = with_task(&small(), out.path(), &stop, faults, &mut StopBehind(u64::MAX, &stop));
    assert!(matches!(outcome, Err(Error::OtherKindOfData)), "{outcome:?}");
    assert_eq!(asked, [("copy", 0), ("copy", 1), ("loss", 0), ("loss", 1)], "both steps before it are taken");
}

#[test]
fn a_run_says_for_which_share_of_its_steps_it_waited() {
    let (out, config) = (tempfile::tempdir().unwrap(), small());
    train(&config, out.path(), Some(3)).unwrap_err();
    let waited = Checkpoint::read(&folder(out.path(), &config)).unwrap().expect("a checkpoint").position.data_wait;
    assert!(waited.waiting > 0.0 && waited.stepping > 0.0, "{waited:?}");
    let share = train(&config, out.path(), None).unwrap().data_wait.expect("it was measured");
    assert!(share > 0.0 && share < 1.0, "{share}");
}
