//! `lookahead data`: what it lists, where it fetches from, and what it says of what is wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::Bench;

/// `lookahead data` with the official addresses replaced by `mirror`.
fn lookahead(arguments: &[&str], dir: &Path, mirror: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookahead"));
    command.arg("data").args(arguments).arg("--data").arg(dir).env("LOOKAHEAD_DATA_MIRROR", mirror);
    command.output().unwrap()
}

/// A server of one content: its address, and the first lines of the requests.
fn mirror(content: &'static [u8]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/pub/", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            seen.lock().unwrap().extend(lines.collect::<Vec<_>>().into_iter().next());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
            (&stream).write_all(&[head.as_bytes(), content].concat()).unwrap();
        }
    });
    (base, requests)
}

#[test]
fn the_program_lists_fetches_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (mirror, requests) = mirror(b"not the official file");
    let run = |arguments: &[&str]| {
        let output = lookahead(arguments, dir, &mirror);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["list"]);
    assert_eq!(code, Some(0));
    for name in ["digits", "fashion_mnist", "cifar10", "cifar100", "image_folders", "made", "not here; `fetch`"] {
        assert!(out.contains(name), "{out}");
    }
    for name in ["penn_treebank", "made_text", "multi30k", "wmt14_en_de", "made_pairs", "not here; by hand"] {
        assert!(out.contains(name), "{out}");
    }
    let (code, _, err) = run(&["fetch", "cifar10"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("cifar-10-binary.tar.gz: 21 of 21 bytes"), "{err}");
    assert!(err.contains("but c32a1d4ab5d03f1284b67883e8d87530 was expected"), "{err}");
    assert!(fs::read_dir(dir).unwrap().next().is_none());
    assert_eq!(*requests.lock().unwrap(), ["GET /pub/cifar-10-binary.tar.gz HTTP/1.1"]);

    let (code, _, err) = run(&["fetch", "image_folders"]);
    assert!(code == Some(1) && err.contains("imagenet/train/n01440764") && err.contains("image-net.org"), "{err}");
    let (code, _, err) = run(&["fetch", "penn_treebank"]);
    assert!(code == Some(1) && err.contains("Linguistic Data Consortium") && err.contains("ptb.train.txt"), "{err}");
    let (code, _, err) = run(&["verify", "wmt14-en-de"]);
    assert!(code == Some(1) && err.contains("wmt14-en-de/europarl-v7.de-en.en"), "{err}");
    let (code, out, _) = run(&["verify", "made_text"]);
    assert!(code == Some(0) && out.contains("10,000 + 1,000 + 1,000 tokens, vocabulary 50: all of it can be read"));
    let (code, out, _) = run(&["fetch", "digits"]);
    assert_eq!((code, &*out), (Some(0), "digits is a part of the program\n"));
    let (code, _, err) = run(&["verify", "cifar100"]);
    assert!(code == Some(1) && err.contains("cifar100 is not here; looked for "), "{err}");
    let (code, out, _) = run(&["verify", "digits"]);
    let expected = "UCI digits, 1,442 + 355 images: all of it can be read\ndigits is as it should be\n";
    assert_eq!((code, &*out), (Some(0), expected));
    assert_eq!(run(&["fetch", "mnist"]).0, Some(2));
}

/// One image in each file of CIFAR-10: `verify` refuses it as the data set, `train` trains on it and says what it is.
#[test]
fn a_part_of_a_data_set_is_said_to_be_one() {
    let bench = Bench::new(
        "epochs = 1\nbatch_size = 5\ndata = { name = \"cifar10\" }\nmodel = { name = \"mlp\", hidden = [4] }\n\
         optimizer = { name = \"sgd\" }\nschedule = { learning_rate = 0.01, name = \"constant\" }\n",
    );
    let dir = bench.path().join("data/cifar-10-batches-bin");
    fs::create_dir_all(&dir).unwrap();
    for number in 1..=6_u8 {
        let name = if number == 6 { "test_batch.bin".to_owned() } else { format!("data_batch_{number}.bin") };
        fs::write(dir.join(name), vec![number; 3073]).unwrap();
    }
    let words = |text: Vec<u8>| String::from_utf8(text).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    // The files in a folder of another name, whose sizes are not looked at.
    let moved = bench.path().join("other");
    fs::rename(&dir, &moved).unwrap();
    let difference = "CIFAR-10, 5 + 1 images, but the official data set has 50,000 + 10,000 images";
    let output = bench.run(&["data", "verify", "cifar10", "--data", "other"]);
    let error = words(output.stderr);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty() && error.contains(difference), "{error}");
    let output = bench.run(&["train", "run.toml", "--data", "other"]);
    let error = words(output.stderr);
    assert!(output.status.success() && error.contains(&format!("warning: {difference}")), "{error}");
}

/// No line is longer than a terminal is wide, where words let it be broken.
#[test]
fn what_verify_says_fits_a_terminal() {
    let bench = Bench::new("");
    for part in ["train", "val"] {
        fs::create_dir_all(bench.path().join(part).join("a")).unwrap();
        image::RgbImage::new(12, 9).save(bench.path().join(part).join("a/0.jpg")).unwrap();
    }
    let output = bench.run(&["data", "verify", "image_folders", "--data", "."]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(text.contains("no official number of images or checksum"), "{text}");
}

/// What is set to nothing, as a script may leave it, is as if it were not there.
#[test]
fn variables_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookahead"));
    // Nobody listens there: the official server is not reached.
    command.env("ALL_PROXY", "http://127.0.0.1:9").env("LOOKAHEAD_DATA_MIRROR", "").env("LOOKAHEAD_DATA_TIMEOUT", "");
    let output = command.args(["data", "fetch", "cifar10", "--data"]).arg(folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("cannot reach https://"), "{error}");
}

#[cfg(unix)]
#[test]
fn verify_keeps_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "val"] {
        fs::create_dir_all(folder.path().join(part).join("a")).unwrap();
        image::RgbImage::new(12, 9).save(folder.path().join(part).join("a/0.jpg")).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", folder.path().join("val/a/1.jpg")).unwrap();
    let output = lookahead(&["verify", "image_folders"], folder.path(), "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("val/a/1.jpg: No such file"), "{error}");
}
