//! A sealed document gives back what was written, or an error.

use std::fs;
use std::path::{Path, PathBuf};

use lookahead_runs::files::{FileError, read_sealed, read_sealed_if_there, write_sealed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    accuracy: f64,
    memory: Option<Vec<u32>>,
    label: String,
}

fn written() -> (TempDir, PathBuf, Document, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.json");
    let document = Document { accuracy: 0.9465, memory: Some(vec![1, 2]), label: "a \"label\"\n".to_owned() };
    write_sealed(&path, &document).unwrap();
    let bytes = fs::read(&path).unwrap();
    (folder, path, document, bytes)
}

fn read(path: &Path, bytes: &[u8]) -> Result<Document, FileError> {
    fs::write(path, bytes).unwrap();
    read_sealed(path)
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let (_folder, path, document, bytes) = written();
    assert_eq!(read(&path, &bytes).unwrap(), document);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[index] ^= 1 << bit;
            assert!(read(&path, &changed).is_err(), "bit {bit} of byte {index}");
        }
        assert!(read(&path, &bytes[..index]).is_err(), "cut to {index} bytes");
    }
    assert!(read(&path, &[&bytes, &b"\n"[..]].concat()).is_err());
}

#[test]
fn a_sealed_document_is_a_json_object_that_ends_in_the_checksum() {
    let (_folder, _, _, bytes) = written();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["accuracy"], 0.9465);
    assert_eq!(value["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_document_without_a_checksum_is_named_as_such() {
    let (_folder, path, document, _) = written();
    let error = read(&path, &serde_json::to_vec_pretty(&document).unwrap()).unwrap_err();
    assert!(matches!(&error, FileError::Unsealed { path: named } if *named == path), "{error}");
}

#[test]
fn what_cannot_be_sealed_is_refused_and_a_missing_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.json");
    for value in [serde_json::json!({}), serde_json::json!([1, 2]), serde_json::json!("text")] {
        assert!(matches!(write_sealed(&path, &value), Err(FileError::Write { .. })));
        assert!(!path.exists());
    }
    assert!(matches!(read_sealed::<Document>(&path), Err(FileError::Read { .. })));
    assert_eq!(read_sealed_if_there::<Document>(&path).unwrap(), None);
}
