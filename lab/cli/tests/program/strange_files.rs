//! What is no file where one is expected: pipes that nobody writes to, sockets, devices, folders, endless sizes.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::support::{Bench, stderr};

/// A Penn Treebank, two texts and two aligned files would all be read from `place`.
const DATA: [&str; 4] = [
    "data = { name = 'text_files', dir = 'd', train = 'place', valid = 'good.txt' }\nmodel.name = 'awd_lstm'",
    "data = { name = 'text_files', dir = 'd', train = 'good.txt', valid = 'place' }\nmodel.name = 'awd_lstm'",
    "data = { name = 'parallel_text', dir = 'd', source = 'good.txt', target = 'place', valid_source = 'good.txt', \
     valid_target = 'good.txt' }\nmodel.name = 'transformer'",
    "data = { name = 'multi30k', dir = 'd', subwords = 'place' }\nmodel.name = 'transformer'",
];

/// Ends, with an error that says `what`, within ten seconds.
fn refused(bench: &Bench, arguments: &[&str], what: &str) {
    let mut child = bench.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{arguments:?} waits for {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output: Output = child.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {:?}", output.status);
    assert!(stderr(&output).contains(what), "{arguments:?}: {what:?} is not in\n{}", stderr(&output));
}

fn every_reader_refuses(make: impl Fn(&Path), what: &str) {
    let bench = Bench::new("");
    let place = bench.path().join("d/place");
    fs::create_dir_all(bench.path().join("d")).unwrap();
    fs::write(bench.path().join("d/good.txt"), "a good text\n").unwrap();
    make(&place);
    refused(&bench, &["train", "d/place"], what);
    // A file of sweeps ends in .toml.
    fs::remove_file(bench.path().join("run.toml")).unwrap();
    symlink("d/place", bench.path().join("run.toml")).unwrap();
    refused(&bench, &["run", "run.toml"], what);
    refused(
        &bench,
        &["theory", "loss", "--spectrum", "file:d/place", "--lr", "0.5", "--k", "5", "--alpha", "0.5", "--steps", "9"],
        "is not a regular file",
    );
    for data in DATA {
        let config = format!("{data}\noptimizer.name = 'sgd'\nschedule.learning_rate = 0.1\n");
        let name = bench.path().join("data.toml");
        fs::write(&name, config).unwrap();
        for language in ["en", "de"] {
            fs::write(bench.path().join(format!("d/train.{language}")), "a good text\n").unwrap();
        }
        refused(&bench, &["train", "data.toml"], what);
    }
    for (name, file) in [
        ("penn_treebank", "ptb.zip"),
        ("fashion_mnist", "train-images-idx3-ubyte"),
        ("cifar10", "cifar-10-binary.tar.gz"),
        ("cifar100", "train.bin"),
        ("image_folders", "train/a/1.jpg"),
    ] {
        let path = bench.path().join(name).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&place, &path).unwrap();
        refused(&bench, &["data", "verify", name, "--data", name], what);
    }
}

#[test]
fn pipes_that_nobody_writes_to() {
    let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    every_reader_refuses(pipe, "this is a named pipe, where a file is expected");
}

#[test]
fn sockets() {
    let socket = |path: &Path| drop(UnixListener::bind(path).unwrap());
    every_reader_refuses(socket, "this is a socket, where a file is expected");
}

#[test]
fn devices_without_an_end() {
    every_reader_refuses(|path| symlink("/dev/zero", path).unwrap(), "this is a device, where a file is expected");
}

#[test]
fn a_configuration_without_an_end() {
    let bench = Bench::new("");
    File::create(bench.path().join("run.toml")).unwrap().set_len(1 << 40).unwrap();
    refused(&bench, &["train", "run.toml"], "more than 16777216 bytes");
    refused(&bench, &["run", "run.toml"], "more than 16777216 bytes");
}
