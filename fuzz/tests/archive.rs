//! The lab's readers of archives of pictures, and of the content hashes that it keeps beside a folder of them.

use std::fs;
use std::path::Path;

use bolero::check;
use lookahead_data::Dataset;
use lookahead_data::config::{DataConfig, DataSource};
use lookahead_fuzz::{damaged, edits};
use tar::{Builder, EntryType, Header};

/// Where each one writes files.
const FEW: usize = 2000;

const BLOCK: usize = 512;

/// Files, folders, links and a long name; pictures are not decoded before they are needed.
fn archive() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    let mut add = |kind: EntryType, name: &str, link: &str, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if !link.is_empty() {
            header.set_link_name(link).unwrap();
        }
        archive.append_data(&mut header, name, content).unwrap();
    };
    add(EntryType::Directory, "set/train/", "", b"");
    add(EntryType::Regular, "set/train/a/1.jpg", "", b"1");
    add(EntryType::Regular, &format!("set/val/a/{}.jpg", "long".repeat(40)), "", b"2");
    add(EntryType::Link, "set/train/a/2.jpg", "set/train/a/1.jpg", b"");
    add(EntryType::Symlink, "set/train/a/3.jpg", "../a/2.jpg", b"");
    add(EntryType::Symlink, "set/train/b", "./a", b"");
    archive.into_inner().unwrap()
}

/// Makes the checksum of every header fit again.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for block in bytes.as_chunks_mut::<BLOCK>().0 {
        if block[257..].starts_with(b"ustar") {
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(block);
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
    bytes
}

/// Either an error, or the same data each time, whose classes fit.
fn pictures(place: &Path) {
    let dir = Some(place.display().to_string());
    let config = DataConfig { dir, ..DataConfig::new(DataSource::named("image_folders").unwrap()) };
    let Ok(data) = Dataset::load(&config) else { return };
    assert!(!data.train.is_empty() && !data.valid.is_empty());
    assert!(data.train.labels().iter().chain(data.valid.labels()).all(|&label| usize::from(label) < data.classes));
    assert_eq!(Dataset::load(&config).unwrap().sha256(), data.sha256());
}

#[test]
fn a_damaged_archive() {
    let (folder, whole) = (tempfile::tempdir().unwrap(), archive());
    let path = folder.path().join("a.tar");
    fs::write(&path, &whole).unwrap();
    pictures(&path);
    check!().with_iterations(FEW).with_generator(edits()).for_each(|edits| {
        fs::write(&path, with_checksums(damaged(&whole, edits))).unwrap();
        pictures(&path);
    });
}

#[test]
fn damaged_content_hashes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train/a/1.jpg", "val/a/1.jpg"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let dir = Some(folder.path().display().to_string());
    let config = DataConfig { dir, ..DataConfig::new(DataSource::named("image_folders").unwrap()) };
    let expected = Dataset::load(&config).unwrap().sha256();
    let index = folder.path().join(".lookahead-sha256");
    let whole = fs::read(&index).unwrap();
    check!().with_iterations(FEW).with_generator(edits()).for_each(|edits| {
        fs::write(&index, damaged(&whole, edits)).unwrap();
        assert_eq!(Dataset::load(&config).unwrap().sha256(), expected);
    });
}
