//! The lab's checkpoint reader: weights, optimizer, position, and the file that names them with their checksums.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bolero::{ValueGenerator, check, produce};
use burn::nn::LinearConfig;
use burn::tensor::{Device, TensorData};
use lookahead_burn::{Lookahead, LossScale, ReduceOnPlateau, Sgd};
use lookahead_fuzz::{Edit, damaged, edits};
use lookahead_runs::Current;
use lookahead_runs::files::{FileSum, Manifest};
use lookahead_training::checkpoint::{Checkpoint, DataWait, Position};
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
        // What stands behind the bytes that were written is not read.
        assert!(bytes.starts_with(valid) || Checkpoint::read(whole.folder.path()).is_err());
        fs::write(path, valid).unwrap();
    });
}

#[test]
fn a_damaged_checkpoint_with_a_fresh_checksum() {
    let whole = Whole::write();
    check!().with_iterations(ITERATIONS).with_generator(one_file()).for_each(|(which, edits)| {
        let (path, valid) = &whole.files[which % whole.files.len()];
        let bytes = damaged(valid, edits);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut current = whole.current.clone();
        current.checkpoint.extend([(name, FileSum::of(&bytes))]);
        fs::write(path, bytes).unwrap();
        current.write(whole.folder.path()).unwrap();
        let _ = Checkpoint::read(whole.folder.path());
        fs::write(path, valid).unwrap();
    });
}

#[test]
fn a_damaged_list_of_checkpoint_files() {
    let whole = Whole::write();
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        let bytes = damaged(&whole.list, edits);
        fs::write(whole.list_file(), &bytes).unwrap();
        assert!(bytes == whole.list || Checkpoint::read(whole.folder.path()).is_err());
    });
}

#[test]
fn a_damaged_list_of_checkpoint_files_with_a_fresh_checksum() {
    let whole = Whole::write();
    let text = str::from_utf8(&whole.list).unwrap();
    let (body, _) = text.rsplit_once(SEAL).unwrap();
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        let mut bytes = damaged(body.as_bytes(), edits);
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.extend(format!("{SEAL}{digest}\"\n}}\n").bytes());
        fs::write(whole.list_file(), bytes).unwrap();
        let _ = Checkpoint::read(whole.folder.path());
    });
}

/// What stands between a sealed document and its checksum.
const SEAL: &str = ",\n  \"sha256\": \"";

fn one_file() -> impl ValueGenerator<Output = (usize, Vec<Edit>)> {
    (produce::<usize>(), edits())
}

/// A checkpoint on disk, and what a reader should find there.
struct Whole {
    folder: TempDir,
    current: Current,
    list: Vec<u8>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Whole {
    fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        checkpoint().write(folder.path()).unwrap();
        let current = Current::read(folder.path()).unwrap().unwrap();
        let list = fs::read(folder.path().join("checkpoint/current.json")).unwrap();
        let files = files_in(&folder.path().join("checkpoint"));
        assert_eq!(files.len(), 5);
        Self { folder, current, list, files }
    }

    fn list_file(&self) -> PathBuf {
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
        data_wait: DataWait { waiting: 0.5, stepping: 1.0 },
        skipped: 0,
        empty_batches: 0,
        last_row: None,
        plateau: Some(ReduceOnPlateau::new(0.1).unwrap()),
        loss_scale: Some(LossScale::default()),
        kept: vec![],
    };
    let module = LinearConfig::new(2, 3).init(&Device::flex());
    let optimizer = Lookahead::new(Sgd::new()).to_record(&module).unwrap();
    let files = Manifest::default();
    Checkpoint { position, model: weights(1.0), slow: Some(weights(0.5)), optimizer, memory: weights(0.25), files }
}
