//! Ctrl-C and the request to terminate, whatever the program is doing: it ends soon with 130, and nothing is lost.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lookahead_training::checkpoint::Checkpoint;

use super::support::{Bench, stderr};

/// What a busy machine may take for what takes two seconds at most on an idle one.
const SOON: Duration = Duration::from_secs(8);

fn start(bench: &Bench, arguments: &[&str]) -> Child {
    bench.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Waits until something is so.
fn wait_for(child: &mut Child, what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !what() {
        assert!(Instant::now() < deadline, "it takes too long");
        assert!(child.try_wait().unwrap().is_none(), "the program ended by itself");
        sleep(Duration::from_millis(5));
    }
}

/// Expects that the program, asked to stop just now, does, and says how to go on.
fn ends_soon(mut child: Child) {
    let asked = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if asked.elapsed() > SOON {
            child.kill().unwrap();
            panic!("it goes on");
        }
        sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let said = stderr(&output);
    assert_eq!(said.matches("the same command continues: lookahead ").count(), 1, "{said}");
}

/// So many sentences that cutting them into subwords takes minutes.
const MANY: &str = "
epochs = 1
data = { name = 'made_pairs', train = 1048576 }
model = { name = 'transformer', layers = 1, width = 16, heads = 2 }
optimizer.name = 'adam'
schedule.learning_rate = 0.001
";

#[test]
fn reading_data_ends_at_once() {
    for name in ["INT", "TERM"] {
        let bench = Bench::new(MANY);
        let child = start(&bench, &["train", "run.toml"]);
        sleep(Duration::from_millis(1500));
        signal(&child, name);
        ends_soon(child);
    }
}

#[test]
fn a_sweep_that_reads_data_ends_at_once() {
    let sweep = "
        title = 'Many sentences'
        [run]
        data = { name = 'made_pairs', train = 1048576 }
        model = { name = 'transformer', layers = 1, width = 16, heads = 2 }
        optimizer.name = 'adam'
        schedule.learning_rate = 0.001
        [[group]]
        label = 'Adam'
        set = [\"optimizer={name='adam'}\"]
        [scale.small]
        seeds = 1
    ";
    let bench = Bench::new("");
    fs::write(bench.path().join("sweep.toml"), sweep).unwrap();
    let child = start(&bench, &["run", "sweep.toml", "--jobs", "2"]);
    sleep(Duration::from_millis(1500));
    signal(&child, "INT");
    ends_soon(child);
}

/// A short epoch and a long evaluation.
const EVALUATION: &str = "
epochs = 2
batch_size = 16
evaluate_fast = true
re_estimate_batch_norm = true
data = { name = 'made', channels = 3, height = 16, width = 16, classes = 4, train = 64, valid = 24000 }
model = { name = 'resnet', depth = 8, width = 8 }
optimizer = { name = 'lookahead', sync_period = 3, inner = { name = 'sgd', momentum = 0.9 } }
schedule.learning_rate = 0.05
";

#[test]
fn an_evaluation_ends_at_once_and_the_steps_before_it_are_kept() {
    let undisturbed = Bench::new(EVALUATION);
    assert!(undisturbed.train().status.success());

    let bench = Bench::new(EVALUATION);
    // In the evaluation after the first epoch, then in the one at the end, in mid-cycle.
    for epoch in [0, 1] {
        let mut child = start(&bench, &["train", "run.toml"]);
        let rows = || {
            let runs = fs::read_dir(bench.path().join("results/runs")).ok()?;
            let folder = runs.into_iter().next()?.ok()?.path();
            Some(fs::read_to_string(folder.join("metrics.jsonl")).ok()?.lines().count())
        };
        wait_for(&mut child, || rows() == Some(epoch));
        // The four steps take a moment, the evaluation seconds.
        sleep(Duration::from_millis(1500));
        signal(&child, "INT");
        ends_soon(child);
        let position = Checkpoint::read(&bench.run_folder()).unwrap().expect("a checkpoint").position;
        let step = 4 * (epoch as u64 + 1);
        assert_eq!((position.epoch, position.batch, position.step), (epoch as u32, 4, step));
    }
    assert!(bench.train().status.success());
    for ((name, found), (_, expected)) in bench.bits().iter().zip(&undisturbed.bits()) {
        assert!(found == expected, "{name} differs from the undisturbed run's");
    }
}

/// A wide and long search.
const DECODING: &str = "
epochs = 1
batch_size = 400
data = { name = 'made_pairs', train = 200, valid = 300 }
model = { name = 'transformer', layers = 1, width = 64, heads = 2 }
decoding = { beam = 32, longest_extra = 800 }
optimizer.name = 'adam'
schedule.learning_rate = 0.0001
";

#[test]
fn a_search_for_translations_ends_at_once_after_the_training() {
    let bench = Bench::new(DECODING);
    let mut child = start(&bench, &["train", "run.toml"]);
    let is_trained = || {
        let runs = fs::read_dir(bench.path().join("results/runs")).ok()?;
        Some(Checkpoint::read(&runs.into_iter().next()?.ok()?.path()).ok()??.position.epoch == 1)
    };
    wait_for(&mut child, || is_trained() == Some(true));
    sleep(Duration::from_millis(700));
    signal(&child, "TERM");
    ends_soon(child);
    let position = Checkpoint::read(&bench.run_folder()).unwrap().unwrap().position;
    assert_eq!((position.epoch, position.batch), (1, 0));
}

/// Steps of seconds.
const LONG_STEPS: &str = "
epochs = 50
batch_size = 16
data = { name = 'made_text', tokens = 400000, vocabulary = 30 }
model = { name = 'awd_lstm', layers = 1, embedding = 128, sequence_length = 6000, variable_length = false }
optimizer.name = 'sgd'
schedule.learning_rate = 0.1
";

#[test]
fn a_second_signal_does_not_wait_for_the_step() {
    let bench = Bench::new(LONG_STEPS);
    let child = start(&bench, &["train", "run.toml"]);
    // A step or two are done and not saved.
    sleep(Duration::from_secs(12));
    signal(&child, "INT");
    sleep(Duration::from_millis(300));
    let second = Instant::now();
    // It may have ended meanwhile.
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(second.elapsed() < Duration::from_secs(2), "{:?}", second.elapsed());
}
