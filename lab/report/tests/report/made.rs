//! Small artifacts with known numbers: runs whose losses and accuracies a test writes down.

use std::fs;
use std::path::PathBuf;

use lookahead_report as report;
use lookahead_report::Summary;
use lookahead_runs::{Artifact, Candidate, Figure, Group, LeftOut, Measure, MetricsRow, Paper, RunResult, Scores};
use tempfile::TempDir;

use super::seal;

/// An output folder with one artifact, `made`.
pub struct Made {
    _folder: TempDir,
    pub dir: PathBuf,
}

impl Made {
    /// Writes `artifact.json`, with the paper's part from the text of a `paper.toml`.
    pub fn new(paper: &str, groups: Vec<Group>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        let artifact = Artifact {
            artifact: "made".to_owned(),
            scale: "small".to_owned(),
            title: "A made artifact".to_owned(),
            command: "lookahead run made".to_owned(),
            source: None,
            data: "made data".to_owned(),
            notes: vec![
                "A smaller network than in the paper: `model.width` = 4.".to_owned(),
                "One ` alone.".to_owned(),
            ],
            figure: Figure::default(),
            paper: Paper::parse(paper, "paper.toml".as_ref()).unwrap(),
            groups,
        };
        fs::create_dir_all(dir.join("made")).unwrap();
        artifact.write(&dir.join("made/artifact.json")).unwrap();
        Self { _folder: folder, dir }
    }

    /// Writes a finished run: the training loss of each epoch, and the accuracy of all.
    pub fn run(&self, id: &str, train_losses: &[f64], accuracy: f64) {
        let rows: Vec<MetricsRow> =
            (1..).zip(train_losses).map(|(epoch, &train_loss)| row(epoch, train_loss, accuracy)).collect();
        self.run_of_rows(id, &rows);
    }

    /// The same of rows that a test makes itself.
    pub fn run_of_rows(&self, id: &str, rows: &[MetricsRow]) {
        let folder = self.dir.join("runs").join(id);
        fs::create_dir_all(&folder).unwrap();
        let lines: String = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n").collect();
        fs::write(folder.join("metrics.jsonl"), lines).unwrap();
        fs::write(folder.join("config.toml"), format!("epochs = {}\n", rows.len())).unwrap();
        let last = rows.last().unwrap();
        let result = RunResult {
            status: "done".to_owned(),
            epochs: last.epoch,
            steps: last.step,
            scores: last.scores.clone(),
            kept_epochs: vec![],
            average_began: None,
            seconds: last.seconds,
            non_finite: 0,
            data: String::new(),
            data_description: "pictures that were made".to_owned(),
            skipped: 2,
            left_out: LeftOut::default(),
            workers: None,
            data_wait: Some(0.02),
            peak_memory: Some(100 << 20),
        };
        seal::finished(&folder, &result);
    }

    /// Changes the result of a run.
    pub fn edit_result(&self, id: &str, edit: impl FnOnce(&mut RunResult)) {
        let folder = self.dir.join("runs").join(id);
        let mut result = seal::result(&fs::read(folder.join("result.json")).unwrap());
        edit(&mut result);
        seal::finished(&folder, &result);
    }

    /// Writes a finished run of a model of words: training and validation loss of each epoch, the loss on the test set.
    pub fn run_of_words(&self, id: &str, losses: &[(f64, f64)], test_loss: Option<f64>) {
        let rows = (1..).zip(losses).map(|(epoch, &(train_loss, valid_loss))| MetricsRow {
            scores: losses_of(train_loss, valid_loss),
            ..row(epoch, train_loss, 0.0)
        });
        self.run_of_rows(id, &rows.collect::<Vec<_>>());
        self.edit_result(id, |result| test_loss.iter().for_each(|loss| result.scores.set(Measure::TestLoss, *loss)));
    }

    /// Makes a run unfinished.
    pub fn unfinish(&self, id: &str) {
        let folder = self.dir.join("runs").join(id);
        fs::remove_file(folder.join("result.json")).unwrap();
        seal::unfinished(&folder);
    }

    /// Writes a file of a run.
    pub fn write(&self, id: &str, file: &str, text: &[u8]) {
        let folder = self.dir.join("runs").join(id);
        fs::write(folder.join(file), text).unwrap();
        seal::again(&folder);
    }

    /// Changes `artifact.json`.
    pub fn edit_artifact(&self, edit: impl FnOnce(&mut Artifact)) {
        let path = self.dir.join("made/artifact.json");
        let mut artifact = Artifact::read(&path).unwrap();
        edit(&mut artifact);
        artifact.write(&path).unwrap();
    }

    /// Writes the report.
    pub fn report(&self) -> Summary {
        report::write(&self.dir, "made").unwrap()
    }

    /// The text of a file of the report.
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join("made").join(name)).unwrap()
    }
}

/// An evaluation after an epoch of ten steps; the validation loss is 1 - accuracy.
pub fn row(epoch: u32, train_loss: f64, accuracy: f64) -> MetricsRow {
    MetricsRow {
        epoch,
        step: u64::from(epoch) * 10,
        learning_rate: 0.1,
        scores: Scores::from([
            (Measure::TrainLoss, train_loss),
            (Measure::ValidLoss, 1.0 - accuracy),
            (Measure::ValidAccuracy, accuracy),
        ]),
        valid_skipped: 0,
        fast: None,
        alpha: None,
        seconds: f64::from(epoch),
    }
}

/// What is measured without classes.
pub fn losses_of(train_loss: f64, valid_loss: f64) -> Scores {
    Scores::from([(Measure::TrainLoss, train_loss), (Measure::ValidLoss, valid_loss)])
}

/// A row with another number.
pub fn with(measure: Measure, value: f64, mut row: MetricsRow) -> MetricsRow {
    row.scores.set(measure, value);
    row
}

/// A group with one run for each seed, named `LABEL-SEED`; in a panel `PANEL-LABEL-SEED`.
pub fn group(panel: &str, label: &str, baseline: Option<&str>, seeds: u32) -> Group {
    let prefix = if panel.is_empty() { String::new() } else { format!("{panel}-") };
    Group {
        label: label.to_owned(),
        baseline: baseline.map(str::to_owned),
        tuning: "none".to_owned(),
        panel: panel.to_owned(),
        runs: (0..seeds).map(|seed| format!("{prefix}{label}-{seed}")).collect(),
        candidates: vec![],
    }
}

/// A group with a grid: points by label, each with two runs `LABEL-0` and `LABEL-1`.
pub fn grid(label: &str, points: &[&str]) -> Group {
    let candidate = |point: &&str| Candidate {
        label: (*point).to_owned(),
        runs: (0..2).map(|seed| format!("{point}-{seed}")).collect(),
    };
    Group { candidates: points.iter().map(candidate).collect(), ..group("", label, None, 0) }
}
