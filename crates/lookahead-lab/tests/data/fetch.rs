//! Downloads from a server in this process: whole, continued, refused, wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use lookahead_lab::data::{Downloaded, FetchError, Official, OfficialFile, Origin, Unpacked, download, fetch, verify};
use md5::{Digest, Md5};

use crate::support::{gzip, tar};

/// What the server does with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// As HTTP says, byte ranges included.
    Whole,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Sends everything whatever range is asked for.
    WithoutRange,
    /// The file is not there.
    Absent,
}

/// The path and the range that were asked for.
type Request = (String, Option<String>);

/// A server of one content; `manners` are those of the requests in turn, the last one for all that follow.
struct Server {
    base: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn of(content: &[u8], manners: &[Manner]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/pub/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, content, manners) = (Arc::clone(&requests), content.to_vec(), manners.to_vec());
        // It ends with the process.
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let manner = manners[index.min(manners.len() - 1)];
                // A client that goes away is none of the server's business.
                let _ = answer(stream.unwrap(), &content, manner, &seen);
            }
        });
        Self { base, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    content: &[u8],
    manner: Manner,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap()?;
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("range") {
            range = Some(value.to_owned());
        }
    }
    requests.lock().unwrap().push((path, range.clone()));
    let start: usize =
        range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap());
    let total = content.len();
    let (status, extra, body) = match manner {
        Manner::Absent => ("404 Not Found", String::new(), &b"no such file"[..]),
        Manner::WithoutRange => ("200 OK", String::new(), content),
        _ if start >= total && start > 0 => {
            ("416 Range Not Satisfiable", format!("Content-Range: bytes */{total}\r\n"), &b""[..])
        }
        _ if start > 0 => {
            let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
            ("206 Partial Content", range, &content[start..])
        }
        _ => ("200 OK", String::new(), content),
    };
    write!(stream, "HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    let sent = if let Manner::CutAfter(bytes) = manner { &body[..bytes.min(body.len())] } else { body };
    stream.write_all(sent)
}

/// Half a megabyte that does not repeat.
fn content() -> Vec<u8> {
    (0..500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn md5_of(bytes: &[u8]) -> &'static str {
    let hexadecimal: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hexadecimal.leak()
}

fn file(name: &'static str, base: &str, content: &[u8]) -> OfficialFile {
    OfficialFile { name, base: base.to_owned().leak(), md5: Some(md5_of(content)) }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_download_is_whole_and_is_not_repeated() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    let mut seen = Vec::new();
    let to = folder.path().join("new/folder");
    let path = download(&file, &to, None, &mut |done| seen.push(done)).unwrap();
    assert_eq!(path, to.join("a.bin"));
    assert!(fs::read(&path).unwrap() == content);
    assert_eq!(names(&to), ["a.bin"]);
    let total = content.len() as u64;
    assert_eq!(seen.first(), Some(&Downloaded { bytes: 0, total: Some(total) }));
    assert_eq!(seen.last(), Some(&Downloaded { bytes: total, total: Some(total) }));
    assert!(seen.is_sorted_by_key(|done| done.bytes));

    assert_eq!(download(&file, &to, None, &mut |_| ()).unwrap(), path);
    assert_eq!(server.requests(), [("/pub/a.bin".to_owned(), None)]);
}

#[test]
fn a_cut_download_continues_where_it_stopped() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::CutAfter(123_456), Manner::CutAfter(100_000), Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    for expected in [123_456, 223_456] {
        let error = download(&file, folder.path(), None, &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Cut { bytes, .. } if bytes == expected), "{error}");
        assert_eq!(names(folder.path()), ["a.bin.part"]);
    }
    let mut first = None;
    let path = download(&file, folder.path(), None, &mut |done| first = first.or(Some(done))).unwrap();
    assert_eq!(first, Some(Downloaded { bytes: 223_456, total: Some(500_000) }));
    assert!(fs::read(path).unwrap() == content);
    assert_eq!(names(folder.path()), ["a.bin"]);
    let ranges: Vec<Option<String>> = server.requests().into_iter().map(|(_, range)| range).collect();
    assert_eq!(ranges, [None, Some("bytes=123456-".to_owned()), Some("bytes=223456-".to_owned())]);
}

#[test]
fn a_server_without_ranges_is_asked_for_all_of_it() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::CutAfter(200_000), Manner::WithoutRange]);
    let file = file("a.bin", &server.base, &content);
    download(&file, folder.path(), None, &mut |_| ()).unwrap_err();
    let path = download(&file, folder.path(), None, &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
    assert_eq!(names(folder.path()), ["a.bin"]);
}

#[test]
fn a_complete_part_is_only_checked() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    // Stopped between the last byte and the new name.
    fs::write(folder.path().join("a.bin.part"), &content).unwrap();
    let path = download(&file, folder.path(), None, &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
    // The end of another file: the next try begins anew.
    let other = OfficialFile { name: "b.bin", ..file };
    fs::write(folder.path().join("b.bin.part"), vec![7; 600_000]).unwrap();
    let error = download(&other, folder.path(), None, &mut |_| ()).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
    assert_eq!(names(folder.path()), ["a.bin"]);
    download(&other, folder.path(), None, &mut |_| ()).unwrap();
}

#[test]
fn what_is_wrong_or_absent_leaves_nothing_behind() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let wrong = OfficialFile { md5: Some("00000000000000000000000000000000"), ..file("a.bin", &server.base, &content) };
    let error = download(&wrong, folder.path(), None, &mut |_| ()).unwrap_err().to_string();
    let expected = format!("its MD5 is {}, but 00000000000000000000000000000000 was expected", md5_of(&content));
    assert!(error.ends_with(&expected), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);

    let server = Server::of(&content, &[Manner::Absent]);
    let error = download(&file("a.bin", &server.base, &content), folder.path(), None, &mut |_| ()).unwrap_err();
    let expected = format!(
        "{}a.bin: the server answers 404; if you find the file elsewhere, put it at {}",
        server.base,
        folder.path().join("a.bin").display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(names(folder.path()), [""; 0]);

    // Without an MD5, gzip's own checksum is looked at.
    let compressed = gzip(&content);
    for damaged in [&b"<html>come in</html>"[..], &compressed[..compressed.len() - 4]] {
        let server = Server::of(damaged, &[Manner::Whole]);
        let unknown = OfficialFile { md5: None, ..file("a.tgz", &server.base, &[]) };
        let error = download(&unknown, folder.path(), None, &mut |_| ()).unwrap_err().to_string();
        assert!(error.ends_with("a.tgz.part: damaged gzip data"), "{error}");
        assert_eq!(names(folder.path()), [""; 0]);
    }

    // Nobody listens here any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let offline = file("a.bin", &format!("http://{address}"), &content);
    let error = download(&offline, folder.path(), None, &mut |_| ()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("download it elsewhere and put it at "), "{error}");
}

/// CIFAR-100 in the form of its archive, one record in each part.
fn cifar100() -> Vec<u8> {
    let record = |label: u8| [vec![label / 5, label], vec![label; 3072]].concat();
    let files = [("train.bin", record(7)), ("test.bin", record(8)), ("fine_label_names.txt", b"apple\n".to_vec())];
    gzip(&tar(&files.map(|(name, content)| (format!("cifar-100-binary/{name}"), content))))
}

#[test]
fn an_archive_is_unpacked_and_verified() {
    let (archive, folder) = (cifar100(), tempfile::tempdir().unwrap());
    let server = Server::of(&archive, &[Manner::Whole]);
    let files = vec![file("cifar-100-binary.tar.gz", "http://127.0.0.1:9/", &archive)].leak();
    let unpacked =
        Unpacked { folder: "cifar-100-binary", files: &[("train.bin", Some(3074)), ("test.bin", Some(3074))] };
    let origin = Origin::Download { folder: "", files, unpacked: Some(unpacked) };
    let official = Official { name: "cifar100", what: "a small one", origin };
    let dir = folder.path();
    let there = fetch(&official, dir, Some(&server.base), &mut |_, _| ()).unwrap();
    assert_eq!(there, [dir.join("cifar-100-binary.tar.gz"), dir.join("cifar-100-binary")]);
    assert_eq!(names(dir), ["cifar-100-binary", "cifar-100-binary.tar.gz"]);
    assert_eq!(names(&dir.join("cifar-100-binary")), ["test.bin", "train.bin"]);
    let checked = verify(&official, Some(dir)).unwrap();
    assert_eq!(checked.len(), 3);
    assert_eq!(checked[2], "CIFAR-100, 1 + 1 images: all of it can be read");

    // Unpacked, it needs neither the archive nor the server.
    fs::remove_file(dir.join("cifar-100-binary.tar.gz")).unwrap();
    fetch(&official, dir, None, &mut |_, _| ()).unwrap();
    assert_eq!((verify(&official, Some(dir)).unwrap().len(), server.requests().len()), (2, 1));

    let train = dir.join("cifar-100-binary/train.bin");
    let mut content = fs::read(&train).unwrap();
    content[1] = 100;
    fs::write(&train, &content).unwrap();
    assert!(verify(&official, Some(dir)).unwrap_err().to_string().contains("fine label 100 of example 0"));
    fs::write(&train, &content[1..]).unwrap();
    assert!(matches!(verify(&official, Some(dir)), Err(FetchError::Size { found: 3073, expected: 3074, .. })));
    fs::write(dir.join("cifar-100-binary.tar.gz"), &archive[1..]).unwrap();
    assert!(matches!(verify(&official, Some(dir)), Err(FetchError::Checksum { .. })));
}

/// `lookahead data` with the official addresses replaced by `mirror`.
fn lookahead(arguments: &[&str], dir: &Path, mirror: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookahead"));
    command.arg("data").args(arguments).arg("--data").arg(dir).env("LOOKAHEAD_DATA_MIRROR", mirror);
    command.output().unwrap()
}

#[test]
fn texts_in_several_archives_are_put_into_one_folder() {
    let text = |lines: usize, line: &str| line.repeat(lines).into_bytes();
    let member = |name: &str, content: Vec<u8>| (name.to_owned(), content);
    let segment = |text: &str| format!("<seg id=\"1\">{text}</seg>").into_bytes();
    // All archives are this one: the server has one content.
    let plain = tar(&[
        member("training/europarl-v7.de-en.en", text(9, "a cat\n")),
        member("training/europarl-v7.de-en.de", text(9, "eine Katze\n")),
        member("training/europarl-v7.fr-en.fr", text(9, "un chat\n")),
        member("commoncrawl.de-en.en", text(2, "a dog\n")),
        member("commoncrawl.de-en.de", text(2, "ein Hund\n")),
        member("training/news-commentary-v9.de-en.en", text(1, "news\n")),
        member("training/news-commentary-v9.de-en.de", text(1, "Neues\n")),
        member("dev/newstest2013.en", text(1, "the cat\n")),
        member("dev/newstest2013.de", text(1, "die Katze\n")),
        member("test-full/newstest2014-deen-src.en.sgm", segment("the dog")),
        member("test-full/newstest2014-deen-ref.de.sgm", segment("der Hund")),
    ]);
    let archive = gzip(&plain);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let server = Server::of(&archive, &[Manner::Whole]);
    let wmt14 = Official::named("wmt14-en-de").unwrap();
    let there = fetch(wmt14, dir, Some(&server.base), &mut |_, _| ()).unwrap();
    assert_eq!((there.len(), there.last()), (6, Some(&dir.join("wmt14-en-de"))));
    assert_eq!(names(dir), ["wmt14-en-de", "wmt14-en-de-archives"]);
    assert_eq!(names(&dir.join("wmt14-en-de")).len(), 10);
    let paths: Vec<String> = server.requests().into_iter().map(|(path, _)| path).collect();
    let expected = ["training-parallel-europarl-v7", "training-parallel-commoncrawl", "training-parallel-nc-v9"];
    assert_eq!(paths[..3], expected.map(|name| format!("/pub/{name}.tgz")));
    assert_eq!(paths[3..], ["/pub/dev.tgz", "/pub/test-full.tgz"]);
    let checked = verify(wmt14, Some(dir)).unwrap();
    let first = "training-parallel-europarl-v7.tgz: gzip's checksum; no official one is published";
    assert!(checked[0].ends_with(first), "{checked:?}");
    assert!(checked[5].ends_with("wmt14-en-de: 10 files, 0 of known size"), "{checked:?}");
    assert!(checked[6].starts_with("WMT14 English-German, 12 + 1 + 1 pairs, "), "{checked:?}");

    // Without one of the files, or damaged, nothing is unpacked, and the archives stay.
    let unpacked = dir.join("wmt14-en-de");
    fs::remove_dir_all(&unpacked).unwrap();
    let name = dir.join("wmt14-en-de-archives/dev.tgz");
    let cut = gzip(&plain[..520]);
    for damaged in [&archive[..archive.len() / 2], &archive[..archive.len() - 4], &cut, b"<html>not found</html>"] {
        fs::write(&name, damaged).unwrap();
        let error = fetch(wmt14, dir, None, &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().ends_with("dev.tgz: damaged archive"), "{error}");
        assert_eq!(names(dir), ["wmt14-en-de-archives"]);
    }
    for archive in names(&dir.join("wmt14-en-de-archives")) {
        let content = gzip(&tar(&[member("europarl-v7.de-en.en", text(1, "a\n"))]));
        fs::write(dir.join("wmt14-en-de-archives").join(archive), content).unwrap();
    }
    let error = fetch(wmt14, dir, None, &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, FetchError::NotInArchive { name: "europarl-v7.de-en.de", .. }), "{error}");
    assert_eq!(names(dir), ["wmt14-en-de-archives"]);
}

#[test]
fn the_program_lists_fetches_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let server = Server::of(b"not the official file", &[Manner::Whole]);
    let run = |arguments: &[&str]| {
        let output = lookahead(arguments, dir, &server.base);
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
    assert_eq!(names(dir), [""; 0]);
    assert_eq!(server.requests(), [("/pub/cifar-10-binary.tar.gz".to_owned(), None)]);

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

#[test]
fn verify_names_pictures_that_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train/a/0.jpg", "train/a/1.jpg", "val/a/0.jpg"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, crate::support::solid_jpeg([9; 3], 12, 9)).unwrap();
    }
    let official = Official::named("image_folders").unwrap();
    let checked = verify(official, Some(folder.path())).unwrap();
    assert!(checked[0].contains("2 + 1 images: all of it can be read"), "{checked:?}");
    fs::write(folder.path().join("train/a/1.jpg"), "damaged").unwrap();
    let error = verify(official, Some(folder.path())).unwrap_err().to_string();
    assert!(error.starts_with("1 pictures are damaged: ") && error.contains("train/a/1.jpg"), "{error}");
}
