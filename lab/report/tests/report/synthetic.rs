//! Made-up run folders: five optimizers, some seeds each, with losses that fall the way real ones do.

use std::{
    f64::consts::TAU,
    fs,
    path::{Path, PathBuf},
};

use lookahead_runs::files::{read_sealed, write_sealed};
use lookahead_runs::{Artifact, Figure, Group, LeftOut, Measure, MetricsRow, Paper, RunResult, Scores};
use serde_json::json;
use tempfile::TempDir;

use super::seal;

pub const EPOCHS: u32 = 20;

/// Label, baseline, how fast the loss falls, where it ends, how far seeds lie apart.
const OPTIMIZERS: [(&str, Option<&str>, f64, f64, f64); 5] = [
    ("SGD", None, 0.20, 0.105, 0.012),
    ("Lookahead(SGD)", Some("SGD"), 0.26, 0.090, 0.008),
    ("AdamW", None, 0.34, 0.098, 0.010),
    ("Lookahead(AdamW)", Some("AdamW"), 0.38, 0.086, 0.006),
    ("Polyak(SGD)", Some("SGD"), 0.17, 0.110, 0.009),
];

/// An output folder as an artifact leaves it.
pub struct Output {
    _folder: TempDir,
    pub dir: PathBuf,
}

impl Output {
    /// Writes an artifact named `quickstart` with `seeds` runs per optimizer.
    pub fn with_seeds(seeds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        write_artifact(&dir, seeds);
        Self { _folder: folder, dir }
    }

    /// The page, once it is written.
    pub fn page(&self) -> String {
        fs::read_to_string(self.dir.join("quickstart/report.html")).unwrap()
    }

    /// The path of a file of a run.
    pub fn run_file(&self, id: &str, file: &str) -> PathBuf {
        self.dir.join("runs").join(id).join(file)
    }

    /// Changes `artifact.json`.
    pub fn edit_artifact(&self, edit: impl FnOnce(&mut Artifact)) {
        let path = self.dir.join("quickstart/artifact.json");
        let mut artifact: Artifact = read_sealed(&path).unwrap();
        edit(&mut artifact);
        artifact.write(&path).unwrap();
    }

    /// Changes the result of a run.
    pub fn edit_result(&self, id: &str, edit: impl FnOnce(&mut RunResult)) {
        let mut result = seal::result(&fs::read(self.run_file(id, "result.json")).unwrap());
        edit(&mut result);
        seal::finished(&self.run_folder(id), &result);
    }

    /// Makes a run unfinished.
    pub fn unfinish(&self, id: &str) {
        fs::remove_file(self.run_file(id, "result.json")).unwrap();
        seal::unfinished(&self.run_folder(id));
    }

    /// Writes a file of a run.
    pub fn write(&self, id: &str, file: &str, text: &str) {
        fs::write(self.run_file(id, file), text).unwrap();
        seal::again(&self.run_folder(id));
    }

    /// Replaces one line of `metrics.jsonl`, counted from 1.
    pub fn replace_row(&self, id: &str, line: usize, text: &str) {
        let path = self.run_file(id, "metrics.jsonl");
        let rows = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = rows.lines().collect();
        lines[line - 1] = text;
        self.write(id, "metrics.jsonl", &(lines.join("\n") + "\n"));
    }

    fn run_folder(&self, id: &str) -> PathBuf {
        self.dir.join("runs").join(id)
    }
}

/// The id of a run: the optimizer's place in the artifact, and the seed.
pub fn id(optimizer: usize, seed: u32) -> String {
    format!("run-{optimizer}-{seed}")
}

pub fn write_artifact(dir: &Path, seeds: u32) {
    let group = |(index, optimizer): (usize, (&str, Option<&str>, f64, f64, f64))| Group {
        label: optimizer.0.to_owned(),
        baseline: optimizer.1.map(str::to_owned),
        tuning: "learning rate chosen among {0.03, 0.1, 0.3} by the validation loss of seed 0 (3 runs)".to_owned(),
        panel: String::new(),
        runs: (0..seeds).map(|seed| id(index, seed)).collect(),
        candidates: vec![],
    };
    let artifact = Artifact {
        artifact: "quickstart".to_owned(),
        scale: "small".to_owned(),
        title: "Lookahead and its inner optimizers on handwritten digits".to_owned(),
        command: "lookahead run quickstart --seeds 3".to_owned(),
        source: None,
        data:
            "UCI optical recognition of handwritten digits (Alpaydin and Kaynak 1998), 8 x 8 grey values, 5620 images."
                .to_owned(),
        notes: vec!["The paper has no such experiment: these data stand in for CIFAR-10.".to_owned()],
        figure: Figure::default(),
        paper: Paper::default(),
        groups: OPTIMIZERS.into_iter().enumerate().map(group).collect(),
    };
    fs::create_dir_all(dir.join("quickstart")).unwrap();
    artifact.write(&dir.join("quickstart/artifact.json")).unwrap();
    for optimizer in 0..OPTIMIZERS.len() {
        (0..seeds).for_each(|seed| write_run(dir, optimizer, seed));
    }
}

fn write_run(dir: &Path, optimizer: usize, seed: u32) {
    let (label, baseline, speed, floor, spread) = OPTIMIZERS[optimizer];
    let folder = dir.join("runs").join(id(optimizer, seed));
    fs::create_dir_all(&folder).unwrap();
    let luck = (f64::from(seed) - 1.0) * spread;
    let row = |epoch: u32| {
        let x = f64::from(epoch);
        let wobble = 0.12 * (x * 1.7 + f64::from(seed) * 2.0 + optimizer as f64).sin();
        let valid_loss = (floor + luck + 2.1 * (-speed * 2.4 * x).exp()) * (1.0 + wobble * 0.4);
        MetricsRow {
            epoch,
            step: u64::from(epoch) * 30,
            learning_rate: 0.05 * (1.0 + (TAU * x / 40.0).cos()),
            scores: Scores::from([
                (Measure::TrainLoss, (0.004 + 2.2 * (-speed * 2.0 * x).exp()) * (1.0 + wobble)),
                (Measure::ValidLoss, valid_loss),
                (Measure::ValidAccuracy, (1.0 - 0.28 * valid_loss - 0.002 * wobble).clamp(0.1, 1.0)),
            ]),
            valid_skipped: 0,
            fast: None,
            alpha: baseline.filter(|_| label.starts_with("Lookahead")).map(|_| 0.5),
            seconds: 0.31 * x,
        }
    };
    let rows: Vec<MetricsRow> = (1..=EPOCHS).map(row).collect();
    let lines: String = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n").collect();
    fs::write(folder.join("metrics.jsonl"), lines).unwrap();
    let last = rows.last().unwrap();
    let result = RunResult {
        status: "done".to_owned(),
        epochs: last.epoch,
        steps: last.step,
        scores: last.scores.clone(),
        kept_epochs: vec![],
        average_began: None,
        seconds: last.seconds + 0.1 * f64::from(seed),
        non_finite: 0,
        data: String::new(),
        data_description: String::new(),
        skipped: 0,
        left_out: LeftOut::default(),
        workers: None,
        data_wait: None,
        peak_memory: None,
    };
    fs::write(
        folder.join("config.toml"),
        format!("seed = {seed}\nepochs = {EPOCHS}\n\n[optimizer]\nname = \"{label}\"\n"),
    )
    .unwrap();
    let environment = json!({"revision": "0123abcd", "device": "cpu (flex)", "threads": 2, "rustc": "1.95.0",
        "burn": "0.22.1", "command": "lookahead run quickstart --seeds 3"});
    write_sealed(&folder.join("environment.json"), &environment).unwrap();
    seal::finished(&folder, &result);
}
