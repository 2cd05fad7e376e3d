//! Fetching and verifying data sets: unpacked, compared, and what is said of what is wrong.

use std::fs;

use lookahead_data::{FetchError, Official, Origin, Unpacked, fetch, verify};

use crate::server::{Manner, Server, direct, file, names};
use crate::support::{gzip, tar};

/// CIFAR-100 in the form of its archive, one record in each part.
fn cifar100() -> Vec<u8> {
    let record = |label: u8| [vec![label / 5, label], vec![label; 3072]].concat();
    let files = [("train.bin", record(7)), ("test.bin", record(8)), ("fine_label_names.txt", b"apple\n".to_vec())];
    gzip(&tar(&files.map(|(name, content)| (format!("cifar-100-binary/{name}"), content))))
}

/// Another address.
fn mirror(server: &Server) -> lookahead_data::Server {
    lookahead_data::Server { mirror: Some(server.base.clone()), ..direct() }
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
    let there = fetch(&official, dir, &mirror(&server), &mut |_, _| ()).unwrap();
    assert_eq!(there, [dir.join("cifar-100-binary.tar.gz"), dir.join("cifar-100-binary")]);
    assert_eq!(names(dir), ["cifar-100-binary", "cifar-100-binary.tar.gz"]);
    assert_eq!(names(&dir.join("cifar-100-binary")), ["test.bin", "train.bin"]);
    let checked = verify(&official, Some(dir)).unwrap();
    assert_eq!(checked.len(), 3);
    assert_eq!(checked[2], "CIFAR-100, 1 + 1 images: all of it can be read");

    // What is there is not trusted: a file that is empty, other or missing, or an empty archive.
    let train = dir.join("cifar-100-binary/train.bin");
    let whole = fs::read(&train).unwrap();
    let mut other = whole.clone();
    other[2000] ^= 1;
    for damage in [Some(&b""[..]), Some(&other[..]), None] {
        damage.map_or_else(|| fs::remove_file(&train), |bytes| fs::write(&train, bytes)).unwrap();
        for error in
            [fetch(&official, dir, &direct(), &mut |_, _| ()).map(drop), verify(&official, Some(dir)).map(drop)]
        {
            let error = crate::support::in_full(&error.unwrap_err());
            assert!(error.contains("train.bin"), "{error}");
        }
        fs::write(&train, &whole).unwrap();
    }
    let packed = dir.join("cifar-100-binary.tar.gz");
    for place in [&packed, &dir.join("cifar-100-binary")] {
        let aside = dir.join("aside");
        fs::rename(place, &aside).unwrap();
        fs::write(place, "").unwrap();
        assert!(matches!(fetch(&official, dir, &direct(), &mut |_, _| ()), Err(FetchError::NotWhole { .. })));
        fs::remove_file(place).unwrap();
        fs::rename(&aside, place).unwrap();
    }

    // Unpacked, it needs neither the archive nor the server.
    fs::remove_file(dir.join("cifar-100-binary.tar.gz")).unwrap();
    fetch(&official, dir, &direct(), &mut |_, _| ()).unwrap();
    assert_eq!((verify(&official, Some(dir)).unwrap().len(), server.requests().len()), (2, 1));

    let mut content = fs::read(&train).unwrap();
    content[1] = 100;
    fs::write(&train, &content).unwrap();
    assert!(verify(&official, Some(dir)).unwrap_err().to_string().contains("fine label 100 of example 0"));
    fs::write(&train, &content[1..]).unwrap();
    assert!(matches!(verify(&official, Some(dir)), Err(FetchError::Size { found: 3073, expected: 3074, .. })));
    fs::write(dir.join("cifar-100-binary.tar.gz"), &archive[1..]).unwrap();
    assert!(matches!(verify(&official, Some(dir)), Err(FetchError::Checksum { .. })));
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
    let there = fetch(wmt14, dir, &mirror(&server), &mut |_, _| ()).unwrap();
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
        let error = fetch(wmt14, dir, &direct(), &mut |_, _| ()).unwrap_err();
        let error = error.to_string();
        let begin = format!("{}, which is here, is not as it should be", name.display());
        assert!(error.starts_with(&begin) || error.ends_with("dev.tgz: damaged archive"), "{error}");
        assert_eq!(names(dir), ["wmt14-en-de-archives"]);
    }
    for archive in names(&dir.join("wmt14-en-de-archives")) {
        let content = gzip(&tar(&[member("europarl-v7.de-en.en", text(1, "a\n"))]));
        fs::write(dir.join("wmt14-en-de-archives").join(archive), content).unwrap();
    }
    let error = fetch(wmt14, dir, &direct(), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, FetchError::NotInArchive { name: "europarl-v7.de-en.de", .. }), "{error}");
    assert_eq!(names(dir), ["wmt14-en-de-archives"]);
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
