//! Fetching and verifying data sets: unpacked, compared, and what is said of what is wrong.

use std::fs;

use lookahead_data::config::DataSource;
use lookahead_data::{DATA_SETS, Data, FetchError, Official, Origin, Unpacked, Verified, fetch, verify};

use crate::server::{Manner, Server, direct, file, names};
use crate::support::{config, gzip, tar};

/// CIFAR-100 in the form of its archive, one record in each part.
fn cifar100() -> Vec<u8> {
    let record = |label: u8| [vec![label / 5, label], vec![label; 3072]].concat();
    let files = [
        ("./cifar-100-binary/train.bin", record(7)),
        ("cifar-100-binary/test.bin", record(8)),
        ("cifar-100-binary/fine_label_names.txt", b"apple\n".to_vec()),
        // What is hidden is not meant.
        ("__MACOSX/cifar-100-binary/train.bin", b"no pictures".to_vec()),
        ("cifar-100-binary/.old/test.bin", record(9)),
    ];
    gzip(&tar(&files.map(|(name, content)| (name.to_owned(), content))))
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
    let official = Official { name: "cifar100", what: "a small one", origin, counts: &[1..=1, 1..=1] };
    let dir = folder.path();
    let there = fetch(&official, dir, &mirror(&server), &mut |_, _| ()).unwrap();
    assert_eq!(there, [dir.join("cifar-100-binary.tar.gz"), dir.join("cifar-100-binary")]);
    assert_eq!(names(dir), ["cifar-100-binary", "cifar-100-binary.tar.gz"]);
    assert_eq!(names(&dir.join("cifar-100-binary")), ["test.bin", "train.bin"]);
    let verified = verify(&official, Some(dir)).unwrap();
    assert_eq!(verified.checked.len(), 3);
    assert_eq!(verified.checked[2], "CIFAR-100, 1 + 1 images: all of it can be read");
    assert_eq!(verified.conclusion, "cifar100 is as it should be");
    // The archive, or the folder itself: there the archive is not found to compare with.
    for (place, is_official) in [("cifar-100-binary.tar.gz", false), ("cifar-100-binary", false), ("", true)] {
        let conclusion = verify(&official, Some(&dir.join(place))).unwrap().conclusion;
        assert_eq!(conclusion.ends_with("is as it should be"), is_official, "{place}: {conclusion}");
    }
    let larger = Official { counts: &[50_000..=50_000, 10_000..=10_000], ..official };
    let error = verify(&larger, Some(dir)).unwrap_err().to_string();
    assert_eq!(error, "CIFAR-100, 1 + 1 images, but the official data set has 50,000 + 10,000 images");

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
    let Verified { checked, conclusion } = verify(&official, Some(dir)).unwrap();
    assert_eq!((checked.len(), server.requests().len()), (2, 1));
    assert!(conclusion.contains("no official checksum was compared"), "{conclusion}");

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
    let error = verify(wmt14, Some(dir)).unwrap_err().to_string();
    let expected = ", but the official data set has 4,450,000 to 4,549,999 + 3,000 + 3,003 pairs";
    assert!(error.contains("12 + 1 + 1 pairs") && error.ends_with(expected), "{error}");
    let small = Official { counts: &[12..=12, 1..=1, 1..=1], ..*wmt14 };
    let checked = verify(&small, Some(dir)).unwrap().checked;
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
    let Verified { checked, conclusion } = verify(official, Some(folder.path())).unwrap();
    assert!(checked[0].contains("2 + 1 images: all of it can be read"), "{checked:?}");
    assert!(conclusion.contains("there is no official number of images"), "{conclusion}");
    fs::write(folder.path().join("train/a/1.jpg"), "damaged").unwrap();
    let error = verify(official, Some(folder.path())).unwrap_err().to_string();
    assert!(error.starts_with("1 picture is damaged: ") && error.contains("train/a/1.jpg"), "{error}");
}

#[test]
fn a_part_of_a_data_set_is_not_taken_for_all_of_it() {
    let treebank = Official::named("penn_treebank").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |tokens: [usize; 3]| {
        // A word and the end of its line are two tokens.
        for (name, tokens) in ["train", "valid", "test"].iter().zip(tokens) {
            let text = format!("{}{}", "w ".repeat(tokens % 2), "w\n".repeat(tokens / 2));
            fs::write(folder.path().join(format!("ptb.{name}.txt")), text).unwrap();
        }
        let source = DataSource::named(treebank.name).unwrap();
        let config = config(source, folder.path().to_str(), [0, 0]);
        (verify(treebank, Some(folder.path())), Data::load(&config).unwrap().unlike_official(&config))
    };
    let whole = [929_589, 73_760, 82_430];
    let (verified, difference) = write(whole);
    assert!(verified.unwrap().conclusion.starts_with("penn_treebank has as many tokens as the official"));
    assert_eq!(difference, None);
    for part in 0..3 {
        let mut tokens = whole;
        tokens[part] = 2;
        let (verified, difference) = write(tokens);
        let error = verified.unwrap_err();
        assert!(matches!(error, FetchError::OtherCounts { .. }), "{error}");
        let error = error.to_string();
        assert!(error.ends_with("but the official data set has 929,589 + 73,760 + 82,430 tokens"), "{error}");
        assert_eq!(difference, Some(error));
    }
    // Within limits a part may do.
    assert!(write([400, 30, 20]).0.is_err());
    let limited = |limits| {
        let source = DataSource::named(treebank.name).unwrap();
        let config = config(source, folder.path().to_str(), limits);
        Data::load(&config).unwrap().unlike_official(&config)
    };
    assert_eq!(limited([400, 20]), None);
    assert!(limited([400, 21]).is_some() && limited([401, 20]).is_some() && limited([400, 0]).is_some());

    // Captions, one of each part.
    for name in ["train", "val", "test_2016_flickr"] {
        for language in ["en", "de"] {
            fs::write(folder.path().join(format!("{name}.{language}")), "a\n").unwrap();
        }
    }
    let error = verify(Official::named("multi30k").unwrap(), Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("1 + 1 + 1 pairs") && error.ends_with("29,000 + 1,014 + 1,000 pairs"), "{error}");
}

#[test]
fn the_catalogue_says_the_numbers_that_are_compared() {
    for official in DATA_SETS.iter().filter(|official| official.name != "wmt14_en_de") {
        let digits: String = official.what.chars().filter(|c| *c != ',').collect();
        let counts: Vec<String> = official.counts.iter().map(|count| count.start().to_string()).collect();
        assert!(digits.contains(&counts.join(" + ")), "{}: {counts:?}", official.what);
    }
}
