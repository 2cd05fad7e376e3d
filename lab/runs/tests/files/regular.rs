//! A FIFO, a folder or a device is refused at once where a file is expected.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use lookahead_runs::files::{open, read_all, write_atomically};

#[test]
fn only_regular_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    fs::write(path("file"), "text").unwrap();
    std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
    std::os::unix::fs::symlink(path("fifo"), path("to_fifo")).unwrap();
    for (refused, kind) in
        [(path("fifo").as_path(), "a named pipe"), (&path("to_fifo"), "a named pipe"), (folder.path(), "a folder")]
            .into_iter()
            .chain([(Path::new("/dev/zero"), "a device")])
    {
        let error = open(refused).unwrap_err().to_string();
        assert!(error.contains(kind), "{}: {error}", refused.display());
    }
    assert_eq!(read_all(&path("file")).unwrap(), b"text");
    assert_eq!(read_all(&path("link")).unwrap(), b"text");
}

#[test]
fn a_link_is_replaced_and_what_it_leads_to_stays() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
    fs::write(&file, "precious").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    write_atomically(&link, b"new").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(fs::read(&link).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
}
