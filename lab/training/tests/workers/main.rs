//! Several workers, as threads: they equal what they have to, go on to the same bits, and refuse what they cannot do.

mod inspected;
mod killed;
mod refusals;

use std::path::Path;

use lookahead_data::Data;
use lookahead_runs::{Measure, MetricsRow, RunResult, Stop};
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::run::run;
use lookahead_training::train::Observer;

/// 37 steps an epoch of one worker: no multiple of k.
const RUN: &str = "epochs = 3\nbatch_size = 8\ncheckpoint_every = 7\n\
                   data = { name = 'digits', train_limit = 290, valid_limit = 60 }\n\
                   model = { name = 'mlp', hidden = [12] }\nschedule = { name = 'cosine', learning_rate = 0.1 }\n";
const LOOKAHEAD: &str = "[optimizer]\nname = 'lookahead'\nsync_period = 5\ninner = { name = 'sgd', momentum = 0.9 }\n";
const SLOWMO: &str = "[optimizer]\nname = 'slowmo'\nk = 4\ninner = { name = 'adamw' }\n";

/// Asks to stop at a step.
struct StopsAt(u64, Stop);

impl Observer for StopsAt {
    fn stepped(&mut self, step: u64) {
        if step == self.0 {
            self.1.ask();
        }
    }
    fn evaluated(&mut self, _row: &MetricsRow) {}
}

fn config(text: &str) -> RunConfig {
    RunConfig::parse(text, "run.toml").unwrap()
}

fn with_workers(text: &str, workers: &str) -> RunConfig {
    config(&format!("{text}\n[workers]\n{workers}\n"))
}

fn done(config: &RunConfig, folder: &Path, stops_at: u64) -> Result<RunResult, Error> {
    let (data, stop) = (Data::load(&config.data).unwrap(), Stop::new());
    run(config, &data, folder, &mut StopsAt(stops_at, stop.clone()), &stop)
}

/// The scores of a whole run, and the weights at its end.
fn outcome(config: &RunConfig) -> (RunResult, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let result = done(config, folder.path(), u64::MAX).unwrap();
    (result, Checkpoint::read(folder.path()).unwrap().unwrap())
}

fn loss(config: &RunConfig) -> f64 {
    outcome(config).0.scores.get(Measure::ValidLoss).unwrap()
}

#[test]
fn one_worker_has_the_bits_of_the_local_run() {
    for optimizer in [LOOKAHEAD, SLOWMO] {
        let text = format!("{RUN}{optimizer}");
        let (alone, weights) = outcome(&config(&text));
        for mode in ["slow-step", "gradients"] {
            let (one, of_one) = outcome(&with_workers(&text, &format!("mode = '{mode}'\ncount = 1")));
            assert_eq!((one.scores, one.steps), (alone.scores.clone(), alone.steps), "{optimizer} {mode}");
            assert_eq!(
                (of_one.model, of_one.slow),
                (weights.model.clone(), weights.slow.clone()),
                "{optimizer} {mode}"
            );
        }
    }
}

#[test]
fn a_step_of_one_along_the_mean_averages_gradients() {
    let local =
        "[optimizer]\nname = 'lookahead'\nsync_period = 1\nalpha = 1.0\ninner = { name = 'sgd', momentum = 0.0 }\n";
    let sgd = "[optimizer]\nname = 'sgd'\nmomentum = 0.0\n";
    for count in [2, 3] {
        let [slow, mean] = [("slow-step", local), ("gradients", sgd)].map(|(mode, optimizer)| {
            loss(&with_workers(&format!("{RUN}{optimizer}"), &format!("mode = '{mode}'\ncount = {count}")))
        });
        assert!((slow - mean).abs() < 1e-5 * mean, "{slow} {mean}");
        assert!((slow - loss(&config(&format!("{RUN}{sgd}")))).abs() > 1e-3 * mean, "as many steps as one worker");
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let int8 = "mode = 'slow-step'\ncount = 2\nwire = 'int8'\ndelay = 2";
    for (optimizer, workers) in
        [(LOOKAHEAD, "mode = 'slow-step'\ncount = 3"), (LOOKAHEAD, int8), (SLOWMO, "mode = 'gradients'\ncount = 2")]
    {
        let config = with_workers(&format!("{RUN}{optimizer}"), workers);
        let (whole, weights) = outcome(&config);
        let folder = tempfile::tempdir().unwrap();
        for stops_at in [3, 8, 20, 31] {
            let stopped = done(&config, folder.path(), stops_at);
            assert!(matches!(stopped, Err(Error::Interrupted)), "{workers}: {stopped:?}");
        }
        let resumed = done(&config, folder.path(), u64::MAX).unwrap();
        let end = Checkpoint::read(folder.path()).unwrap().unwrap();
        assert_eq!((resumed.scores, resumed.steps), (whole.scores, whole.steps), "{workers}");
        assert_eq!((end.model, end.slow), (weights.model, weights.slow), "{workers}");
    }
}

#[test]
fn a_checkpoint_with_a_weight_that_is_not_finite_is_not_written() {
    // The first loss is finite; the first step is so long that no weight is.
    let text = RUN.replace("0.1", "1e38").replace("_every = 7", "_every = 1");
    let sgd = "name = 'sgd', weight_decay = 1e4";
    let lookahead = format!("optimizer = {{ name = 'lookahead', sync_period = 5, inner = {{ {sgd} }} }}\n");
    for (mode, optimizer) in [("slow-step", lookahead), ("gradients", format!("optimizer = {{ {sgd} }}\n"))] {
        let config = with_workers(&format!("{text}{optimizer}"), &format!("mode = '{mode}'\ncount = 2"));
        let folder = tempfile::tempdir().unwrap();
        let error = done(&config, folder.path(), u64::MAX).unwrap_err();
        let Error::NonFinite { step: 1, what, .. } = &error else { panic!("{mode}: {error}") };
        assert!(what.starts_with("parameter \"Mlp.") && what.ends_with("of worker 0"), "{mode}: {what}");
        assert!(Checkpoint::read(folder.path()).unwrap().is_none(), "{mode}");
        assert!(!folder.path().join("workers").exists(), "{mode}");
    }
}

#[test]
fn a_checkpoint_that_one_worker_lacks_is_an_error() {
    let config = with_workers(&format!("{RUN}{LOOKAHEAD}"), "mode = 'slow-step'\ncount = 2");
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(done(&config, folder.path(), 8), Err(Error::Interrupted)));
    let parts = folder.path().join("workers");
    for entry in std::fs::read_dir(&parts).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("rank-1-") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let error = done(&config, folder.path(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains("rank 1 has no whole checkpoint of an outer step that the others have"), "{error}");
    assert!(error.contains(parts.to_str().unwrap()), "{error}");
    std::fs::remove_dir_all(parts).unwrap();
    let error = done(&config, folder.path(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains("the workers' own checkpoints are missing"), "{error}");
}

#[test]
fn every_task_is_shared() {
    let text = "data = { name = 'made_text', tokens = 2000 }\nbatch_size = 4\nmodel = { name = 'awd_lstm', embedding = 8, hidden = 8 }\n";
    let pairs = "data = { name = 'made_pairs', train = 60, valid = 10 }\nbatch_size = 60\n\
                 model = { name = 'transformer', layers = 1, width = 8, heads = 2, feed_forward = 8 }\n";
    let batch_norm = "data = { name = 'made', train = 60 }\nbatch_size = 6\nmodel = { name = 'cnn', channels = [4] }\n";
    for task in [text, pairs, batch_norm] {
        for mode in ["slow-step", "gradients"] {
            let text = format!("epochs = 1\n{task}schedule.learning_rate = 0.05\n{LOOKAHEAD}");
            let config = with_workers(&text, &format!("mode = '{mode}'\ncount = 2"));
            let [one, again] = [(); 2].map(|()| outcome(&config).0);
            assert_eq!(one.scores, again.scores, "{task}");
            let alone = RunConfig { workers: None, ..config };
            assert!(one.steps < outcome(&alone).0.steps, "{task}");
        }
    }
}
