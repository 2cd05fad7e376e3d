//! Tiny runs of each kind of task, finished and stopped on the way, and what can be told from their folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lookahead_data::Data;
use lookahead_report as report;
use lookahead_runs::Stop;
use lookahead_runs::{MetricsRow, Run, RunResult};
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::RunConfig;
use lookahead_training::run;
use lookahead_training::train::Observer;
use tempfile::TempDir;

/// With a trace, the weights on it, and the weights of the last epochs.
const IMAGES: &str = "
epochs = 3
batch_size = 8
checkpoint_every = 3
average_epochs = 2
evaluate_fast = true
trace = { epoch = 2, updates = 4, keep_weights = true }
data = { name = 'made', channels = 1, height = 4, width = 4, classes = 3, train = 32, valid = 12 }
model = { name = 'mlp', hidden = [] }
optimizer = { name = 'lookahead', sync_period = 2, inner = { name = 'sgd', momentum = 0.9 } }
schedule = { learning_rate = 0.05, name = 'plateau', patience = 1 }
";

/// With the state of a recurrent network between steps, and the weights of the best epoch.
const TEXT: &str = "
epochs = 2
batch_size = 4
checkpoint_every = 3
keep_best = true
data = { name = 'made_text', tokens = 300, vocabulary = 12 }
model = { name = 'awd_lstm', layers = 1, hidden = 4, embedding = 4, sequence_length = 8 }
optimizer = { name = 'lookahead', sync_period = 4, inner = { name = 'sgd' } }
schedule = { learning_rate = 1.0 }
";

/// With subwords, and translations at the end.
const PAIRS: &str = "
epochs = 2
batch_size = 80
checkpoint_every = 3
data = { name = 'made_pairs', train = 40, valid = 4, words = 6 }
model = { name = 'transformer', layers = 1, width = 8, heads = 2, feed_forward = 8 }
decoding = { beam = 2, longest_extra = 2 }
optimizer = { name = 'lookahead', inner_state = 'interpolate', inner = { name = 'adam' } }
schedule = { learning_rate = 0.01 }
";

pub const KINDS: [&str; 3] = [IMAGES, TEXT, PAIRS];

/// What a reporter draws; nothing reads it.
const DRAWN: [&str; 5] = ["report.html", "curves.csv", "curves.svg", "figure.svg", "trace.csv"];

/// A run in a folder of its own.
pub struct Bench {
    _out: TempDir,
    config: RunConfig,
    data: Data,
    pub folder: PathBuf,
}

/// Raises the flag after a number of steps.
struct StopAt<'a> {
    step: u64,
    /// Whether the step after an evaluation is one to stop at too.
    after_evaluation: bool,
    has_evaluated: bool,
    stop: &'a Stop,
}

impl Observer for StopAt<'_> {
    fn stepped(&mut self, step: u64) {
        if step >= self.step || self.after_evaluation && self.has_evaluated {
            self.stop.ask();
        }
    }

    fn evaluated(&mut self, _row: &MetricsRow) {
        self.has_evaluated = true;
    }
}

impl Bench {
    pub fn new(config: &str) -> Self {
        let out = tempfile::tempdir().unwrap();
        let config = RunConfig::parse(config, "run.toml").unwrap();
        let (data, folder) = (Data::load(&config.data).unwrap(), run::folder(out.path(), &config));
        Self { _out: out, config, data, folder }
    }

    /// Runs to a step; to the end if it lies beyond.
    pub fn run_to(&self, step: u64) -> Result<RunResult, Error> {
        self.run(step, false)
    }

    /// Runs into the second epoch.
    pub fn run_past_an_evaluation(&self) {
        assert!(matches!(self.run(u64::MAX, true), Err(Error::Interrupted)));
    }

    fn run(&self, step: u64, after_evaluation: bool) -> Result<RunResult, Error> {
        let stop = Stop::new();
        let mut observer = StopAt { step, after_evaluation, has_evaluated: false, stop: &stop };
        run::run(&self.config, &self.data, &self.folder, &mut observer, &stop)
    }

    /// What a run ends in: its result, and the bits of its weights and its optimizer.
    pub fn end(&self) -> Result<String, String> {
        let result = timeless(self.run_to(u64::MAX).map_err(|error| error.to_string())?);
        let checkpoint = Checkpoint::read(&self.folder).map_err(|error| error.to_string())?.unwrap();
        let Checkpoint { model, optimizer, .. } = checkpoint;
        let weights: Vec<_> = model.iter().map(|(name, data)| (name, data.bytes().to_vec())).collect();
        Ok(format!("{result:?} {weights:?} {:?}", optimizer.to_bytes().unwrap()))
    }

    /// What a reader tells of the folder: all numbers, and the page.
    pub fn report(&self) -> Result<String, String> {
        let page = report::write_for_run(&self.folder).map_err(|error| error.to_string())?;
        let run = Run::read(&self.folder).map_err(|error| error.to_string())?;
        Ok(format!("{run:?} {}", fs::read_to_string(page).unwrap()))
    }

    /// Every file of the run by its path in the folder.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.folder, &self.folder, &mut files);
        files.retain(|path, _| !DRAWN.iter().any(|name| path == Path::new(name)));
        files
    }

    /// Makes the folder hold these files and nothing else.
    pub fn restore(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        fs::remove_dir_all(&self.folder).unwrap();
        for (path, bytes) in files {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

fn timeless(result: RunResult) -> RunResult {
    RunResult { seconds: 0.0, data_wait: None, peak_memory: None, ..result }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}
