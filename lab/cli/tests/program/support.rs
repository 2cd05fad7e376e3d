//! Running the program in a folder of its own, and comparing what runs leave behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A run of a second or two: Lookahead around heavy-ball SGD, with a checkpoint in every phase of the cycle.
pub const CONFIG: &str = r#"
epochs = 40
batch_size = 32
checkpoint_every = 7
data = { name = "digits", train_limit = 320, valid_limit = 100 }
model = { name = "mlp", hidden = [64] }
optimizer = { name = "lookahead", inner_state = "interpolate", inner = { name = "adamw" } }
schedule = { learning_rate = 0.003, name = "plateau", patience = 3 }
"#;

/// The same kind of run through batch norm, with averages.
pub const CNN_CONFIG: &str = r#"
epochs = 8
batch_size = 32
checkpoint_every = 3
re_estimate_batch_norm = true
clip_norm = 1.0
data = { name = "digits", train_limit = 160, valid_limit = 60 }
model = { name = "cnn", channels = [4, 8] }
optimizer = { name = "averaged", kind = "exponential", decay = 0.9, inner = { name = "lookahead", inner = { name = "sgd", momentum = 0.9 } } }
schedule = { learning_rate = 0.05, name = "cosine", warmup_steps = 4 }
"#;

/// A folder with a configuration in it.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.toml"), config).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program, to be run in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookahead"));
        command.args(arguments).current_dir(self.path()).env_remove("RUST_LOG");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn train(&self) -> Output {
        self.run(&["train", "run.toml"])
    }

    /// Starts training and waits until it has written `checkpoints` of them.
    pub fn train_until(&self, checkpoints: usize) -> Child {
        let mut command = self.command(&["train", "run.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut seen, mut last) = (0, self.current());
        while seen < checkpoints {
            assert!(Instant::now() < deadline, "no checkpoint within a minute");
            assert!(child.try_wait().unwrap().is_none(), "the run was over before it could be stopped");
            let current = self.current();
            if current.is_some() && current != last {
                (seen, last) = (seen + 1, current);
            }
        }
        child
    }

    /// The one run folder.
    pub fn run_folder(&self) -> PathBuf {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(self.path().join("results/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.remove(0)
    }

    fn current(&self) -> Option<String> {
        let runs = fs::read_dir(self.path().join("results/runs")).ok()?;
        let folder = runs.into_iter().next()?.ok()?.path();
        fs::read_to_string(folder.join("checkpoint/current.json")).ok()
    }

    /// The bits that a run ends in: weights, optimizer, metrics and result, without what tells the time.
    pub fn bits(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.run_folder();
        let current: Value =
            serde_json::from_slice(&fs::read(folder.join("checkpoint/current.json")).unwrap()).unwrap();
        let checkpoint = folder.join("checkpoint").join(current["folder"].as_str().unwrap());
        let mut bits = Vec::new();
        for name in ["model.safetensors", "optimizer.record"] {
            bits.push((name.to_owned(), fs::read(checkpoint.join(name)).unwrap()));
        }
        let optional = ["slow.safetensors", "memory.safetensors"].map(|name| checkpoint.join(name));
        let beside = ["subwords.json", "translations-valid.jsonl", "translations-test.jsonl"];
        for path in optional.into_iter().chain(beside.map(|name| folder.join(name))).filter(|path| path.exists()) {
            bits.push((path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()));
        }
        let kept = folder.join("kept");
        for (path, bytes) in if kept.exists() { contents(&kept) } else { Vec::new() } {
            bits.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
        for name in ["metrics.jsonl", "result.json"] {
            bits.push((name.to_owned(), timeless(&folder.join(name))));
        }
        bits
    }
}

/// Every file below a folder with its content.
pub fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A file of JSON values without their seconds, bytes of memory, and the checksums of files that hold such.
pub fn timeless(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(|value| {
        let mut value = value.unwrap();
        let fields = value.as_object_mut().unwrap();
        assert!(fields.remove("seconds").is_some());
        ["data_wait", "peak_memory", "files", "sha256"].iter().for_each(|key| drop(fields.remove(*key)));
        format!("{value}\n")
    });
    values.collect::<String>().into_bytes()
}
