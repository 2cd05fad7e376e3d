//! A step may leave a weight that is not finite, before any loss shows it: no checkpoint holds it.

use std::path::Path;

use lookahead_runs::Stop;
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;

use crate::altered::{Faults, with_task};
use crate::run::{StopBehind, config};

/// A run whose step number `at`, counted from 0, is far too long.
fn leaping(config: &RunConfig, at: u32, until: u64, folder: &Path) -> Error {
    let stop = Stop::new();
    let faults = Faults { leap_at: Some(at), ..Faults::default() };
    with_task(config, folder, &stop, faults, &mut StopBehind(until, &stop)).0.unwrap_err()
}

fn with(stop_on_non_finite: bool) -> RunConfig {
    config(&format!(
        "epochs = 1\nbatch_size = 8\ncheckpoint_every = 2\nstop_on_non_finite = {stop_on_non_finite}\n\
         data = {{ name = 'made', channels = 1, height = 4, width = 4, classes = 3, train = 96, valid = 32 }}\n\
         model = {{ name = 'mlp', hidden = [4] }}\nschedule.learning_rate = 0.1\n\
         optimizer = {{ name = 'lookahead', sync_period = 5, inner = {{ name = 'sgd' }} }}\n"
    ))
}

#[test]
fn a_checkpoint_with_a_weight_that_is_not_finite_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    // Step 4, where the next checkpoint is due, in the middle of a cycle.
    let error = leaping(&with(true), 3, u64::MAX, folder.path());
    let Error::NonFinite { step, what, .. } = &error else { panic!("{error}") };
    assert_eq!((*step, what.starts_with("parameter \"Mlp.layers.")), (4, true), "{error}");
    let kept = Checkpoint::read(folder.path()).unwrap().expect("the checkpoint before it");
    assert_eq!(kept.position.step, 2);
    assert_eq!(kept.first_not_finite(), None);
}

#[test]
fn a_run_that_is_stopped_there_keeps_the_checkpoint_before_too() {
    let folder = tempfile::tempdir().unwrap();
    let error = leaping(&with(true), 0, 1, folder.path());
    assert!(matches!(&error, Error::NonFinite { step: 1, .. }), "{error}");
    assert!(Checkpoint::read(folder.path()).unwrap().is_none(), "the run is at its start");
}

#[test]
fn a_run_that_is_to_go_on_is_saved_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let error = leaping(&with(false), 0, 1, folder.path());
    assert!(matches!(error, Error::Interrupted), "{error}");
    let kept = Checkpoint::read(folder.path()).unwrap().expect("a checkpoint");
    assert!(kept.first_not_finite().is_some());
}
