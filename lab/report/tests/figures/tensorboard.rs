//! Event files, against those that TensorBoard's own writer makes.

use std::fs;

use lookahead_report as report;
use lookahead_runs::Artifact;

use super::made::Output;

/// Made with Python's `tensorboard` 2.21: `RecordWriter` over `Event(file_version="brain.Event:2")` and over
/// `Event(wall_time, step, summary=Summary(value=[Summary.Value(tag, simple_value), ...]))` for the rows below.
const EXPECTED: [&str; 7] = [
    "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc9851295b000000000000001b01028a09000000000000f83f101e2a",
    "4e0a110a0a747261696e2f6c6f737315000010400a150a0e76616c69642f6163637572616379150000003e0a140a0d6c6561726e696e67",
    "5f7261746515cdcccc3d0a0c0a0565706f6368150000803fd62cd1b7dc00000000000000ca75416409000000000000084010f0a2042acc",
    "010a110a0a747261696e2f6c6f7373150000803f0a110a0a76616c69642f6c6f7373150000c03f0a150a0e76616c69642f616363757261",
    "6379150000003f0a110a0a76616c69642f746f7035150000403f0a210a1a76616c69642f6c6f7373206f66206661737420776569676874",
    "7315000000400a250a1e76616c69642f6163637572616379206f6620666173742077656967687473150000803e0a140a0d6c6561726e69",
    "6e675f7261746515cdcc4c3d0a0c0a05616c706861150000003f0a0c0a0565706f636815000000401de60545",
];

const ROWS: &str = r#"{"epoch":1,"step":30,"learning_rate":0.1,"train_loss":2.25,"valid_loss":null,"valid_accuracy":0.125,"alpha":null,"seconds":1.5}
{"epoch":2,"step":70000,"learning_rate":0.05,"train_loss":1.0,"valid_loss":1.5,"valid_accuracy":0.5,"valid_top5":0.75,"fast":{"valid_loss":2.0,"valid_accuracy":0.25},"alpha":0.5,"seconds":3.0}
"#;

const FILE: &str = "events.out.tfevents.0000000000.lookahead";

#[test]
fn an_event_file_is_that_of_tensorboard() {
    let output = Output::new("curves", 3);
    output.write(0, "metrics.jsonl", ROWS);
    output.write(2, "metrics.jsonl", ROWS.lines().next().unwrap());
    let folder = report::write_tensorboard(output.dir.path(), "figure").unwrap();
    assert_eq!(folder, output.folder().join("tensorboard"));
    let bytes = fs::read(folder.join("Lookahead-seed0").join(FILE)).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, EXPECTED.concat());

    assert!(!folder.join("Lookahead-seed1").exists(), "a run without evaluations has no events");
    let shorter = fs::read(folder.join("Lookahead-seed2").join(FILE)).unwrap();
    assert_eq!(shorter, bytes[..shorter.len()]);
}

#[test]
fn records_follow_each_other_with_their_checksums() {
    let output = Output::new("curves", 1);
    output.write(0, "metrics.jsonl", ROWS);
    let folder = report::write_tensorboard(output.dir.path(), "figure").unwrap();
    let bytes = fs::read(folder.join("Lookahead-seed0").join(FILE)).unwrap();
    let mut rest = bytes.as_slice();
    let mut take = |count: usize| -> Vec<u8> {
        let (part, after) = rest.split_at(count);
        rest = after;
        part.to_vec()
    };
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    for _ in 0..3 {
        let length = take(8);
        assert_eq!(number(&take(4)), masked(&length));
        let data = take(number(&length) as usize);
        assert_eq!(number(&take(4)), masked(&data));
    }
    assert!(rest.is_empty());
}

/// CRC-32C bit by bit, masked as the format says: ((crc >> 15) | (crc << 17)) + 0xa282ead8.
fn masked(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[test]
fn labels_become_folders_that_any_system_takes() {
    let output = Output::new("curves", 1);
    let artifact = output.folder().join("artifact.json");
    let mut labelled = Artifact::read(&artifact).unwrap();
    labelled.groups[0].label = "k = 5, α = 0.5: a/b*".to_owned();
    labelled.write(&artifact).unwrap();
    output.write(0, "metrics.jsonl", ROWS);
    let folder = report::write_tensorboard(output.dir.path(), "figure").unwrap();
    assert!(folder.join("k = 5, α = 0.5_ a_b_-seed0").join(FILE).exists());
}
