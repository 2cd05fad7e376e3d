//! Downloads: whole, continued, refused, stalled, wrong.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use lookahead_data as data;
use lookahead_data::{Downloaded, FetchError, OfficialFile, download};

use crate::server::{Manner, Server, content, direct, file, md5_of, names};
use crate::support::{gzip, in_full};

#[test]
fn a_download_is_whole_and_is_not_repeated() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    let mut seen = Vec::new();
    let to = folder.path().join("new/folder");
    let path = download(&file, &to, &direct(), &mut |done| seen.push(done)).unwrap();
    assert_eq!(path, to.join("a.bin"));
    assert!(fs::read(&path).unwrap() == content);
    assert_eq!(names(&to), ["a.bin"]);
    let total = content.len() as u64;
    assert_eq!(seen.first(), Some(&Downloaded { bytes: 0, total: Some(total) }));
    assert_eq!(seen.last(), Some(&Downloaded { bytes: total, total: Some(total) }));
    assert!(seen.is_sorted_by_key(|done| done.bytes));

    assert_eq!(download(&file, &to, &direct(), &mut |_| ()).unwrap(), path);
    assert_eq!(server.requests(), [("/pub/a.bin".to_owned(), None)]);
}

#[test]
fn a_cut_download_continues_where_it_stopped() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::CutAfter(123_456), Manner::CutAfter(100_000), Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    for expected in [123_456, 223_456] {
        let error = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Cut { bytes, .. } if bytes == expected), "{error}");
        assert_eq!(names(folder.path()), ["a.bin.part"]);
    }
    let mut first = None;
    let path = download(&file, folder.path(), &direct(), &mut |done| first = first.or(Some(done))).unwrap();
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
    download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err();
    let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
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
    let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
    // The end of another file: the next try begins anew.
    let other = OfficialFile { name: "b.bin", ..file };
    fs::write(folder.path().join("b.bin.part"), vec![7; 600_000]).unwrap();
    let error = download(&other, folder.path(), &direct(), &mut |_| ()).unwrap_err();
    let is_checksum = |source: &FetchError| matches!(source, FetchError::Checksum { .. });
    assert!(matches!(&error, FetchError::OtherFile { source, .. } if is_checksum(source)), "{error}");
    assert_eq!(names(folder.path()), ["a.bin"]);
    download(&other, folder.path(), &direct(), &mut |_| ()).unwrap();
}

#[test]
fn what_is_wrong_or_absent_leaves_nothing_behind() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let wrong = OfficialFile { md5: Some("00000000000000000000000000000000"), ..file("a.bin", &server.base, &content) };
    let error = in_full(&download(&wrong, folder.path(), &direct(), &mut |_| ()).unwrap_err());
    assert!(error.starts_with(&format!("{}a.bin: what it sends is not the official file", server.base)), "{error}");
    let expected = format!("its MD5 is {}, but 00000000000000000000000000000000 was expected", md5_of(&content));
    assert!(error.ends_with(&expected), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);

    let server = Server::of(&content, &[Manner::Absent]);
    let error = download(&file("a.bin", &server.base, &content), folder.path(), &direct(), &mut |_| ()).unwrap_err();
    let expected = format!(
        "{}a.bin: the server answers 404; if you find the file elsewhere, put it at {}",
        server.base,
        folder.path().join("a.bin").display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(names(folder.path()), [""; 0]);

    // Without an MD5, gzip's own checksum is looked at.
    let compressed = gzip(&content);
    let twice = gzip(&compressed);
    for damaged in [&b"<html>come in</html>"[..], &compressed[..compressed.len() - 4], &twice] {
        let server = Server::of(damaged, &[Manner::Whole]);
        let unknown = OfficialFile { md5: None, ..file("a.tgz", &server.base, &[]) };
        let error = in_full(&download(&unknown, folder.path(), &direct(), &mut |_| ()).unwrap_err());
        assert!(error.starts_with(&format!("{}a.tgz: what it sends is not the official", server.base)), "{error}");
        assert!(error.contains("a.tgz.part: damaged gzip data: "), "{error}");
        assert_eq!(error.ends_with("it is compressed twice"), damaged == twice, "{error}");
        assert_eq!(names(folder.path()), [""; 0]);
    }

    // Nobody listens here any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let offline = file("a.bin", &format!("http://{address}"), &content);
    let error = download(&offline, folder.path(), &direct(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("download it elsewhere and put it at "), "{error}");
}

#[test]
fn a_stalled_download_ends_and_continues() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let manners = [Manner::StallAfter(100_000), Manner::Mute, Manner::StallAfter(50_000), Manner::Whole];
    let server = Server::of(&content, &manners);
    let file = file("a.bin", &server.base, &content);
    let patience = data::Server { patience: Duration::from_millis(300), ..direct() };
    let started = Instant::now();
    for expected in [100_000, 100_000, 150_000] {
        let error = download(&file, folder.path(), &patience, &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Stalled { bytes, .. } if bytes == expected), "{error}");
        let expected = format!("nothing came for 0.3 s, after {expected} bytes; the same command continues there");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert_eq!(names(folder.path()), ["a.bin.part"]);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
}

#[test]
fn an_unasked_part_is_taken_for_what_it_is() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    // The beginning, though all of it was asked for: the rest is asked for then.
    let server = Server::of(&content, &[Manner::Part("0-99999/500000"), Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    let error = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, FetchError::Cut { bytes: 100_000, .. }), "{error}");
    let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
    let ranges: Vec<Option<String>> = server.requests().into_iter().map(|(_, range)| range).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned())]);
    // All of it, as a part.
    for range in ["0-499999/500000", "0-499999/*"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::of(&content, &[Manner::Part(range)]);
        let file = crate::server::file("a.bin", &server.base, &content);
        let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
        assert!(fs::read(path).unwrap() == content);
    }
}

#[test]
fn another_part_than_was_asked_for_is_refused_and_nothing_is_lost() {
    let content = content();
    for (begun, range) in [(0, "5-9/500000"), (1000, "0-999/500000"), (1000, "1001-499999/500000"), (1000, ""), (0, "")]
    {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("a.bin.part");
        if begun > 0 {
            fs::write(&part, &content[..begun]).unwrap();
        }
        let server = Server::of(&content, &[Manner::Part(range), Manner::Whole]);
        let file = file("a.bin", &server.base, &content);
        let error = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err().to_string();
        let found = if range.is_empty() { "some part".to_owned() } else { format!("bytes {range}") };
        assert!(error.contains(&format!("asked for the bytes from {begun} on, the server sends {found}")), "{error}");
        assert_eq!(fs::read(&part).unwrap_or_default(), content[..begun], "{range}");
        // Another server, or this one in a better mood.
        let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
        assert!(fs::read(path).unwrap() == content);
    }
}

#[test]
fn the_rest_of_what_servers_do() {
    let content = content();
    // It says that all is there when it is not.
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("a.bin.part");
    fs::write(&part, &content[..1000]).unwrap();
    let server = Server::of(&content, &[Manner::NothingLeft(500_000), Manner::Whole]);
    let error = download(&file("a.bin", &server.base, &content), folder.path(), &direct(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, FetchError::Refused { status: 416, .. }), "{error}");
    assert_eq!(fs::read(&part).unwrap(), content[..1000]);

    for manners in [&[Manner::Redirect, Manner::Whole][..], &[Manner::WithoutLength]] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::of(&content, manners);
        let file = file("a.bin", &server.base, &content);
        let path = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap();
        assert!(fs::read(path).unwrap() == content, "{manners:?}");
    }
    // A redirected continuation.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.bin.part"), &content[..1000]).unwrap();
    let server = Server::of(&content, &[Manner::Redirect, Manner::Whole]);
    let path = download(&file("a.bin", &server.base, &content), folder.path(), &direct(), &mut |_| ()).unwrap();
    assert!(fs::read(path).unwrap() == content);
    assert_eq!(server.requests()[1], ("/elsewhere/a.bin".to_owned(), Some("bytes=1000-".to_owned())));
}

#[test]
fn what_is_there_is_checked_and_not_replaced() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let path = folder.path().join("a.bin");
    let with_md5 = file("a.bin", &server.base, &content);
    let with_gzip = OfficialFile { md5: None, ..with_md5 };
    for (file, wrong) in
        [(&with_md5, &content[1..]), (&with_md5, &b""[..]), (&with_gzip, &b""[..]), (&with_gzip, &content[..])]
    {
        fs::write(&path, wrong).unwrap();
        let error = download(file, folder.path(), &direct(), &mut |_| ()).unwrap_err();
        let expected = "a.bin, which is here, is not as it should be; delete it, and the same command makes it again";
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(fs::read(&path).unwrap() == wrong);
    }
    assert_eq!(server.requests().len(), 0);
    fs::remove_file(&path).unwrap();
    download(&with_md5, folder.path(), &direct(), &mut |_| ()).unwrap();
}

#[test]
fn two_downloads_of_a_file_do_not_destroy_each_other() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    let mut refused = 0;
    let path = download(&file, folder.path(), &direct(), &mut |_| {
        let error = download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Busy { .. }), "{error}");
        assert!(error.to_string().ends_with("a.bin.part: another process is downloading this"), "{error}");
        refused += 1;
    });
    assert!(fs::read(path.unwrap()).unwrap() == content);
    assert!(refused > 2 && server.requests().len() == 1);
    assert_eq!(names(folder.path()), ["a.bin"]);
}

/// A pipe would never be opened, and what a link leads to is another's.
#[cfg(unix)]
#[test]
fn only_a_file_is_continued() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = Server::of(&content, &[Manner::Whole]);
    let file = file("a.bin", &server.base, &content);
    let part = folder.path().join("a.bin.part");
    assert!(std::process::Command::new("mkfifo").arg(&part).status().unwrap().success());
    let error = in_full(&download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err());
    assert!(error.contains("a.bin.part: this is a named pipe, where a file is expected"), "{error}");
    fs::remove_file(&part).unwrap();
    let other = folder.path().join("other");
    fs::write(&other, "other").unwrap();
    std::os::unix::fs::symlink(&other, &part).unwrap();
    let error = in_full(&download(&file, folder.path(), &direct(), &mut |_| ()).unwrap_err());
    assert!(error.contains("a.bin.part: this is a link"), "{error}");
    assert_eq!((fs::read(&other).unwrap(), server.requests().len()), (b"other".to_vec(), 0));
}
