//! Event files for TensorBoard: the metrics of each run as scalars over gradient steps.
//!
//! A file is a row of TFRecords (length, its checksum, bytes, their checksum), each a protobuf message `Event`.

mod names;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{FileError, Measure, MetricsRow, ReportError, Run, Scores, Study, Subject, scores};
use lookahead_runs::files::replace;
use lookahead_runs::remove_file;

/// The name of the event file in each run's folder.
const FILE: &str = "events.out.tfevents.0000000000.lookahead";

/// Writes `out_dir/FOLDER/tensorboard/LABEL-seedN/events.out.tfevents.*` for each run that has evaluations, and returns
/// the folder, to be given to `tensorboard --logdir`. The wall time of an event is that of the run, from 0. The event files
/// of an earlier report that this one does not have are removed.
///
/// # Errors
/// The artifact cannot be read, or a file cannot be written.
pub fn write_tensorboard(out_dir: &Path, folder: &str) -> Result<PathBuf, ReportError> {
    let study = Study::read(out_dir, folder)?;
    let folder = study.folder.join("tensorboard");
    let mut names = names::Names::default();
    let mut written = BTreeSet::new();
    for (group, runs) in study.groups() {
        for run in runs.iter().filter(|run| !run.rows.is_empty()) {
            let run_folder = folder.join(names.of(group, run));
            let path = run_folder.join(FILE);
            let result = fs::create_dir_all(&run_folder).and_then(|()| replace(&path, &events(run, study.subject())));
            result.map_err(|source| FileError::Write { path, source })?;
            written.insert(run_folder);
        }
    }
    remove_but(&folder, &written)?;
    Ok(folder)
}

/// Removes the event files that [`write_tensorboard`] wrote into `out_dir/FOLDER`, and their folders if nothing else is in
/// them.
///
/// # Errors
/// A file cannot be removed.
pub fn remove_tensorboard(out_dir: &Path, folder: &str) -> Result<(), ReportError> {
    remove_but(&out_dir.join(folder).join("tensorboard"), &BTreeSet::new())
}

fn remove_but(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), ReportError> {
    // Without a folder there is nothing to remove.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| !kept.contains(path)) {
        if path.join(FILE).is_file() {
            remove_file(&path.join(FILE))?;
            // It fails, and should, where somebody has put something beside our file.
            let _ = fs::remove_dir(&path);
        }
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}

fn events(run: &Run, subject: Subject) -> Vec<u8> {
    let mut file = Vec::new();
    let mut version = Message::default();
    version.bytes(3, b"brain.Event:2");
    record(&mut file, &version.0);
    for row in &run.rows {
        record(&mut file, &event(row.seconds, row.step, scalars(row, subject)).0);
    }
    let mut scalars_of_end = scalars_of_end(run, subject).peekable();
    if let Some(end) = run.finished().filter(|_| scalars_of_end.peek().is_some()) {
        record(&mut file, &event(end.seconds, end.steps, scalars_of_end).0);
    }
    file
}

/// `Event { wall_time = 1, step = 2, file_version = 3, summary = 5 }`, `Summary { value = 1 }`, `Value { tag = 1, simple_value = 2 }`.
fn event(seconds: f64, step: u64, scalars: impl Iterator<Item = (String, f64)>) -> Message {
    let mut summary = Message::default();
    for (tag, number) in scalars {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes()).float(2, number as f32);
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, seconds).whole(2, step).bytes(5, &summary.0);
    event
}

/// The tag of a measure: `valid/loss`.
fn tag(measure: Measure) -> String {
    measure.key().replacen('_', "/", 1)
}

/// The numbers of an evaluation that there are.
fn scalars(row: &MetricsRow, subject: Subject) -> impl Iterator<Item = (String, f64)> {
    let scores = scores::of_evaluations(subject).map(|measure| (tag(measure), measure.of(&row.scores)));
    let of_fast = |fast: &Scores, measure: Measure| (tag(measure) + " of fast weights", fast.get(measure));
    let fast = row.fast.iter().flat_map(move |fast| fast.measures().map(move |measure| of_fast(fast, measure)));
    let others = [("learning_rate", Some(row.learning_rate)), ("alpha", row.alpha), ("epoch", Some(row.epoch.into()))];
    let all = scores.chain(fast).chain(others.map(|(tag, number)| (tag.to_owned(), number)));
    all.filter_map(|(tag, number)| Some((tag, number?)))
}

/// What is measured at the end of a run only, as far as there is any.
fn scalars_of_end(run: &Run, subject: Subject) -> impl Iterator<Item = (String, f64)> {
    let is_of_rows = |measure: Measure| run.rows.iter().any(|row| row.scores.measures().any(|of| of == measure));
    let measures = scores::of_evaluations(subject).filter(|measure| !is_of_rows(measure.to_compare()));
    scores::sorted(measures).into_iter().filter_map(|measure| Some((tag(measure), measure.at_end(run)?)))
}

/// Adds a TFRecord.
fn record(file: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_le_bytes();
    for part in [length.as_slice(), bytes] {
        file.extend(part);
        file.extend(masked_checksum(part).to_le_bytes());
    }
}

/// CRC-32C, turned right by 15 bits, plus a constant: a checksum of data that holds checksums.
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A protobuf message in the making: fields by number.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn whole(&mut self, field: u8, value: u64) -> &mut Self {
        self.key(field, 0);
        self.varint(value);
        self
    }

    fn double(&mut self, field: u8, value: f64) -> &mut Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Text, bytes, or a message.
    fn bytes(&mut self, field: u8, value: &[u8]) -> &mut Self {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn float(&mut self, field: u8, value: f32) -> &mut Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// The field's number, and how its value is written.
    fn key(&mut self, field: u8, wire_type: u8) {
        self.0.push(field << 3 | wire_type);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
