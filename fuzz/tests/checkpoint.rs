//! The lab's checkpoint reader: weights, optimizer, position, and the file that names them with their checksums.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bolero::{ValueGenerator, check, produce};
use burn::tensor::TensorData;
use lookahead_burn::{Lookahead, ReduceOnPlateau, Sgd};
use lookahead_fuzz::{Edit, damaged, edits};
use lookahead_lab::checkpoint::{Checkpoint, Position};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const ITERATIONS: usize = 1_000;

#[test]
fn a_damaged_checkpoint_is_refused() {
    let whole = Whole::write();
    check!().with_iterations(ITERATIONS).with_generator(one_file()).for_each(|(which, edits)| {
        let (path, valid) = &whole.files[which % whole.files.len()];
        let bytes = damaged(valid, edits);
        fs::write(path, &bytes).unwrap();
        assert!(bytes == *valid || Checkpoint::read(whole.folder.path()).is_err());
        fs::write(path, valid).unwrap();
    });
}

#[test]
fn a_damaged_checkpoint_with_a_fresh_checksum() {
    let whole = Whole::write();
    check!().with_iterations(ITERATIONS).with_generator(one_file()).for_each(|(which, edits)| {
        let (path, valid) = &whole.files[which % whole.files.len()];
        let bytes = damaged(valid, edits);
        let current = whole.current.replace(&sha256(valid), &sha256(&bytes));
        fs::write(path, bytes).unwrap();
        fs::write(whole.current_file(), current).unwrap();
        let _ = Checkpoint::read(whole.folder.path());
        fs::write(path, valid).unwrap();
    });
}

#[test]
fn a_damaged_list_of_checkpoint_files() {
    let whole = Whole::write();
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        fs::write(whole.current_file(), damaged(whole.current.as_bytes(), edits)).unwrap();
        let _ = Checkpoint::read(whole.folder.path());
    });
}

fn one_file() -> impl ValueGenerator<Output = (usize, Vec<Edit>)> {
    (produce::<usize>(), edits())
}

/// A checkpoint on disk, and what a reader should find there.
struct Whole {
    folder: TempDir,
    current: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Whole {
    fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        checkpoint().write(folder.path()).unwrap();
        let current = fs::read_to_string(folder.path().join("checkpoint/current.json")).unwrap();
        let files = files_in(&folder.path().join("checkpoint"));
        assert_eq!(files.len(), 5);
        Self { folder, current, files }
    }

    fn current_file(&self) -> PathBuf {
        self.folder.path().join("checkpoint/current.json")
    }
}

/// The files of the moment that the checkpoint holds.
fn files_in(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let moments = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = moments.flat_map(|moment| fs::read_dir(moment).unwrap()).map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn checkpoint() -> Checkpoint {
    let weights = |value: f32| {
        BTreeMap::from([
            ("layer.weight".to_owned(), TensorData::new(vec![value; 6], [2, 3])),
            ("layer.bias".to_owned(), TensorData::new(vec![value; 3], [3])),
        ])
    };
    let position = Position {
        run: "0123456789abcdef".to_owned(),
        data: "0".repeat(64),
        epoch: 2,
        batch: 7,
        step: 53,
        seconds: 1.5,
        metrics_bytes: 200,
        trace_bytes: 0,
        skipped: 0,
        last_row: None,
        plateau: Some(ReduceOnPlateau::new(0.1).unwrap()),
        kept: vec![],
    };
    let optimizer = Lookahead::new(Sgd::new()).to_record();
    Checkpoint { position, model: weights(1.0), slow: Some(weights(0.5)), optimizer, memory: weights(0.25) }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
