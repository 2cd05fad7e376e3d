//! Archives of pictures in class folders: what is read of one is what is read of the folder that `tar -x` makes of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use lookahead_data::config::{DataSource, OnCorrupt};
use lookahead_data::{Data, DataError, Dataset};
use tar::{Builder, EntryType, Header};

use crate::support::{config, gzip, in_full, pixels, solid_jpeg, xz, zip};

type Archive = Builder<Vec<u8>>;

fn load(place: &Path) -> Result<Dataset, DataError> {
    let source = DataSource::ImageFolders { size: 8.try_into().unwrap(), on_corrupt: OnCorrupt::Refuse };
    Dataset::load(&config(source, Some(&place.display().to_string()), [0, 0]))
}

/// Adds a member under any name, as a header has it.
fn add(archive: &mut Archive, kind: EntryType, name: &[u8], link: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

fn file(archive: &mut Archive, name: &str, shade: u8) {
    add(archive, EntryType::Regular, name.as_bytes(), "", &solid_jpeg([shade; 3], 9, 9));
}

fn link(archive: &mut Archive, kind: EntryType, name: &str, target: &str) {
    add(archive, kind, name.as_bytes(), target, b"");
}

/// Two classes in both parts, in a folder.
fn plain() -> Archive {
    let mut archive = Builder::new(Vec::new());
    for (name, shade) in [("train/cat/1", 10), ("train/dog/1", 60), ("val/cat/1", 110), ("val/dog/1", 160)] {
        file(&mut archive, &format!("set/{name}.jpg"), shade);
    }
    archive
}

/// Writes an archive, unpacks it with `tar`, and reads both: the data are the same, or both are refused.
fn same(archive: Archive) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let (path, unpacked) = (folder.path().join("a.tar"), folder.path().join("unpacked"));
    fs::write(&path, archive.into_inner().unwrap()).unwrap();
    fs::create_dir(&unpacked).unwrap();
    assert!(Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(&unpacked).status().unwrap().success());
    let (packed, unpacked) = (load(&path), load(&unpacked.join("set")));
    match (&packed, &unpacked) {
        (Ok(packed), Ok(unpacked)) => {
            assert_eq!(packed.sha256(), unpacked.sha256());
            assert_eq!((packed.classes, packed.train.labels()), (unpacked.classes, unpacked.train.labels()));
            assert!(
                pixels(&packed.train) == pixels(&unpacked.train) && pixels(&packed.valid) == pixels(&unpacked.valid)
            );
        }
        (Err(_), Err(_)) => {}
        _ => panic!("{packed:?}\n{unpacked:?}"),
    }
    packed
}

#[test]
fn links_are_what_they_lead_to() {
    let mut archive = plain();
    link(&mut archive, EntryType::Link, "set/train/cat/2.jpg", "set/train/cat/1.jpg");
    link(&mut archive, EntryType::Symlink, "set/train/cat/3.jpg", "1.jpg");
    link(&mut archive, EntryType::Symlink, "set/train/cat/4.jpg", "./../dog/.//1.jpg");
    link(&mut archive, EntryType::Symlink, "set/train/cat/5.jpg", "4.jpg");
    // A class that is a link, forward, to a folder outside of the parts.
    link(&mut archive, EntryType::Symlink, "set/train/cow", "../more/cow");
    link(&mut archive, EntryType::Symlink, "set/val/cow", "../more/cow");
    file(&mut archive, "set/more/cow/1.jpg", 200);
    let data = same(archive).unwrap();
    assert_eq!((data.train.labels(), data.valid.labels()), (&[0, 0, 0, 0, 0, 1, 2][..], &[0, 1, 2][..]));

    for (name, target) in [("set/val/cat/2.jpg", "nowhere.jpg"), ("set/val/cow", "nowhere"), ("set/val/x", "x")] {
        let mut archive = plain();
        link(&mut archive, EntryType::Symlink, name, target);
        let error = same(archive).unwrap_err().to_string();
        assert!(error.contains(&name[4..]), "{error}");
    }
}

#[test]
fn the_last_of_several_members_counts() {
    let mut archive = plain();
    link(&mut archive, EntryType::Link, "set/train/cat/2.jpg", "set/train/cat/1.jpg");
    file(&mut archive, "set/train/cat/1.jpg", 240);
    // A file in the place of a link, and a link in the place of a file.
    link(&mut archive, EntryType::Symlink, "set/val/cat/2.jpg", "1.jpg");
    file(&mut archive, "set/val/cat/2.jpg", 77);
    file(&mut archive, "set/val/dog/2.jpg", 88);
    link(&mut archive, EntryType::Symlink, "set/val/dog/2.jpg", "1.jpg");
    let data = same(archive).unwrap();
    assert_eq!((data.train.labels(), data.valid.labels()), (&[0, 0, 1][..], &[0, 0, 1, 1][..]));
}

#[test]
fn hidden_files_and_folders_are_no_classes() {
    let mut archive = plain();
    for name in ["train/.ipynb_checkpoints/1.jpg", "train/cat/.ipynb_checkpoints/1.jpg", "val/.git/x.jpg"] {
        file(&mut archive, &format!("set/{name}"), 1);
    }
    for name in ["._set", "set/._train", "set/train/._cat", "set/train/cat/._1.jpg", "set/.DS_Store"] {
        add(&mut archive, EntryType::Regular, name.as_bytes(), "", b"\x00\x05\x16\x07");
    }
    // A data set of its own that nobody means.
    file(&mut archive, ".trash/train/cow/1.jpg", 1);
    let data = same(archive).unwrap();
    assert_eq!((data.classes, data.train.len(), data.valid.len()), (2, 2, 2));
    assert_eq!(data.sha256(), same(plain()).unwrap().sha256());
}

#[test]
fn names_are_spelt_in_many_ways() {
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, EntryType::Directory, b"./set/", "", b"");
    add(&mut archive, EntryType::Directory, b"./set/train", "", b"");
    for (name, shade) in [("./set/train/cat/1", 10), ("set/./train//dog/1", 60), ("././set/val/cat/1", 110)] {
        file(&mut archive, &format!("{name}.jpg"), shade);
    }
    file(&mut archive, "set/val/dog/1.jpg", 160);
    assert_eq!(same(archive).unwrap().sha256(), same(plain()).unwrap().sha256());

    // Longer than a header holds: GNU's way and PAX's; not UTF-8; and a header from before POSIX.
    let mut archive = plain();
    let [long, longer] =
        [("long", 150), ("longer", 230)].map(|(name, count)| format!("set/train/cat/{}{name}.jpg", "x".repeat(count)));
    let picture = solid_jpeg([33; 3], 9, 9);
    let mut header = Header::new_gnu();
    header.set_size(picture.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, &long, picture.as_slice()).unwrap();
    archive.append_pax_extensions([("path", longer.as_bytes())]).unwrap();
    file(&mut archive, "short.jpg", 44);
    add(&mut archive, EntryType::Regular, b"set/train/dog/caf\xe9.jpg", "", &picture);
    let mut old = Header::new_old();
    old.set_path("set/val/dog/old.jpg").unwrap();
    old.set_size(picture.len() as u64);
    old.set_mode(0o644);
    old.set_cksum();
    archive.append(&old, picture.as_slice()).unwrap();
    let data = same(archive).unwrap();
    assert_eq!((data.train.labels(), data.valid.labels()), (&[0, 0, 0, 1, 1][..], &[0, 1, 1][..]));
}

#[test]
fn folders_are_members_too() {
    let mut archive = plain();
    add(&mut archive, EntryType::Directory, b"set/train/cow/", "", b"");
    let error = same(archive).unwrap_err();
    assert!(matches!(&error, DataError::EmptyClass { folder } if folder.ends_with("train/cow")), "{error}");
    // A class that is a file, and one that is none.
    let mut archive = plain();
    add(&mut archive, EntryType::Regular, b"set/train/cow", "", b"");
    let error = same(archive).unwrap_err();
    assert!(matches!(&error, DataError::NoFolder { path } if path.ends_with("train/cow")), "{error}");
    let mut archive = plain();
    add(&mut archive, EntryType::Regular, b"set/train/readme.txt", "", b"");
    assert_eq!(same(archive).unwrap().classes, 2);
    let mut archive = plain();
    add(&mut archive, EntryType::Fifo, b"set/train/cat/2.jpg", "", b"");
    assert!(same(archive).unwrap_err().to_string().contains("train/cat/2.jpg"));
}

/// Refused, with its cause.
fn told(archive: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, archive).unwrap();
    in_full(&load(&path).unwrap_err())
}

#[test]
fn what_cannot_be_unpacked_is_told() {
    let mut archive = plain();
    link(&mut archive, EntryType::Link, "set/train/cat/2.jpg", "set/train/cat/nowhere.jpg");
    let error = told(&archive.into_inner().unwrap());
    assert!(
        error.contains("set/train/cat/2.jpg: a link to set/train/cat/nowhere.jpg, where there is no file"),
        "{error}"
    );

    let mut archive = plain();
    file(&mut archive, "set/train/cat/1.jpg/2.jpg", 7);
    let error = told(&archive.into_inner().unwrap());
    assert!(error.contains("set/train/cat/1.jpg is no folder, but something lies in it"), "{error}");

    let mut archive = plain();
    file(&mut archive, "other/train/cat/1.jpg", 7);
    let error = told(&archive.into_inner().unwrap());
    assert!(error.contains("it holds both other/train and set/train"), "{error}");

    // Out of the archive nothing is read.
    let outside = tempfile::tempdir().unwrap();
    let picture = outside.path().join("secret.jpg");
    fs::write(&picture, solid_jpeg([9; 3], 9, 9)).unwrap();
    for target in [picture.to_str().unwrap(), "../../../../../../../../../../../../etc/passwd"] {
        let mut archive = plain();
        link(&mut archive, EntryType::Symlink, "set/train/cat/2.jpg", target);
        let error = told(&archive.into_inner().unwrap());
        assert!(error.contains("set/train/cat/2.jpg") || error.contains("train/cat/2.jpg"), "{error}");
    }
    // Names that would steer the terminal.
    let mut archive = plain();
    add(&mut archive, EntryType::Regular, b"set/train/cat/\x1b[2J\r\nok.jpg", "", b"no picture");
    let bytes = archive.into_inner().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, &bytes).unwrap();
    let error = load(&path).unwrap().train.batch(&[0], None).unwrap_err().to_string();
    assert!(error.contains(r"train/cat/\u001b[2J\u000d\u000aok.jpg: the picture is damaged"), "{error}");
}

#[test]
fn an_archive_that_is_cut_off_is_refused_wherever_it_is_cut() {
    let whole = plain().into_inner().unwrap();
    let content = whole.iter().rposition(|&byte| byte != 0).unwrap().next_multiple_of(512);
    for length in (0..content).step_by(256) {
        let error = told(&whole[..length]);
        // Without a whole header nothing tells what it was.
        let expected = if length < 512 { "a.tar: this is no archive" } else { "a.tar: damaged archive: " };
        assert!(error.contains(expected), "{length}: {error}");
    }
    let [gzip, xz] = [gzip(&whole), xz(&whole)];
    for packed in [&gzip, &xz] {
        for length in [packed.len() / 2, packed.len() - 5] {
            assert!(told(&packed[..length]).contains("a.tar: damaged archive: "), "{length}");
        }
    }
}

#[test]
fn a_file_that_is_no_archive_is_no_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let tar = plain().into_inner().unwrap();
    let mut old = Builder::new(Vec::new());
    let mut header = Header::new_old();
    header.set_path("train/cat/1.jpg").unwrap();
    header.set_size(0);
    header.set_cksum();
    old.append(&header, &b""[..]).unwrap();
    let zip = zip(&[("ptb.train.txt", "a")]);
    let text = b"a text of some length ".repeat(40);
    // What a file is called says nothing.
    for (content, is_tar, is_zip) in [
        (&tar, true, false),
        (&gzip(&tar), true, false),
        (&xz(&tar), true, false),
        (&old.into_inner().unwrap(), true, false),
        (&zip, false, true),
        (&text, false, false),
        (&[b"BZh91AY&SY".as_slice(), &text].concat(), false, false),
        (&Vec::new(), false, false),
    ] {
        fs::write(&path, content).unwrap();
        for name in ["cifar10", "cifar100", "image_folders", "penn_treebank"] {
            let config = config(DataSource::named(name).unwrap(), path.to_str(), [0, 0]);
            let is_right = if name == "penn_treebank" { is_zip } else { is_tar };
            match Data::find(&config) {
                Ok(found) => assert!(is_right && found.as_ref() == Some(&path), "{name}"),
                Err(error) => {
                    let accepted =
                        if name == "penn_treebank" { "a ZIP archive with " } else { ".tar, .tar.gz or .tar.xz" };
                    let error = error.to_string();
                    assert!(!is_right && error.contains("accepted: ") && error.contains(accepted), "{name}: {error}");
                    assert_eq!(Data::load(&config).unwrap_err().to_string(), error);
                }
            }
        }
    }
    fs::write(&path, gzip(&text)).unwrap();
    assert!(in_full(&load(&path).unwrap_err()).ends_with("what is in it is no tar archive"));
}

#[test]
fn the_name_of_a_member_is_cut_in_messages() {
    let mut archive = plain();
    archive.append_pax_extensions([("path", "x".repeat(5000).as_bytes())]).unwrap();
    file(&mut archive, "short.jpg", 44);
    let error = told(&archive.into_inner().unwrap());
    assert!(error.contains("xxx…xxx") && error.contains("a path of 5000 bytes") && error.len() < 1000, "{error}");
    let mut archive = plain();
    let class = format!("set/train/{}", "y".repeat(3000));
    archive.append_pax_extensions([("path", class.as_bytes())]).unwrap();
    add(&mut archive, EntryType::Regular, b"short", "", b"");
    let error = told(&archive.into_inner().unwrap());
    assert!(error.contains("yyy…yyy") && error.contains("yyy: a file stands where") && error.len() < 1000, "{error}");
}
