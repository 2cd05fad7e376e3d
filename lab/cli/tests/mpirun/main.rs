//! The program as the ranks of an MPI job: the numbers of threads, one report, and runs that are stopped and killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const RUN: &str = "epochs = 40\nbatch_size = 8\ncheckpoint_every = 200\ndata = { name = 'digits', valid_limit = 60 }\n\
                   model = { name = 'mlp', hidden = [16] }\nschedule.learning_rate = 0.05\n\
                   optimizer = { name = 'lookahead', sync_period = 5, inner = { name = 'sgd', momentum = 0.9 } }\n";
const SWEEP: &str = "title = 'Two'\n[run]\nepochs = 1\nschedule.learning_rate = 0.05\n\
                     [[group]]\nlabel = 'A'\nset = [\"optimizer={ name = 'lookahead', inner = { name = 'sgd' } }\"]\n\
                     [[group]]\nlabel = 'B'\nbaseline = 'A'\nset = [\"optimizer={ name = 'diloco', k = 3, inner = { name = 'sgd' } }\"]\n\
                     [scale.small]\nseeds = 2\n";

/// A job of the run with a deadline of three seconds.
const RANKS: [&str; 8] = ["train", "run.toml", "--distributed", "slow-step", "--deadline", "3", "--out", "ranks"];
const DEADLINE: Duration = Duration::from_secs(3);

/// How long a job may take to end once it knows.
const TO_END: Duration = Duration::from_secs(5);

/// The longest that a job may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lookahead"))
}

fn job(ranks: usize, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &ranks.to_string(), env!("CARGO_BIN_EXE_lookahead")]);
    command.args(arguments).current_dir(folder).env("RAYON_NUM_THREADS", "1");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.toml"), RUN).unwrap();
    fs::write(folder.path().join("two.toml"), SWEEP).unwrap();
    folder
}

/// The scores of the one run below an output folder, and its id.
fn result(out: &Path) -> (String, Value) {
    let runs: Vec<PathBuf> = fs::read_dir(out.join("runs")).unwrap().flatten().map(|entry| entry.path()).collect();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    let mut result: Value = serde_json::from_slice(&fs::read(run.join("result.json")).unwrap()).unwrap();
    let fields = result.as_object_mut().unwrap();
    // What depends on the clock and the machine.
    ["seconds", "data_wait", "peak_memory", "files", "sha256", "workers"]
        .iter()
        .for_each(|key| drop(fields.remove(*key)));
    (run.file_name().unwrap().to_string_lossy().into_owned(), result)
}

/// What the run comes to with threads.
fn of_threads(folder: &Path, mode: &str, workers: usize) -> (String, Value) {
    let workers = workers.to_string();
    let arguments = ["train", "run.toml", "--distributed", mode, "--workers", &workers, "--out", "threads"];
    let output = program().args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    result(&folder.join("threads"))
}

#[test]
fn ranks_come_to_what_threads_do() {
    for mode in ["slow-step", "gradients"] {
        let folder = folder();
        let arguments = ["train", "run.toml", "--distributed", mode, "--out", "ranks"];
        let output = job(2, &arguments, folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).matches("run folder:").count(), 1, "{}", said(&output));
        assert!(said(&output).contains("slowest worker"), "{}", said(&output));
        assert_eq!(result(&folder.path().join("ranks")), of_threads(folder.path(), mode, 2), "{mode}");
    }
}

#[test]
fn a_sweep_leaves_one_report() {
    let folder = folder();
    let arguments = ["run", "two.toml", "--distributed", "slow-step"];
    for _ in 0..2 {
        let output = job(2, &arguments, folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).matches("report:").count(), 1, "{}", said(&output));
    }
    let summary = fs::read(folder.path().join("results/two/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    for group in summary["groups"].as_array().unwrap() {
        let workers = &group["workers"];
        assert_eq!((workers["count"].as_u64(), group["n"].as_u64()), (Some(2), Some(2)), "{group}");
        assert!(workers["bytes_sent"].as_f64().unwrap() > 0.0 && workers["cosine"].as_f64().unwrap() < 1.0);
    }
}

/// The processes of the ranks.
fn ranks_of(job: &Child) -> Vec<u32> {
    let stat = |path: &Path| fs::read_to_string(path.join("stat")).ok();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        // The name before it is in parentheses.
        let parent: u32 = stat(&entry.path())?.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        (parent == job.id()).then_some(pid)
    });
    pids.collect()
}

/// The names of all checkpoints.
fn checkpoints(folder: &Path) -> Vec<String> {
    let runs = fs::read_dir(folder.join("ranks/runs")).into_iter().flatten().flatten();
    let moments = runs.flat_map(|run| fs::read_dir(run.path().join("checkpoint")).into_iter().flatten().flatten());
    moments
        .map(|moment| moment.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("step-"))
        .collect()
}

/// Starts the job, sends a rank the signal once there is a new checkpoint, and gives the job's exit code and how long
/// it went on.
fn signalled(folder: &Path, ranks: usize, signal: &str) -> (Option<i32>, Duration) {
    let (begun, before) = (Instant::now(), checkpoints(folder));
    let mut job = job(ranks, &RANKS, folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while checkpoints(folder).iter().all(|moment| before.contains(moment)) {
        assert!(begun.elapsed() < PATIENCE, "no checkpoint came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let last = *ranks_of(&job).iter().max().unwrap();
    Command::new("kill").args([signal, &last.to_string()]).status().unwrap();
    let sent = Instant::now();
    let code = job.wait().unwrap().code();
    (code, sent.elapsed())
}

#[test]
fn ranks_that_end_and_that_stop_end_the_job_which_goes_on_to_the_same_bits() {
    for ranks in [2, 4] {
        let folder = folder();
        let expected = of_threads(folder.path(), "slow-step", ranks);
        for (signal, codes, within) in
            [("-TERM", 130..=130, TO_END), ("-KILL", 1..=255, TO_END), ("-STOP", 75..=75, DEADLINE + TO_END)]
        {
            let (code, took) = signalled(folder.path(), ranks, signal);
            let ended = code.is_some_and(|code| codes.contains(&code)) && took <= within;
            assert!(ended, "{signal} of {ranks}: {code:?} after {took:?}");
        }
        let output = job(ranks, &RANKS, folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(result(&folder.path().join("ranks")), expected, "{ranks}");
    }
}

#[test]
fn what_does_not_fit_ends_the_job_by_name() {
    let folder = folder();
    let cases: [(&[&str], &str); 4] = [
        (&["train", "run.toml", "--distributed", "slow-step", "--workers", "2"], "under mpirun its -n is the number"),
        (&["train", "run.toml", "--distributed", "slow-step", "--set", "optimizer.alpha=adaptive"], "optimizer.alpha"),
        (&["run", "two.toml", "--distributed", "slow-step", "--jobs", "2"], "--jobs is for one process"),
        (&["run", "quickstart", "--distributed", "slow-step"], "SGD: it has no outer step"),
    ];
    for (arguments, expected) in cases {
        let output = job(2, arguments, folder.path()).output().unwrap();
        assert!(said(&output).contains(expected) && output.status.code() == Some(2), "{}", said(&output));
    }
    let mut alone = program();
    alone.args(["train", "run.toml", "--distributed", "gradients"]).current_dir(folder.path());
    let output = alone.output().unwrap();
    assert!(said(&output).contains("start it with mpirun -n N"), "{}", said(&output));
}
